"""``asdbench compare``."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from asdbench.comparison import Comparison


class Format(StrEnum):
    """How a comparison is written."""

    text = "text"
    md = "md"
    json = "json"
    csv = "csv"
    junit = "junit"
    github = "github"


def compare(
    base: Annotated[
        Path, typer.Argument(metavar="BASE", help="Run folder or report.json to compare with.")
    ],
    new: Annotated[Path, typer.Argument(metavar="NEW", help="Run folder or report.json.")],
    tolerance: Annotated[
        float,
        typer.Option(min=0.0, max=1.0, help="How far any AUC, pAUC or gap may move."),
    ] = 0.01,
    gate: Annotated[
        list[str] | None,
        typer.Option(
            "--gate",
            metavar="METRIC:TOL",
            help="Fail only on this: auc, auc_gap, pauc, pauc_gap, one number as auc_matched_gap, "
            "or verdict (no tolerance). Repeatable.",
        ),
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option(
            "--only",
            metavar="WHAT=NAME",
            help="Compare only machine=, section=, detector= or generator=NAME. Repeatable.",
        ),
    ] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Exit with 6 where a row is unresolved.")
    ] = False,
    format_: Annotated[
        Format, typer.Option("--format", help="How the outcome is written.")
    ] = Format.text,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", metavar="FILE", help="Write to a file; stdout gets the verdict only."
        ),
    ] = None,
) -> None:
    """Compare two reports row by row; for a build that must fail on a change.

    Where both sides lie beside their scores.parquet, every change has an interval, paired over
    the clips that both runs scored: a value is within its tolerance only where the interval is,
    otherwise it is unresolved. A value that moved by more than its tolerance fails in any case.
    docs/ci.md describes the formats. With --format github, the table goes to the job summary.

    Exit codes: 0 nothing moved beyond its tolerance, 3 something did, 4 the reports are not
    comparable (another suite, data set, split or metric definition), 5 rows or values were lost,
    6 nothing moved and a row is unresolved (0 without --strict).

    For example:

        asdbench compare reports/quickstart runs/today --gate auc:0.02 --gate auc_gap:0.03
    """
    from asdbench.comparison import compare as compare_reports
    from asdbench.comparison import parse_gates, read_side
    from asdbench.comparison.formats import render
    from asdbench.comparison.formats.words import conclusion

    gates = parse_gates(gate or ())
    outcome = compare_reports(read_side(base), read_side(new), tolerance, gates, only or ())
    text = _text(outcome) if format_ is Format.text else render(outcome, format_.value)
    if format_ is Format.github:
        _summarize(render(outcome, "md"))
    if out is None:
        typer.echo(text, nl=False)
    else:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(text, encoding="utf-8")
        typer.echo(conclusion(outcome))
    unresolved = strict and outcome.verdict == "unresolved"
    raise typer.Exit(6 if unresolved else outcome.exit_code)


def _summarize(page: str) -> None:
    """Add the page to the summary of the job, where there is one."""
    import os

    place = os.environ.get("GITHUB_STEP_SUMMARY")
    if place:
        with Path(place).open("a", encoding="utf-8") as file:
            file.write(page + "\n")


def _text(outcome: Comparison) -> str:
    """Return the outcome for a terminal."""
    from asdbench.cli.tables import compact_table, console
    from asdbench.comparison.formats.page import LIMIT
    from asdbench.comparison.formats.words import change_text, conclusion, shown

    lines = [f"not comparable: {obstacle}" for obstacle in outcome.obstacles]
    lines += [f"note: {note}" for note in outcome.notes]
    rows = outcome.shown
    if rows:
        table = compact_table("Not within tolerance, worst first (*: fails)")
        for name in ("row", "value", "status"):
            table.add_column(name, overflow="fold")
        for name in ("base", "new", "change"):
            table.add_column(name, justify="right")
        for row in rows[:LIMIT]:
            status = f"{row.status} *" if row.fails else row.status
            numbers = (shown(row.base), shown(row.new), change_text(row))
            table.add_row(str(row.key), row.value, status, *numbers)
        out = console()
        with out.capture() as capture:
            out.print(table)
        lines += capture.get().rstrip().splitlines()
    if len(rows) > LIMIT:
        lines.append(f"and {len(rows) - LIMIT} more; --format csv lists all")
    lines += [f"lost: {key}" for key in outcome.lost]
    lines += [f"new: {key}" for key in outcome.added]
    return "\n".join([*lines, conclusion(outcome)]) + "\n"
