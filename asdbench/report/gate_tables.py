"""Gates as Markdown: what was demanded, what became of it, and the rows that decide."""

from __future__ import annotations

from asdbench.report.gates.ruling import pressing
from asdbench.report.outcome_schema import GateResult, GateValue
from asdbench.report.schema import Report
from asdbench.report.text import escaped, table, with_interval

MOST = 20
"""Deciding rows of one gate that are shown."""
CAPTION = (
    "Pass, fail or inconclusive; inconclusive is no pass. A row fails where its number is shown to "
    "be off, among all rows of its gate; it passes where it is shown to be as demanded; otherwise "
    "the clips are too few to tell. docs/gates.md says how each gate is computed."
)


def gate_blocks(report: Report) -> list[str]:
    """Return the section on gates, if there are any."""
    if not report.gates:
        return []
    rows = [
        [g.id, escaped(demand(g)), f"**{g.verdict}**", escaped(summary(g)), str(len(g.values))]
        for g in report.gates
    ]
    headers = ["gate", "what must hold", "verdict", "because", "values"]
    blocks = ["## Gates", CAPTION, table(rows, headers, 4)]
    for gate in report.gates:
        if gate.verdict != "pass" and gate.values:
            blocks += [f"### {gate.id}", *_deciding(gate)]
    return blocks


def summary(gate: GateResult) -> str:
    """Return why in a few words; rows that decide are listed below, except those of a pass."""
    count = sum(value.verdict == gate.verdict for value in gate.values)
    if gate.verdict == "pass" or not count or gate.check == "reference":
        return gate.reason
    word = "fail" if gate.verdict == "fail" else "undecided"
    return f"{count} of {len(gate.values)} {word}, listed below"


def demand(gate: GateResult) -> str:
    """Return what must hold, in words."""
    return gate.demand or f"{gate.metric} within {gate.tolerance:g} of {gate.reference}"


def deciding(gate: GateResult) -> list[GateValue]:
    """Return the values that made a gate what it is: those of its verdict, worst first.

    Where the whole gate is undecided for a reason of its own, these are all.
    """
    found = [value for value in gate.values if value.verdict == gate.verdict] or [*gate.values]
    return sorted(found, key=pressing)


def value_row(gate: GateResult, value: GateValue) -> list[str]:
    """Return a value as cells of a table: what it belongs to, the number, why."""
    place = "/".join(p for p in (value.machine, value.section, value.domain) if p) or "all"
    made = value.generator or ""
    if value.grid is not None:
        made = f"{made} ({value.grid})".strip()
    reason = value.reason or ""
    if value.published is not None and value.difference is not None:
        reason = f"published {value.published:.3f}, off by {value.difference:+.3f}"
    if value.p_fail is not None and value.p_pass is not None and not value.reason:
        reason = f"p = {value.p_fail:.3f}" if value.p_fail >= 0.0005 else "p < 0.001"
    return [
        place,
        value.method or value.detector or "",
        made,
        _shown(gate, value),
        reason,
    ]


def _shown(gate: GateResult, value: GateValue) -> str:
    if gate.check == "leakage":  # a number of clips
        return "-" if value.ours is None else f"{value.ours:.0f}"
    is_gap = gate.check == "equivalence" and gate.settings.get("arm") is None
    return with_interval(value.ours, value.low, value.high, signed=is_gap)


def _escaped_row(row: list[str]) -> list[str]:
    return [cell if i == 3 else escaped(cell) for i, cell in enumerate(row)]


def _deciding(gate: GateResult) -> list[str]:
    found = deciding(gate)
    headers = ["where", "detector", "generator", "value", "because"]
    rows = [_escaped_row(value_row(gate, value)) for value in found[:MOST]]
    left = len(found) - MOST
    more = f"{left} more in `tables/gates.csv`." if left > 0 else ""
    return [table(rows, headers, 3), more]
