"""The gate on the map of conditions: validated often enough, extrapolated not too far."""

from __future__ import annotations

from collections.abc import Sequence

from asdbench.report.audit_schema import CoverageRow
from asdbench.report.gates.rows import wanted
from asdbench.report.gates.ruling import SHOWN, rule
from asdbench.report.outcome_schema import GateResult, GateValue
from asdbench.report.schema import Report
from asdbench.suite.gate_models import CoverageGateModel


def check_coverage(gate: CoverageGateModel, report: Report) -> GateResult:
    """Look at the map of each machine, detector and generator."""
    groups: dict[tuple[str, str, str], list[CoverageRow]] = {}
    for row in report.coverage:
        if wanted(gate, detector=row.detector, generator=row.generator):
            groups.setdefault((row.machine, row.detector, row.generator), []).append(row)
    groups = {key: _once(rows) for key, rows in groups.items()}
    demands = []
    values = []
    for key, rows in groups.items():
        place = dict(zip(("machine", "detector", "generator"), key, strict=True))
        if gate.min_validated > 0.0:
            values.append(_validated(rows, gate.min_validated).model_copy(update=place))
        if gate.max_distance is not None:
            values.append(_nearness(rows, gate.max_distance).model_copy(update=place))
    if gate.min_validated > 0.0:
        share = f"{gate.min_validated:.0%}"
        demands.append(f"at least {share} of a machine's conditions with real clips validated")
    if gate.max_distance is not None:
        demands.append(
            f"no condition without real clips further than {gate.max_distance:g} from a "
            "validated one"
        )
    return rule(gate, " and ".join(demands), values, "the report has no map of conditions")


def _once(rows: Sequence[CoverageRow]) -> list[CoverageRow]:
    """Return one row a condition: that of the grid with the most clips of it, or the first one.

    It is chosen by numbers that are known before anything is scored, so that a second grid is no
    second chance.
    """
    found: dict[tuple[str, str], CoverageRow] = {}
    for row in rows:
        key = row.section, row.condition
        if key not in found or row.n_generated > found[key].n_generated:
            found[key] = row
    return list(found.values())


def _validated(rows: Sequence[CoverageRow], least: float) -> GateValue:
    """Return whether enough conditions are validated.

    A condition whose gap is neither shown to be none nor to be one is undecided: more clips might
    validate it, so it does not make the gate fail.
    """
    real = [row for row in rows if row.status != "extrapolated"]
    if not real:
        reason = "no condition has real clips"
        return GateValue(ours=None, verdict="inconclusive", reason=reason)
    valid = sum(row.status == "validated" for row in real)
    off = [row for row in real if row.status == "measured" and _differs(row)]
    share = valid / len(real)
    possible = (len(real) - len(off)) / len(real)
    words = f"{valid} of {len(real)} conditions validated, {len(off)} shown to differ"
    if possible < least:
        return GateValue(ours=share, verdict="fail", reason=f"{words} ({_named(off)})")
    if share < least:
        open_ = len(real) - valid - len(off)
        words += f", {open_} undecided: they need more clips"
        return GateValue(ours=share, verdict="inconclusive", reason=words)
    return GateValue(ours=share, verdict="pass", reason=words)


def _differs(row: CoverageRow) -> bool:
    return row.low is not None and row.high is not None and not row.low <= 0.0 <= row.high


def _nearness(rows: Sequence[CoverageRow], most: float) -> GateValue:
    beyond = [row for row in rows if row.status == "extrapolated"]
    if not beyond:
        reason = "no condition without real clips was generated"
        return GateValue(ours=None, verdict="inconclusive", reason=reason)
    known = [row.distance for row in beyond if row.distance is not None]
    if len(known) < len(beyond):
        reason = "no validated condition to measure the distance from"
        return GateValue(ours=None, verdict="inconclusive", reason=reason)
    far = [row for row in beyond if row.distance is not None and row.distance > most + 1e-12]
    words = f"the furthest of {len(beyond)} extrapolated conditions is {max(known):.2f} away"
    if far:
        words = f"{len(far)} of {len(beyond)} extrapolated conditions are too far ({_named(far)})"
    return GateValue(ours=max(known), verdict="fail" if far else "pass", reason=words)


def _named(rows: Sequence[CoverageRow]) -> str:
    names = [f"{row.section} {row.condition}" for row in rows[:SHOWN]]
    more = [f"and {len(rows) - SHOWN} more"] if len(rows) > SHOWN else []
    return "; ".join([*names, *more])
