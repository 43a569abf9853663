"""Read and write report files."""

from __future__ import annotations

import json
from collections.abc import Collection
from pathlib import Path

from pydantic import ValidationError

from asdbench.errors import DataError
from asdbench.report.markdown import render_markdown
from asdbench.report.schema import SCHEMA_ID, Report
from asdbench.report.tables import csv_tables

FORMATS = ("md", "csv")
"""What a report can be rendered to, beside its JSON."""


def report_json(report: Report) -> str:
    """Return the text of ``report.json``: the same report is always the same text."""
    content = report.model_dump(mode="json", by_alias=True)
    return json.dumps(content, indent=1, allow_nan=False) + "\n"


def write_report(report: Report, folder: Path, formats: Collection[str] = FORMATS) -> list[Path]:
    """Write ``report.json`` and what is rendered from it; return the files."""
    folder.mkdir(parents=True, exist_ok=True)
    texts = {"report.json": report_json(report)}
    if "md" in formats:
        texts["report.md"] = render_markdown(report)
    if "csv" in formats:
        texts |= {f"tables/{name}": text for name, text in csv_tables(report).items()}
    written = []
    for name, text in texts.items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        draft = path.with_name(f".{path.name}.draft")
        draft.write_text(text, encoding="utf-8")
        draft.replace(path)
        written.append(path)
    return written


def find_report(place: Path) -> Path:
    """Return the ``report.json`` of a run folder, a report folder, or the file itself.

    Raises
    ------
    DataError
        When there is none.
    """
    for candidate in (place, place / "report.json", place / "report" / "report.json"):
        if candidate.is_file():
            return candidate
    raise DataError(
        f"no report at {place}",
        "Name a run folder (runs/...), or a report.json. An unfinished run has no report: "
        "run its suite again, which continues where it stopped.",
    )


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON number")


def _next_step(path: Path) -> str:
    """Return what to do about a file that is no report."""
    if path.name == "report.json":
        return "Run its suite again, which writes the report anew from what the store has."
    return "Name a run folder (runs/...), or a report.json."


def read_report(place: Path) -> Report:
    """Read a report.

    Raises
    ------
    DataError
        When there is none, or it is not a report that this version can read.
    """
    path = find_report(place)
    try:
        content = json.loads(path.read_text(encoding="utf-8"), parse_constant=_refuse_constant)
    except (OSError, UnicodeDecodeError, ValueError) as error:
        raise DataError(f"{path} is not JSON: {error}", _next_step(path)) from error
    found = content.get("schema") if isinstance(content, dict) else None
    if found != SCHEMA_ID:
        raise DataError(
            f"{path}: schema {found!r} cannot be read", f"This version reads {SCHEMA_ID}."
        )
    try:
        return Report.model_validate(content)
    except ValidationError as error:
        raise DataError(f"{path} is not a valid report: {error}", _next_step(path)) from error
