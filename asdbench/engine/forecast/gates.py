"""Which gates of a suite cannot pass honestly, before a second is spent.

A gate that claims that something is near passes only where the clips are many enough to show it.
What they can show is known beforehand, for a perfect generator
(:mod:`asdbench.engine.forecast.power`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from asdbench.api import SupportsTrainingManifest
from asdbench.audit.memorization import LEVEL, least_p
from asdbench.engine.forecast.coverage_gate import coverage_outlook
from asdbench.engine.forecast.gap_gates import (
    artifact_outlook,
    equivalence_outlook,
    sign_outlook,
)
from asdbench.engine.forecast.outlook import Outlook, Prospect, outlook
from asdbench.report.gates.agreement import FEWEST
from asdbench.report.gates.ruling import SHOWN
from asdbench.suite.gate_models import (
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
        reason = about.swept(gate) or "the suite generates no anomalies"
        return outlook(gate, "cannot pass", reason, "Add a grid without axes.")
    reason = f"{count} detectors; how near they are to each other is known once clips are scored"
    return outlook(gate, "unknown", reason)


def _leakage(gate: LeakageGateModel, about: Prospect) -> Outlook:
    plugins = [p for p in about.loaded.generators if _wanted(gate.generators, p.id)]
    if not plugins:
        return outlook(gate, "cannot pass", "the suite has no generator", "Leave the gate out.")
    asked = {grid.generator for grid in about.loaded.suite.grids.values()}
    idle = [p.id for p in plugins if p.id not in asked]
    if idle and (gate.generators is not None or len(idle) == len(plugins)):
        reason = f"{', '.join(idle)}: no grid asks for its clips, so it is not fitted"
        return outlook(gate, "cannot pass", reason, "Add a grid, or do not name it.")
    plugins = [p for p in plugins if p.id in asked]
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
    found = _of_grids(gate, about)
    if isinstance(found, Outlook):
        return found
    few = {}
    for (grid, machine), searches in about.expected.searches.items():
        tested = sum(name == grid for name, _ in about.expected.searches)
        least = least_p(searches) if all(one.held_out for one in searches) else 1.0
        if grid in found and tested * least >= LEVEL:  # nothing else is copied: Holm's first step
            few[f"{grid} {machine}"] = min(1.0, tested * least)
    if few:
        reason = (
            f"{_first(list(few))}: too few clips to find copies: even if all were, p would not be "
            f"below {min(few.values()):.2g} (the level is {LEVEL:g})"
        )
        return outlook(gate, "cannot pass", reason, "Raise the multiplier, or evaluate more clips.")
    return outlook(gate, "can pass", f"grids: {', '.join(found)}")


def _fidelity(gate: FidelityGateModel, about: Prospect) -> Outlook:
    conditions = {name for s in about.expected.sections for name in s.conditions}
    if not any("=" in name for name in conditions):
        return outlook(gate, "cannot pass", "the data has no attributes", "Leave the gate out.")
    found = _of_grids(gate, about)
    if isinstance(found, Outlook):
        return found
    return outlook(gate, "can pass", f"grids: {', '.join(found)}")


def _of_grids(
    gate: MemorizationGateModel | FidelityGateModel, about: Prospect
) -> list[str] | Outlook:
    """Return the grids whose clips a gate looks at, or why there are none."""
    grids = [
        name
        for name, grid in about.loaded.suite.grids.items()
        if grid.make == "generate"
        and not grid.sweeps
        and _wanted(gate.generators, grid.generator)
        and _wanted(gate.grids, name)
    ]
    if not grids:
        reason = about.swept(gate) or "no grid generates clips"
        return outlook(gate, "cannot pass", reason, "Add a grid without axes.")
    return grids


def _reference(gate: ReferenceGateModel, about: Prospect) -> Outlook:
    if about.simulated:
        reason = "the clips are simulated, the published numbers are of recorded machines"
        return outlook(gate, "cannot pass", reason, "Run it on the recorded data.")
    return outlook(gate, "unknown", "known once clips are scored")


def _first(names: Sequence[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more


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
    "coverage": coverage_outlook,
    "reference": _reference,
}
