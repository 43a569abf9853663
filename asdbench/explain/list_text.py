"""The cells that a name may mean, as text."""

from __future__ import annotations

from collections.abc import Sequence

from asdbench.explain.headline import arm_row, headline_of
from asdbench.explain.lines import page, table
from asdbench.explain.places import PARTS, Place
from asdbench.report.schema import Report
from asdbench.report.text import number, with_interval

_LISTED = 40  # cells of a list


def render_list(report: Report, places: Sequence[Place], name: str) -> str:
    """Return the cells that a name may mean, and what could stand in each of its parts."""
    cells = {Place.of(cell): cell for cell in report.cells}
    rows = []
    for place in places[:_LISTED]:
        cell = cells[place]
        headline = headline_of(report, cell, arm_row(report, cell))
        shown = "-"
        verdict = "-"
        if headline is not None:
            shown = with_interval(headline.value, headline.low, headline.high, signed=True)
            if headline.verdict is not None:
                verdict = headline.verdict.verdict or "-"
        rows.append([str(place), number(cell.auc.real), shown, verdict])
    lines = table(rows, ["cell", "AUC real", "headline gap", "verdict"])
    more = len(places) - _LISTED
    if more > 0:
        lines.append(f"... and {more} more; name more parts.")
    known = [
        f"{part}: {', '.join(dict.fromkeys(p.parts[i] for p in places if len(p.parts) > i))}"
        for i, part in enumerate(PARTS)
    ]
    head = f"{len(places)} cells of {report.suite.name} match '{name}'. One in full: name it whole."
    return page([[head], lines, known])
