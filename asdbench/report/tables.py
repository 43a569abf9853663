"""A report as flat tables, for CSV files and for anybody's data frame."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from pydantic import BaseModel

from asdbench.report.outcome_schema import GateResult
from asdbench.report.schema import Report


def flatten(row: BaseModel) -> dict[str, Any]:
    """Return the fields of ``row``; those of a nested model as ``outer_inner``."""
    flat: dict[str, Any] = {}
    for name in type(row).model_fields:
        value = getattr(row, name)
        if isinstance(value, BaseModel):
            flat |= {f"{name}_{inner}": field for inner, field in flatten(value).items()}
        else:
            flat[name] = value
    return flat


def csv_tables(report: Report) -> dict[str, str]:
    """Return the text of each CSV file by its name; null is an empty cell."""
    return {
        "cells.csv": _csv([flatten(cell) for cell in report.cells]),
        "means.csv": _csv([flatten(mean) for mean in report.means]),
        "arms.csv": _csv([flatten(row) for row in report.arms]),
        "arm_means.csv": _csv([flatten(mean) for mean in report.arm_means]),
        "artifacts.csv": _csv([flatten(finding) for finding in report.artifacts]),
        "below_chance.csv": _csv([flatten(row) for row in report.below_chance]),
        "verdicts.csv": _csv([flatten(row) for row in report.verdicts]),
        "ladder.csv": _csv([flatten(row) for row in report.ladder]),
        "agreement.csv": _csv([flatten(row) for row in report.agreement]),
        "score_distances.csv": _csv([flatten(row) for row in report.score_distances]),
        "components.csv": _csv([flatten(row) for row in report.components]),
        "leakage.csv": _csv([flatten(row) for row in report.leakage]),
        "memorization.csv": _csv([flatten(row) for row in report.memorization]),
        "fidelity.csv": _csv([flatten(row) for row in report.fidelity]),
        "coverage.csv": _csv([flatten(row) for row in report.coverage]),
        "seen.csv": _csv([flatten(row) for row in report.seen]),
        "quality.csv": _csv([flatten(row) for row in report.quality]),
        "official.csv": _csv([flatten(score) for score in report.official]),
        "selections.csv": _csv([flatten(row) for row in report.selections]),
        "published.csv": _csv([flatten(row) for row in report.published]),
        "gates.csv": _csv([row for gate in report.gates for row in _gate_rows(gate)]),
    }


def _gate_rows(gate: GateResult) -> Iterator[dict[str, Any]]:
    """Yield a row for each value of a gate; one without a value where there is none."""
    own = {f"gate_{key}": value for key, value in flatten(gate).items() if key != "values"}
    for value in gate.values or (None,):
        yield own | (flatten(value) if value is not None else {})


def _csv(rows: Sequence[Mapping[str, Any]]) -> str:
    columns: Iterable[str] = dict.fromkeys(name for row in rows for name in row)
    text = io.StringIO()
    writer = csv.DictWriter(text, list(columns), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
