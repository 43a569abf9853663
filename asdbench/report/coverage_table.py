"""The coverage map as Markdown: one row a condition, one column a detector and grid."""

from __future__ import annotations

from collections import Counter

from asdbench.report.audit_schema import CoverageRow
from asdbench.report.schema import Report
from asdbench.report.text import escaped, number, table

_LETTERS = {"validated": "**V**", "measured": "M", "extrapolated": "X"}


def coverage_blocks(report: Report) -> list[str]:
    """Return the section on coverage; nothing where nothing was generated."""
    if not report.coverage:
        return []
    caption = (
        "Which conditions have a generated AUC that real clips support? **V** validated: the "
        "condition has real anomalies and the gap is equivalent to none; M measured: it has them, "
        "and the gap is not shown to be equivalent (with few clips it never is); X extrapolated: "
        "generated clips only. Then the AUC of the section's normals against the condition's "
        "generated anomalies, by the headline protocol, and in brackets that against the real "
        "ones; or, for X, the distance to the nearest validated condition of the machine: numbers "
        "in ranges of the data, 1 for each other word. n: real anomalies. Extrapolated values "
        "enter no mean."
    )
    columns = list(dict.fromkeys((row.detector, row.grid or "") for row in report.coverage))
    by_condition: dict[tuple[str, str, str], dict[tuple[str, str], CoverageRow]] = {}
    for row in report.coverage:
        place = (row.machine, row.section, row.condition)
        by_condition.setdefault(place, {})[row.detector, row.grid or ""] = row
    shown = []
    for place, found in by_condition.items():
        first = next(iter(found.values()))
        cells = [_cell(found.get(column)) for column in columns]
        shown.append([*map(escaped, place), first.domain or "-", str(first.n_real), *cells])
    headers = ["machine", "section", "condition", "domain", "n"]
    headers += [f"{detector}, {grid}" for detector, grid in columns]
    return ["## Coverage", caption, *_summary(report), table(shown, headers, 4)]


def _summary(report: Report) -> list[str]:
    """Return how many conditions of each grid have which status."""
    counts: dict[tuple[str, str, str], Counter[str]] = {}
    for row in report.coverage:
        key = (row.generator, row.grid or "", row.detector)
        counts.setdefault(key, Counter())[row.status] += 1
    lines = [
        f"- {escaped(generator)}, grid {escaped(grid)}, {detector}: "
        + ", ".join(f"{found[status]} {status}" for status in _LETTERS)
        + f" of {found.total()} conditions"
        for (generator, grid, detector), found in counts.items()
    ]
    return ["\n".join(lines)]


def _cell(row: CoverageRow | None) -> str:
    if row is None:
        return "-"
    text = f"{_LETTERS[row.status]} {number(row.auc_generated)}"
    if row.status != "extrapolated":
        return f"{text} ({number(row.auc_real)})"
    return text if row.distance is None else f"{text} ({row.distance:.2f} away)"
