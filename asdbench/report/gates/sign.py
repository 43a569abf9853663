"""The gate on systematic bias: whether the gaps of a detector all lean the same way.

A sign test: without bias a gap is above 0 as often as below. It rests on the signs alone, so it
finds a bias that every single interval is too wide to show; and since k machines allow no p-value
below 2 / 2^k, it can say nothing about few of them.
"""

from __future__ import annotations

from collections.abc import Sequence

from asdbench.report.gates.equivalence import EVERY, gap_rows
from asdbench.report.gates.estimate import adjusted
from asdbench.report.gates.ruling import rule
from asdbench.report.means import mean_of
from asdbench.report.outcome_schema import GateResult, GateValue
from asdbench.report.schema import Report
from asdbench.report.trust_schema import VerdictRow
from asdbench.stats.multiplicity import sign_test
from asdbench.suite.gate_models import SignGateModel

Key = tuple[str, str, str | None]
"""(detector, generator, grid)"""


def check_sign(gate: SignGateModel, report: Report) -> GateResult:
    """Test the signs of the gaps of each detector, generator and grid."""
    name = {"auc": "AUC", "pauc": "pAUC"}[gate.metric]
    units = {"machine": "machines", "section": "sections"}[gate.over]
    demand = (
        f"{gate.gap} {name} gaps above and below 0 in as many {units} as chance explains "
        f"(sign test, p > {gate.alpha:g})"
    )
    groups: dict[Key, list[VerdictRow]] = {}
    for row in gap_rows(gate, gate.gap, gate.over, report):
        groups.setdefault((row.detector, row.generator, row.grid), []).append(row)
    gaps = {key: _gaps(rows) for key, rows in groups.items()}
    holm = gate.multiplicity == "holm"
    raw = [sign_test(found) if found else None for found in gaps.values()]
    p_values = adjusted(raw, holm)
    # All other tests may come out as clearly, so this one must be able to pass the first step.
    tests = len(raw) if holm else 1
    values = [
        _value(key, found, p, tests, gate.alpha, units)
        for (key, found), p in zip(gaps.items(), p_values, strict=True)
    ]
    return rule(gate, demand, values, f"the report has no {gate.gap} {name} gap {EVERY[gate.over]}")


def _gaps(rows: Sequence[VerdictRow]) -> list[float] | None:
    """Return the gap of each machine or section, or None where one is missing."""
    units: dict[tuple[str | None, str | None], list[float | None]] = {}
    for row in rows:
        units.setdefault((row.machine, row.section), []).append(row.value)
    found = []
    for values in units.values():
        known = [value for value in values if value is not None]
        if len(known) < len(values):
            return None
        found.append(mean_of(known))
    return found


def _counts(gaps: Sequence[float]) -> tuple[int, int]:
    return sum(gap > 0.0 for gap in gaps), sum(gap < 0.0 for gap in gaps)


def _value(
    key: Key, gaps: list[float] | None, p: float | None, tests: int, alpha: float, units: str
) -> GateValue:
    place = dict(zip(("detector", "generator", "grid"), key, strict=True))
    if gaps is None or p is None:
        reason = f"a gap is missing in one of the {units}" if gaps is None else "every gap is 0"
        return GateValue(**place, ours=None, verdict="inconclusive", reason=reason)
    above, below = _counts(gaps)
    known = units if above + below != 1 else units.removesuffix("s")
    signs = f"{above} of {above + below} {known} above 0 (p = {p:.3f})"
    least = min(1.0, tests * 2.0 * 0.5 ** (above + below))
    if p > alpha and least > alpha:
        signs += (
            f"; even with the same sign everywhere p would be {least:.3f}: too few {units} "
            f"for alpha {alpha:g}"
        )
    verdict = "fail" if p <= alpha else "inconclusive" if least > alpha else "pass"
    share = above / (above + below) if above + below else None
    return GateValue(**place, ours=share, p_fail=p, verdict=verdict, reason=signs)
