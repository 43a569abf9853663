"""Which gates of a suite cannot pass honestly, before a second is spent.

A gate that claims that something is near passes only where the clips are many enough to show it.
What they can show is known beforehand, for a perfect generator
(:mod:`asdbench.engine.forecast.power`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from asdbench.api import SupportsTrainingManifest
from asdbench.engine.forecast.gap_gates import (
    artifact_outlook,
    equivalence_outlook,
    sign_outlook,
)
from asdbench.engine.forecast.outlook import Outlook, Prospect, outlook
from asdbench.engine.forecast.power import TYPICAL
from asdbench.report.gates.agreement import FEWEST
from asdbench.stats.power import Sizes, certifiable_margin, gap_se
from asdbench.suite.gate_models import (
    CoverageGateModel,
    FidelityGateModel,
    LeakageGateModel,
    MemorizationGateModel,
    RankAgreementGateModel,
    ReferenceGateModel,
)


def gate_outlooks(about: Prospect) -> list[Outlook]:
    """Return what to expect of each gate of a suite."""
    return [_OUTLOOKS[gate.check](gate, about) for gate in about.loaded.suite.gates]


def _ranking(gate: RankAgreementGateModel, about: Prospect) -> Outlook:
    count = len(about.loaded.detectors)
    if count < FEWEST:
        advice = f"Add {FEWEST - count} or more."
        return outlook(gate, "cannot pass", f"{count} detectors are no ranking", advice)
    if not any(pairing.anomalies for pairing in about.pairings(gate)):
        return outlook(gate, "cannot pass", "the suite generates no anomalies", "Add a grid.")
    reason = f"{count} detectors; how near they are to each other is known once clips are scored"
    return outlook(gate, "unknown", reason)


def _leakage(gate: LeakageGateModel, about: Prospect) -> Outlook:
    plugins = [p for p in about.loaded.generators if _wanted(gate.generators, p.id)]
    if not plugins:
        return outlook(gate, "cannot pass", "the suite has no generator", "Leave the gate out.")
    silent = [p.id for p in plugins if not issubclass(p.cls, SupportsTrainingManifest)]
    if silent and gate.unknown != "allow":
        reason = f"{', '.join(silent)}: does not say what it learned from"
        advice = (
            "Give it training_manifest() (docs/plugins.md), name the others under `generators`, "
            "or set unknown: allow."
        )
        return outlook(gate, "cannot pass", reason, advice)
    return outlook(gate, "can pass", "every generator says what it learned from")


def _memorization(gate: MemorizationGateModel, about: Prospect) -> Outlook:
    return _of_grids(gate, about)


def _fidelity(gate: FidelityGateModel, about: Prospect) -> Outlook:
    conditions = {name for s in about.expected.sections for name in s.conditions}
    if not any("=" in name for name in conditions):
        return outlook(gate, "cannot pass", "the data has no attributes", "Leave the gate out.")
    return _of_grids(gate, about)


def _of_grids(gate: MemorizationGateModel | FidelityGateModel, about: Prospect) -> Outlook:
    grids = [
        name
        for name, grid in about.loaded.suite.grids.items()
        if grid.make == "generate"
        and not grid.sweeps
        and _wanted(gate.generators, grid.generator)
        and _wanted(gate.grids, name)
    ]
    if not grids:
        return outlook(gate, "cannot pass", "no grid generates clips", "Add a grid.")
    return outlook(gate, "can pass", f"grids: {', '.join(grids)}")


def _coverage(gate: CoverageGateModel, about: Prospect) -> Outlook:
    suite = about.loaded.suite
    sweeps = [
        name
        for name, grid in suite.grids.items()
        if grid.sweeps and _wanted(gate.generators, grid.generator)
    ]
    if gate.max_distance is not None and not sweeps:
        reason = "no grid goes beyond the conditions of the data"
        return outlook(gate, "cannot pass", reason, "Add a grid with axes, or drop max_distance.")
    if gate.min_validated == 0.0:
        return outlook(gate, "unknown", "distances are known once conditions are validated")
    machines: Counter[str] = Counter()
    possible: Counter[str] = Counter()
    most = 0
    for section in about.expected.sections:
        normals = max(section.normals.values(), default=0)
        for count in section.conditions.values():
            machines[section.machine] += 1
            most = max(most, count)
            if normals:  # as if generated clips were without number
                se = gap_se(TYPICAL, Sizes(normals, count, 1000 * count))
                margin = certifiable_margin(se, suite.statistics.confidence)
                possible[section.machine] += margin <= suite.statistics.margin
    short = [m for m in machines if possible[m] < gate.min_validated * machines[m]]
    if short:
        reason = (
            f"{', '.join(short)}: a condition has at most {most} real anomalies, too few to show "
            f"a gap within {suite.statistics.margin:g}"
        )
        advice = "Set statistics.margin higher, or drop min_validated."
        return outlook(gate, "cannot pass", reason, advice)
    return outlook(gate, "can pass", f"up to {most} real anomalies a condition")


def _reference(gate: ReferenceGateModel, about: Prospect) -> Outlook:
    if about.simulated:
        reason = "the clips are simulated, the published numbers are of recorded machines"
        return outlook(gate, "cannot pass", reason, "Run it on the recorded data.")
    return outlook(gate, "unknown", "known once clips are scored")


def _wanted(allowed: tuple[str, ...] | None, name: str) -> bool:
    return allowed is None or name in allowed


_OUTLOOKS: Mapping[str, Callable[[Any, Prospect], Outlook]] = {
    "equivalence": equivalence_outlook,
    "sign": sign_outlook,
    "artifact": artifact_outlook,
    "rank_agreement": _ranking,
    "leakage": _leakage,
    "memorization": _memorization,
    "fidelity": _fidelity,
    "coverage": _coverage,
    "reference": _reference,
}
