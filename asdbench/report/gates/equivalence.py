"""Gates on gaps, and on arms of normals: that each lies within a margin of what it should be.

Passing claims that every row is within the margin: every row must be shown to be, each by two
one-sided tests. That needs no correction for their number (R. L. Berger, Technometrics 24 (1982)).
Failing claims that some row is off, and the chance of one false alarm grows with their number:
there Holm's method is applied.
"""

from __future__ import annotations

from collections.abc import Sequence

from asdbench.report.gates.arm_values import arm_estimates
from asdbench.report.gates.estimate import Estimate, adjusted
from asdbench.report.gates.rows import Measured, wanted
from asdbench.report.gates.ruling import rule
from asdbench.report.outcome_schema import GateResult, GateValue, Verdict
from asdbench.report.schema import Report
from asdbench.report.trust_schema import VerdictRow
from asdbench.suite.gate_models import (
    ArtifactGateModel,
    AskedGap,
    EquivalenceGateModel,
    SignGateModel,
)

EVERY = {
    "section": "of every section and domain",
    "machine": "of every machine",
    "suite": "over all machines",
}


def check_equivalence(gate: EquivalenceGateModel, report: Report) -> GateResult:
    """Compare gaps with 0, or the AUCs of an arm with what they should be."""
    if gate.arm is not None:
        target = 0.5 if gate.target is None else gate.target
        demand = f"{gate.arm} AUC {EVERY[gate.over]} within {gate.margin:g} of {target:g}"
        rows = arm_estimates(gate, gate.arm, gate.over, report)
        values = _near(rows, target, gate.margin, gate.multiplicity == "holm")
        return rule(gate, demand, values, f"the report has no {gate.arm} arm")
    gap = gate.gap or "headline"
    name = {"auc": "AUC", "pauc": "pAUC"}[gate.metric]
    demand = f"{gap} {name} gap {EVERY[gate.over]} within {gate.margin:g} of 0"
    found = gap_rows(gate, gap, gate.over, report)
    rows = [_measured(row, gate.margin, report.confidence) for row in found]
    values = _near(rows, 0.0, gate.margin, gate.multiplicity == "holm")
    absent = f"the report has no {gap} {name} gap {EVERY[gate.over]}"
    return rule(gate, demand, values, absent, signed=True)


def check_artifact(gate: ArtifactGateModel, report: Report) -> GateResult:
    """Compare the AUCs of generated normals against real ones with 0.5."""
    demand = f"artifact AUC {EVERY[gate.over]} within {gate.margin:g} of 0.5"
    rows = arm_estimates(gate, "artifact", gate.over, report)
    values = _near(rows, 0.5, gate.margin, gate.multiplicity == "holm")
    return rule(gate, demand, values, "the report has no artifact arm")


def gap_rows(
    gate: EquivalenceGateModel | SignGateModel, gap: AskedGap, over: str, report: Report
) -> list[VerdictRow]:
    """Return the rows of the report that a gate on gaps looks at.

    Of a section with domains these are the domains; the row of all its clips says nothing else.
    """
    found = [
        row
        for row in report.verdicts
        if (row.over, row.metric) == (over, gate.metric)
        and (row.headline if gap == "headline" else row.gap == gap)
        and wanted(gate, detector=row.detector, generator=row.generator, grid=row.grid)
    ]
    divided = {(r.machine, r.section) for r in found if r.domain in ("source", "target")}
    return [
        row for row in found if row.domain != "all" or (row.machine, row.section) not in divided
    ]


def _measured(row: VerdictRow, margin: float, confidence: float) -> Measured:
    """Return a gap of the report as a gate sees it.

    Where the report judges it by the same margin, the gate does not judge it otherwise.
    """
    same = row.verdict is not None and row.margin == margin
    return Measured(
        {
            "machine": row.machine,
            "section": row.section,
            "domain": row.domain,
            "detector": row.detector,
            "generator": row.generator,
            "grid": row.grid,
        },
        row.value,
        Estimate.of(row.value, row.low, row.high, confidence),
        row.reason or row.note,
        row.verdict in ("equivalent", "negligible") if same else None,
    )


def _near(rows: Sequence[Measured], target: float, margin: float, holm: bool) -> list[GateValue]:
    raw = [row.estimate.p_equal(target) if row.estimate else None for row in rows]
    return [
        _near_value(row, target, margin, p_fail)
        for row, p_fail in zip(rows, adjusted(raw, holm), strict=True)
    ]


def _near_value(row: Measured, target: float, margin: float, p_fail: float | None) -> GateValue:
    """Return whether a number is near its target.

    Where it is shown to be within the margin it passes, even if it is shown not to be the target;
    what is neither is undecided.
    """
    found = row.estimate
    if found is None or p_fail is None:
        why = row.reason or "it has no interval"
        return GateValue(**row.place, ours=row.value, verdict="inconclusive", reason=why)
    alpha = 1.0 - found.confidence
    p_pass = found.p_outside(target, margin)
    verdict: Verdict = "fail" if p_fail <= alpha else "inconclusive"
    reason: str | None = None
    if p_pass <= alpha if row.within is None else row.within:
        verdict = "pass" if row.contradiction is None else "fail"
        reason = row.contradiction
    return GateValue(
        **row.place,
        ours=found.value,
        low=found.low,
        high=found.high,
        p_pass=p_pass,
        p_fail=p_fail,
        verdict=verdict,
        reason=reason,
    )
