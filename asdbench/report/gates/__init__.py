"""Whether the results meet what the suite demands of them (docs/gates.md).

A check takes a gate of its own kind and the report, and says what it looked at; :data:`CHECKS`
finds it by the gate's ``check``. A gate is a pure function of the report.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from asdbench.report.gates.agreement import check_rank_agreement
from asdbench.report.gates.audits import check_fidelity, check_leakage, check_memorization
from asdbench.report.gates.coverage import check_coverage
from asdbench.report.gates.equivalence import check_artifact, check_equivalence
from asdbench.report.gates.reference import check_reference
from asdbench.report.gates.ruling import verdict_of_values
from asdbench.report.gates.sign import check_sign
from asdbench.report.outcome_schema import GateResult, GateValue, Verdict
from asdbench.report.schema import Report
from asdbench.suite.gate_models import Gate

CHECKS: Mapping[str, Callable[[Any, Report], GateResult]] = {
    "equivalence": check_equivalence,
    "sign": check_sign,
    "artifact": check_artifact,
    "rank_agreement": check_rank_agreement,
    "leakage": check_leakage,
    "memorization": check_memorization,
    "fidelity": check_fidelity,
    "coverage": check_coverage,
    "reference": check_reference,
}


def check_gates(gates: Sequence[Gate], report: Report) -> list[GateResult]:
    """Return what became of each gate.

    Parameters
    ----------
    gates
        What is demanded.
    report
        Whose rows decide; its own gates are not looked at.
    """
    return [_with_absent(gate, report, CHECKS[gate.check](gate, report)) for gate in gates]


def verdict_of(results: Sequence[GateResult]) -> Verdict:
    """Return the verdict over all gates: ``fail`` before ``inconclusive`` before ``pass``."""
    found = {result.verdict for result in results}
    return "fail" if "fail" in found else "inconclusive" if "inconclusive" in found else "pass"


def _with_absent(gate: Gate, report: Report, result: GateResult) -> GateResult:
    """Add a value for everything that the gate is about and that the report has no row of."""
    if not result.values:
        reason = _unmatched(gate, report)
        return result if reason is None else result.model_copy(update={"reason": reason})
    absent = list(_absent(gate, report, result.values))
    if not absent:
        return result
    values = (*result.values, *absent)
    update: dict[str, Any] = {"values": values, "verdict": verdict_of_values(values)}
    if result.verdict == "pass":
        update["reason"] = "; ".join(str(value.reason) for value in absent)
    return result.model_copy(update=update)


def _absent(gate: Gate, report: Report, values: Sequence[GateValue]) -> Iterator[GateValue]:
    used = {grid.generator for grid in report.grids.values()}  # others were not fitted
    known = [plugin.id for plugin in report.generators]
    every = {
        "detector": [plugin.id for plugin in report.detectors],
        "generator": [n for n in known if n in used] if gate.check == "leakage" else [],
        "grid": [],
    }
    for kind, ids in every.items():
        if f"{kind}s" not in type(gate).model_fields:
            continue
        there = {getattr(value, kind) for value in values}
        for name in getattr(gate, f"{kind}s") or ids:
            if name not in there:
                reason = f"the report has no row of {kind} '{name}'"
                if kind == "generator" and name in known and name not in used:
                    reason += ": no grid asks for its clips"
                place = {kind: name}
                yield GateValue(**place, ours=None, verdict="inconclusive", reason=reason)


def _unmatched(gate: Gate, report: Report) -> str | None:
    """Return what the gate names that no row is of; None where it would look at none anyway."""
    named = {
        kind: names
        for kind in ("detector", "generator", "grid")
        if (names := getattr(gate, f"{kind}s", None)) is not None
    }
    every = gate.model_copy(update={f"{kind}s": None for kind in named})
    values = CHECKS[gate.check](every, report).values if named else ()
    if not values:
        return None
    lacking = [
        f"{kind} '{name}'"
        for kind, names in named.items()
        for name in names
        if name not in {getattr(value, kind) for value in values}
    ]
    if lacking:
        return f"the report has no row of {' or of '.join(lacking)}"
    together = "; ".join(f"{kind} {', '.join(names)}" for kind, names in named.items())
    return f"no row of the report is of all that the gate names ({together})"
