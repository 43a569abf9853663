"""The AUCs of an arm that sets normals against normals, by section or by machine."""

from __future__ import annotations

from collections.abc import Mapping
from math import sqrt
from typing import Literal

from asdbench.report.arm_schema import ArmRow, ArmValue, ArtifactFinding
from asdbench.report.gates.estimate import Estimate
from asdbench.report.gates.rows import Measured, wanted
from asdbench.report.means import auc_cells, mean_of
from asdbench.report.schema import Report
from asdbench.suite.gate_models import ArtifactGateModel, EquivalenceGateModel

ArmName = Literal["artifact", "codec"]
Key = tuple[str, str, str]
"""(machine, detector, generator)"""


def arm_estimates(
    gate: EquivalenceGateModel | ArtifactGateModel, arm: ArmName, over: str, report: Report
) -> list[Measured]:
    """Return the AUC of ``arm`` in each section and domain, or its mean in each machine.

    Grids of anomalies share the normals of their generator, which are looked at once.
    """
    groups: dict[Key, dict[tuple[str, str], ArmRow]] = {}
    for row in report.arms:
        if wanted(gate, detector=row.detector, generator=row.generator):
            group = groups.setdefault((row.machine, row.detector, row.generator), {})
            group.setdefault((row.section, row.domain), row)
    cells = {key: auc_cells(list(group.values())) for key, group in groups.items()}
    if over == "section":
        return [_of_section(row, arm, report.confidence) for own in cells.values() for row in own]
    findings = {(f.machine, f.detector, f.generator): f for f in report.artifacts}
    return [
        _of_finding(findings[key], report.confidence)
        if arm == "artifact" and key in findings
        else _mean(key, [getattr(row, arm) for row in own], report.confidence)
        for key, own in cells.items()
    ]


def _of_section(row: ArmRow, arm: ArmName, confidence: float) -> Measured:
    place = {
        **_place((row.machine, row.detector, row.generator)),
        "section": row.section,
        "domain": row.domain,
    }
    return _measured(place, getattr(row, arm), confidence)


def _measured(place: Mapping[str, str | None], value: ArmValue, confidence: float) -> Measured:
    estimate = Estimate.of(value.auc, value.auc_low, value.auc_high, confidence)
    return Measured(place, value.auc, estimate, value.reason or value.note)


def _of_finding(finding: ArtifactFinding, confidence: float) -> Measured:
    place = _place((finding.machine, finding.detector, finding.generator))
    estimate = Estimate.of(finding.auc, finding.auc_low, finding.auc_high, confidence)
    contradiction = None
    if finding.finding == "separated" and estimate and estimate.low <= 0.5 <= estimate.high:
        contradiction = (
            f"the mean AUC is {estimate.value:.3f}, but single sections or domains differ from "
            "0.5 by more than chance explains"
        )
    reason = finding.sentence if estimate is None else None
    return Measured(place, finding.auc, estimate, reason, contradiction=contradiction)


def _mean(key: Key, values: list[ArmValue], confidence: float) -> Measured:
    """Return the mean; its sections and domains share no clips, so variances add."""
    known = [value for value in values if value.auc is not None]
    reasons = dict.fromkeys(v.reason or v.note for v in values if v.auc_low is None)
    if len(known) < len(values) or not values or any(v.auc_low is None for v in values):
        reason = "; ".join(str(r) for r in reasons if r) or "an interval is missing"
        return Measured(_place(key), None, None, reason)
    mean = mean_of([value.auc for value in known if value.auc is not None])
    halves = [0.5 * ((v.auc_high or 0.0) - (v.auc_low or 0.0)) for v in values]
    half = sqrt(sum(h**2 for h in halves)) / len(halves)
    return Measured(_place(key), mean, Estimate(mean, mean - half, mean + half, confidence))


def _place(key: Key) -> dict[str, str | None]:
    return dict(zip(("machine", "detector", "generator"), key, strict=True))
