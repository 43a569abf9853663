"""Gates on the audits of generators: leakage, memorization, fidelity."""

from __future__ import annotations

from asdbench.report.audit_schema import FidelityRow, LeakageRow, MemorizationRow
from asdbench.report.gates.estimate import adjusted
from asdbench.report.gates.rows import wanted
from asdbench.report.gates.ruling import rule
from asdbench.report.outcome_schema import GateResult, GateValue, Verdict
from asdbench.report.schema import Report
from asdbench.suite.gate_models import (
    FidelityGateModel,
    LeakageGateModel,
    MemorizationGateModel,
)


def check_leakage(gate: LeakageGateModel, report: Report) -> GateResult:
    """Count the evaluation clips that generators learned from."""
    rows = [row for row in report.leakage if wanted(gate, generator=row.generator)]
    demand = f"no generator learned from more than {gate.max_overlap} evaluation clips"
    if gate.max_overlap == 0:
        demand = "no generator learned from an evaluation clip"
    values = [_overlap(gate, row) for row in rows]
    return rule(gate, demand, values, "the report has no leakage audit")


def _overlap(gate: LeakageGateModel, row: LeakageRow) -> GateValue:
    verdict: Verdict = "pass" if row.n_overlap <= gate.max_overlap else "fail"
    ours: float | None = row.n_overlap
    if row.status == "unknown" and verdict == "pass":
        verdict = "pass" if gate.unknown == "allow" else gate.unknown
        ours = None
    elif not row.n_checked and verdict == "pass":
        verdict = "inconclusive"
    return GateValue(generator=row.generator, ours=ours, verdict=verdict, reason=row.sentence)


def check_memorization(gate: MemorizationGateModel, report: Report) -> GateResult:
    """Look for copies of training clips among the generated ones."""
    rows = [r for r in report.memorization if wanted(gate, generator=r.generator, grid=r.grid)]
    demand = "no grid's clips are copies of training clips"
    if gate.max_excess is not None:
        demand = f"at most {gate.max_excess:.0%} of a grid's clips are copies beyond chance"
    raw = [row.p for row in rows]
    p_values = adjusted(raw, gate.multiplicity == "holm")
    alpha = 1.0 - report.confidence
    values = [_copies(gate, row, p, alpha) for row, p in zip(rows, p_values, strict=True)]
    return rule(gate, demand, values, "the report has no memorization audit")


def _copies(
    gate: MemorizationGateModel, row: MemorizationRow, p: float | None, alpha: float
) -> GateValue:
    excess = None if row.share is None else row.share - (row.expected or 0.0)
    verdict: Verdict = "inconclusive"
    reason = row.sentence
    tolerated = gate.max_excess is not None and excess is not None and excess <= gate.max_excess
    if row.finding == "not copied" and not tolerated and gate.max_excess is not None:
        reason += f" Yet {excess:.3f} more than expected is above {gate.max_excess:g}."
    elif row.finding == "not copied" or (row.finding == "copied" and tolerated):
        verdict = "pass"
    elif row.finding == "copied":
        verdict = "fail" if p is None or p <= alpha else "inconclusive"
        if verdict == "inconclusive":
            reason += f" Among all rows of this gate that may be chance (p = {p:.3f})."
    return GateValue(
        generator=row.generator,
        grid=row.grid,
        machine=row.machine,
        ours=excess,
        p_fail=p,
        verdict=verdict,
        reason=reason,
    )


def check_fidelity(gate: FidelityGateModel, report: Report) -> GateResult:
    """Look for attributes that generated clips do not have although they were asked for."""
    rows = [row for row in report.fidelity if wanted(gate, generator=row.generator, grid=row.grid)]
    well = " as well as on real clips" if gate.weak == "fail" else ""
    demand = f"a classifier hears every attribute that was asked for{well}"
    values = [_attribute(gate, row) for row in rows]
    return rule(gate, demand, values, "the report has no fidelity audit")


def _attribute(gate: FidelityGateModel, row: FidelityRow) -> GateValue:
    verdicts: dict[str, Verdict] = {
        "kept": "pass",
        "weak": "pass" if gate.weak == "allow" else "fail",
        "ignored": "fail",
        "not measured": "inconclusive",
    }
    words = f"{row.attribute} {row.finding}"
    if row.accuracy is not None and row.ceiling is not None:
        words += f": accuracy {row.accuracy:.2f}, on real clips {row.ceiling:.2f}"
    return GateValue(
        generator=row.generator,
        grid=row.grid,
        machine=row.machine,
        section=row.section,
        ours=row.accuracy,
        verdict=verdicts[row.finding],
        reason=f"{words}. {row.reason}" if row.reason else words,
    )
