"""The gate on published numbers: that ours lie near them."""

from __future__ import annotations

from collections.abc import Sequence

from asdbench.report.gates.ruling import head
from asdbench.report.means import mean_of
from asdbench.report.outcome_schema import GateResult, GateValue, PublishedRow, Verdict
from asdbench.report.schema import Report
from asdbench.suite.gate_models import ReferenceGateModel


def check_reference(gate: ReferenceGateModel, report: Report) -> GateResult:
    """Compare with published numbers; on simulated data this can neither pass nor fail."""
    key = (gate.reference, gate.metric)
    rows = [row for row in report.published if (row.reference, row.metric) == key]
    values = [_value(gate, group) for group in _groups(gate, rows)]
    verdict, reason = _verdict(gate, values)
    if report.data.simulated:
        verdict = "inconclusive"
        reason = "not applicable: simulated clips, and numbers published for recorded machines"
    over = {"section": "of every section", "machine": "of every machine", "all": "over all"}
    demand = f"{gate.metric} {over[gate.over]} within {gate.tolerance:g} of {gate.reference}"
    return GateResult(
        **head(gate), demand=demand, verdict=verdict, reason=reason, values=tuple(values)
    )


def _groups(
    gate: ReferenceGateModel, rows: Sequence[PublishedRow]
) -> list[tuple[PublishedRow, ...]]:
    """Return the rows that make up each number.

    What is published for a machine, or over all, stands for itself; otherwise the mean of what is
    published in more detail.
    """
    if gate.over == "section":
        return [(row,) for row in rows if row.section is not None]
    if gate.over == "machine":
        rows = [row for row in rows if row.machine is not None]
    found: dict[tuple[str, str | None], list[PublishedRow]] = {}
    for row in rows:
        machine = row.machine if gate.over == "machine" else None
        found.setdefault((row.method, machine), []).append(row)
    return [_coarsest(group) for group in found.values()]


def _coarsest(rows: Sequence[PublishedRow]) -> tuple[PublishedRow, ...]:
    def depth(row: PublishedRow) -> int:
        return (row.machine is not None) + (row.section is not None)

    least = min(depth(row) for row in rows)
    return tuple(row for row in rows if depth(row) == least)


def _value(gate: ReferenceGateModel, rows: Sequence[PublishedRow]) -> GateValue:
    first = rows[0]
    published = mean_of([row.published for row in rows])
    ours = [row.ours for row in rows if row.ours is not None]
    reasons = dict.fromkeys(row.reason for row in rows if row.reason)
    found = mean_of(ours) if len(ours) == len(rows) else None
    difference = None if found is None else found - published
    verdict: Verdict = "inconclusive"
    if difference is not None:
        within = abs(difference) <= gate.tolerance + 1e-12  # a difference of exactly that much
        verdict = "pass" if within else "fail"
    return GateValue(
        method=first.method,
        machine=first.machine if gate.over != "all" else None,
        section=first.section if len(rows) == 1 else None,
        domain=first.domain if len(rows) == 1 else None,
        ours=found,
        published=published,
        difference=difference,
        verdict=verdict,
        reason="; ".join(reasons) or None,
    )


def _verdict(gate: ReferenceGateModel, values: Sequence[GateValue]) -> tuple[Verdict, str]:
    missing = sum(value.verdict == "inconclusive" for value in values)
    off = sum(value.verdict == "fail" for value in values)
    known = [abs(value.difference) for value in values if value.difference is not None]
    if not values:
        return "inconclusive", f"no {gate.metric} of a method that this run has a detector for"
    if off:
        return "fail", (
            f"{off} of {len(values)} values are more than {gate.tolerance:g} off, at most "
            f"{max(known):.3f}"
        )
    if missing:
        return "inconclusive", f"{missing} of {len(values)} values have no counterpart in this run"
    return "pass", f"{len(values)} values are at most {max(known):.3f} off"
