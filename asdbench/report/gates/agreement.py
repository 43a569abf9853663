"""The gate on rankings: whether generated anomalies rank the detectors as real ones do."""

from __future__ import annotations

from asdbench.report.gates.estimate import Estimate, adjusted
from asdbench.report.gates.rows import wanted
from asdbench.report.gates.ruling import rule
from asdbench.report.outcome_schema import GateResult, GateValue, Verdict
from asdbench.report.schema import Report
from asdbench.report.trust_schema import AgreementRow, GapKind
from asdbench.suite.gate_models import RankAgreementGateModel

FEWEST = 3
"""Detectors without which there is no ranking worth the name."""


def check_rank_agreement(gate: RankAgreementGateModel, report: Report) -> GateResult:
    """Compare Kendall's tau with a least value, or with what real clips would reach."""
    limit = "its real-vs-real ceiling" if gate.min_tau is None else f"{gate.min_tau:g}"
    where = {"machine": "of every machine", "suite": "of the means over all machines"}[gate.over]
    below = "not below" if gate.min_tau is None else "at least"
    demand = f"tau of the detectors' rankings {where} ({gate.gap}) {below} {limit}"
    rows = _rows(gate, report)
    estimates = [Estimate.of(row.tau, row.tau_low, row.tau_high, report.confidence) for row in rows]
    limits = [row.tau_ceiling if gate.min_tau is None else gate.min_tau for row in rows]
    raw = [
        None if e is None or limit is None or row.n_detectors < FEWEST else e.p_below(limit)
        for row, e, limit in zip(rows, estimates, limits, strict=True)
    ]
    values = [
        _value(gate, row, estimate, p, 1.0 - report.confidence)
        for row, estimate, p in zip(
            rows, estimates, adjusted(raw, gate.multiplicity == "holm"), strict=True
        )
    ]
    return rule(gate, demand, values, f"the report has no ranking by {gate.gap} anomalies")


def _rows(gate: RankAgreementGateModel, report: Report) -> list[AgreementRow]:
    found = [
        row
        for row in report.agreement
        if (row.machine is None) == (gate.over == "suite")
        and wanted(gate, generator=row.generator, grid=row.grid)
    ]
    if gate.gap != "headline":
        return [row for row in found if row.gap == gate.gap]
    first = _headline(report)
    return [row for row in found if row.gap == first.get((row.generator, row.grid), "paper")]


def _headline(report: Report) -> dict[tuple[str, str | None], GapKind]:
    return {(row.generator, row.grid): row.gap for row in report.verdicts if row.headline}


def _value(
    gate: RankAgreementGateModel,
    row: AgreementRow,
    estimate: Estimate | None,
    p_fail: float | None,
    alpha: float,
) -> GateValue:
    place = {"machine": row.machine, "generator": row.generator, "grid": row.grid}
    if row.n_detectors < FEWEST:
        reason = f"{row.n_detectors} detectors: a ranking needs {FEWEST} or more"
        return GateValue(**place, ours=row.tau, verdict="inconclusive", reason=reason)
    if estimate is None or p_fail is None:
        reason = row.reason or "tau has no interval or no ceiling"
        return GateValue(**place, ours=row.tau, verdict="inconclusive", reason=reason)
    # A ceiling that is met by a tau that might as well be 0 says nothing.
    p_pass = estimate.p_above(0.0 if gate.min_tau is None else gate.min_tau)
    verdict: Verdict = "fail" if p_fail <= alpha else "pass" if p_pass <= alpha else "inconclusive"
    shown = f"tau {estimate.value:.2f} [{estimate.low:.2f}, {estimate.high:.2f}]"
    if gate.min_tau is None:
        shown += f", ceiling {row.tau_ceiling:.2f}"
    return GateValue(
        **place,
        ours=estimate.value,
        low=estimate.low,
        high=estimate.high,
        p_pass=p_pass,
        p_fail=p_fail,
        verdict=verdict,
        reason=shown,
    )
