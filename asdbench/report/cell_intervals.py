"""One interval for one gap: cells take theirs from the gaps that are measured for verdicts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from asdbench.report.cells import MetricName, Subset
from asdbench.report.placed_gaps import PlacedGap
from asdbench.report.schema import Cell, Comparison

Key = tuple[str | None, str | None, Subset | None, str, str | None, MetricName]


def with_intervals(cells: Sequence[Cell], gaps: Iterable[PlacedGap]) -> list[Cell]:
    """Return the cells with the intervals of the paper's gaps."""
    found: dict[Key, PlacedGap] = {
        (gap.machine, gap.section, gap.domain, gap.detector, gap.pairing.anomalies, gap.metric): gap
        for gap in gaps
        if gap.over == "section" and gap.gap == "paper"
    }

    def replaced(cell: Cell, metric: MetricName, given: Comparison) -> Comparison:
        place = (cell.machine, cell.section, cell.domain, cell.detector, cell.grid, metric)
        gap = found.get(place)
        if given.gap is None or gap is None:
            return given
        if isinstance(gap.measured, str):
            return given.model_copy(update={"reason": gap.measured})
        interval = gap.measured.interval
        known = interval.se is not None
        update = {
            "gap_low": interval.low,
            "gap_high": interval.high,
            "method": gap.measured.how if known else None,
            "note": interval.note if known else None,
            "reason": None if known else interval.note,
        }
        return given.model_copy(update=update)

    return [
        cell.model_copy(
            update={
                "auc": replaced(cell, "auc", cell.auc),
                "pauc": replaced(cell, "pauc", cell.pauc),
            }
        )
        for cell in cells
    ]
