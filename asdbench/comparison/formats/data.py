"""A comparison for programs: JSON with a schema, and CSV."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
from typing import Any

from asdbench.comparison.outcome import Change, Comparison
from asdbench.comparison.schema import SCHEMA_ID, ComparedRow, ComparisonFile, RowId


def as_file(outcome: Comparison) -> ComparisonFile:
    """Return what the JSON file holds."""
    return ComparisonFile(
        schema=SCHEMA_ID,
        suite=outcome.suite,
        verdict=outcome.verdict,
        exit_code=outcome.exit_code,
        obstacles=outcome.obstacles,
        notes=outcome.notes,
        tolerances=outcome.tolerances,
        confidence=outcome.confidence,
        n_rows=outcome.n_rows,
        counts={str(status): count for status, count in sorted(outcome.counts.items())},
        lost=tuple(RowId(**dataclasses.asdict(key)) for key in outcome.lost),
        added=tuple(RowId(**dataclasses.asdict(key)) for key in outcome.added),
        rows=tuple(_row(row) for row in outcome.rows),
    )


def _row(row: Change) -> ComparedRow:
    values: dict[str, Any] = dataclasses.asdict(row)
    key = values.pop("key")
    return ComparedRow(**key, **values, difference=row.difference, fails=row.fails)


def as_json(outcome: Comparison) -> str:
    """Return the text of the JSON file (``asdbench schema comparison``)."""
    content = as_file(outcome).model_dump(mode="json", by_alias=True)
    return json.dumps(content, indent=1, allow_nan=False) + "\n"


def as_csv(outcome: Comparison) -> str:
    """Return one line for each number and finding, and for each row that is lost or new."""
    out = io.StringIO()
    writer = csv.DictWriter(out, list(ComparedRow.model_fields), lineterminator="\n")
    writer.writeheader()
    content = as_file(outcome)
    writer.writerows(row.model_dump() for row in content.rows)
    for status, keys in (("lost", content.lost), ("new", content.added)):
        for key in keys:
            fails = status == "lost"
            row = {**key.model_dump(), "value": "row", "status": status, "fails": fails}
            writer.writerow({**row, "gated": fails})
    return out.getvalue()
