"""The gap of a cell to read first, and the rows of a report that are about a cell."""

from __future__ import annotations

from typing import Protocol

from asdbench.explain.model import Headline
from asdbench.report.arm_schema import ArmRow
from asdbench.report.schema import Cell, Report
from asdbench.report.trust_schema import VerdictRow


class _Row(Protocol):
    @property
    def machine(self) -> str | None: ...

    @property
    def detector(self) -> str: ...

    @property
    def generator(self) -> str: ...


def about(row: _Row, cell: Cell) -> bool:
    """Return whether a row is about the cell's machine, detector and generator."""
    mine = (cell.machine, cell.detector, cell.generator)
    return (row.machine, row.detector, row.generator) == mine


def arm_row(report: Report, cell: Cell) -> ArmRow | None:
    """Return the arms of the cell; None in a report without arms."""
    key = (cell.section, cell.domain, cell.grid)
    rows = (r for r in report.arms if about(r, cell) and (r.section, r.domain, r.grid) == key)
    return next(rows, None)


def headline_of(report: Report, cell: Cell, row: ArmRow | None) -> Headline | None:
    """Return the headline gap with its verdict; None where nothing was generated.

    A report without verdicts has the gap of its arms, or else that of its cells.
    """
    if cell.generator is None:
        return None
    verdict = next((v for v in report.verdicts if v.headline and _is_of(v, cell)), None)
    if verdict is not None:
        values = (verdict.value, verdict.low, verdict.high)
        return Headline(verdict.gap, *values, verdict, verdict.reason)
    if row is not None and row.matched_gap.value is not None:
        gap = row.matched_gap
        return Headline("matched", gap.value, gap.low, gap.high, None, gap.reason)
    given = cell.auc
    return Headline("paper", given.gap, given.gap_low, given.gap_high, None, given.reason)


def _is_of(row: VerdictRow, cell: Cell) -> bool:
    """Return whether a verdict is about the AUC of this very cell."""
    place = (row.over, row.section, row.domain, row.grid, row.metric)
    return about(row, cell) and place == ("section", cell.section, cell.domain, cell.grid, "auc")
