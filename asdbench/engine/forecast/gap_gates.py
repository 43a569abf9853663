"""What to expect of gates on gaps and on arms of normals."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

from asdbench.engine.forecast.outlook import Outlook, Prospect, outlook
from asdbench.engine.forecast.power import (
    AUCS,
    TYPICAL,
    KnownGap,
    Over,
    artifact_errors,
    gap_errors,
    smallest,
)
from asdbench.stats.power import (
    Sizes,
    certifiable_margin,
    clips_needed,
    equivalence_power,
    generated_needed,
)
from asdbench.suite.arms import Pairing
from asdbench.suite.gate_models import (
    ArtifactGateModel,
    AskedGap,
    EquivalenceGateModel,
    SignGateModel,
)

Errors = Mapping[float, Sequence[float]]
"""Standard error of every row, by the AUC that it is expected at."""


def equivalence_outlook(gate: EquivalenceGateModel, about: Prospect) -> Outlook:
    """Return whether the margin can be certified with these clips."""
    if gate.arm == "artifact":
        return artifact_outlook(gate, about)
    if gate.arm == "codec":
        return _codec(gate, about)
    found = gaps_of(gate.gap or "headline", gate, about)
    if isinstance(found, Outlook):
        return found
    if gate.metric == "pauc" or gate.gap == "coded":
        what = "pAUC" if gate.metric == "pauc" else "the coded gap"
        reason = f"what can be certified for {what} is known only once clips are scored"
        return outlook(gate, "unknown", reason)
    suite, expected = about.loaded.suite, about.expected
    groups = {
        auc: [gap_errors(suite, expected, *one, gate.over, auc) for one in found] for auc in AUCS
    }
    if not all(all(group) for group in groups.values()):
        reason = "a section has no real or no generated clips of one label"
        return outlook(gate, "cannot pass", reason, "Leave the section out, or add clips.")
    least = max(zip(groups[TYPICAL], found, strict=True), key=lambda item: max(item[0]))[1]
    errors = {auc: [se for group in found for se in group] for auc, found in groups.items()}
    return _judged(gate, errors, TYPICAL, about, _more_clips(gate, about, *least))


def gaps_of(
    asked: AskedGap, gate: EquivalenceGateModel | SignGateModel, about: Prospect
) -> list[tuple[Pairing, KnownGap]] | Outlook:
    """Return the gaps that a gate looks at, or why the suite has none."""
    found: list[tuple[Pairing, KnownGap]] = []
    for pairing in about.pairings(gate):
        beside = "generated normals" in pairing.grids
        pools = {
            "headline": ["generated anomalies"],
            "paper": ["generated anomalies"],
            "matched": ["generated anomalies", "generated normals"],
            "coded": ["coded anomalies", "coded normals"],
        }
        lacking = [pool for pool in pools[asked] if pairing.origin(pool) is None]
        if lacking:
            return outlook(gate, "cannot pass", pairing.missing(lacking[0]), "Add the grid.")
        found.append((pairing, "matched" if beside and asked != "paper" else "paper"))
    if not found:
        reason = about.swept(gate) or "the suite generates no anomalies"
        advice = "Add a grid without axes." if about.swept(gate) else "Add a generator and a grid."
        return outlook(gate, "cannot pass", reason, advice)
    return found


def artifact_outlook(gate: EquivalenceGateModel | ArtifactGateModel, about: Prospect) -> Outlook:
    """Return whether an AUC of 0.5 can be certified with these normals."""
    errors: list[float] = []
    for pairing in _once(about.pairings(gate)):
        if pairing.origin("generated normals") is None:
            reason = pairing.missing("generated normals")
            advice = "Add the grid, or name under `generators` those that have one."
            return outlook(gate, "cannot pass", reason, advice)
        own = artifact_errors(about.expected, pairing, _over(gate))
        if not own:
            reason = f"a section has no generated normals of {pairing.generator}"
            return outlook(gate, "cannot pass", reason, "Generate more of them.")
        errors += own
    if not errors:
        reason = about.swept(gate) or "the suite generates nothing"
        advice = "Add a grid without axes." if about.swept(gate) else "Add a generator."
        return outlook(gate, "cannot pass", reason, advice)
    advice = "generate more normals; real normals limit this as well."
    return _judged(gate, {0.5: errors}, 0.5, about, advice)


def _codec(gate: EquivalenceGateModel, about: Prospect) -> Outlook:
    for pairing in _once(about.pairings(gate)):
        if pairing.origin("coded normals") is None:
            reason = pairing.missing("coded normals")
            advice = "Add the grid, or name under `generators` those that have a codec."
            return outlook(gate, "cannot pass", reason, advice)
    reason = "what can be certified for the codec arm is known only once clips are scored"
    return outlook(gate, "unknown", reason)


def _once(pairings: Sequence[Pairing]) -> list[Pairing]:
    """Return one pairing for each generator: its grids of anomalies share the normals."""
    return list({pairing.generator: pairing for pairing in pairings}.values())


def _judged(
    gate: EquivalenceGateModel | ArtifactGateModel,
    errors: Errors,
    at: float,
    about: Prospect,
    more_clips: str,
) -> Outlook:
    """Compare the margin with what can be certified in the least certain row."""
    confidence = about.loaded.suite.statistics.confidence
    least = {auc: certifiable_margin(max(found), confidence) for auc, found in errors.items()}
    shown = ", ".join(f"{margin:.3f} at AUC {auc:g}" for auc, margin in least.items())
    powers = [equivalence_power(gate.margin, se, confidence=confidence) for se in errors[at]]
    rows = len(powers) * len(about.detectors(gate))
    chance = math.prod(powers) ** len(about.detectors(gate))
    reason = f"margin {gate.margin:g} over {gate.over}; certifiable with 80 % power: {shown}"
    if least[at] > gate.margin:
        margin = math.ceil(1000.0 * least[at]) / 1000.0
        advice = f"Set the margin to {margin:g} or more, or {more_clips}"
        if gate.over != "suite" and isinstance(gate, EquivalenceGateModel) and gate.arm is None:
            advice += " Or judge over a larger part: over: suite."
        return outlook(gate, "cannot pass", reason, advice, chance)
    if chance < 0.5:
        reason += f"; all of {rows} rows pass with a chance of about {chance:.0%}"
        margin = _joint_margin(errors[at], len(about.detectors(gate)), confidence)
        advice = f"Set the margin to {margin:g} for a chance of 80 %, or {more_clips}"
        return outlook(gate, "unlikely", reason, advice, chance)
    return outlook(gate, "can pass", reason, "", chance)


def _joint_margin(errors: Sequence[float], detectors: int, confidence: float) -> float:
    """Return a margin within which all rows are certified together with 80 % power."""
    power = 0.8 ** (1.0 / (len(errors) * detectors))
    return math.ceil(1000.0 * certifiable_margin(max(errors), confidence, power)) / 1000.0


def _more_clips(
    gate: EquivalenceGateModel, about: Prospect, pairing: Pairing, gap: KnownGap
) -> str:
    """Return how many more clips would certify the margin."""
    suite, expected = about.loaded.suite, about.expected
    sizes = _of_level(smallest(suite, expected, pairing, gap), gate.over, about)
    if sizes is None:
        return "add clips."
    confidence = suite.statistics.confidence
    made = generated_needed(gate.margin, TYPICAL, sizes, confidence)
    both = clips_needed(gate.margin, TYPICAL, sizes, confidence)
    factor = both.anomalies / sizes.anomalies
    real = f"{_times(factor)} as many real and generated clips"
    if suite.split.folds is None and suite.split.generator_train > 0.0:
        real += " (split: {folds: 5} in place of generator_train evaluates every one)"
    if made is None:
        return f"have {real}; no number of generated clips alone is enough."
    times = _times(made.generated_anomalies / sizes.generated_anomalies)
    return f"generate {times} as many clips (multiplier), or have {real}."


def _times(factor: float) -> str:
    return f"{math.ceil(10.0 * factor) / 10.0:g} times"


def _of_level(sizes: Sizes | None, over: Over, about: Prospect) -> Sizes | None:
    if sizes is None or over == "section":
        return sizes
    sections = about.expected.sections
    machines = [s.machine for s in sections]
    count = len(sections) if over == "suite" else min(machines.count(m) for m in machines)
    domains = max(len(s.normals) for s in sections)
    return replace(sizes, domains=domains, sections=count)


def _over(gate: EquivalenceGateModel | ArtifactGateModel) -> Over:
    return gate.over


def sign_outlook(gate: SignGateModel, about: Prospect) -> Outlook:
    """Return whether so few signs can say anything."""
    found = gaps_of(gate.gap, gate, about)
    if isinstance(found, Outlook):
        return found
    machines = gate.over == "machine"
    units = len(about.expected.machines if machines else about.expected.sections)
    name = "machines" if machines else "sections"
    tests = len(found) * len(about.detectors(gate))
    corrected = tests if gate.multiplicity == "holm" else 1
    least = min(1.0, corrected * 2.0 * 0.5**units)
    known = name if units != 1 else name.removesuffix("s")
    pairs = "detectors and grids" if tests != 1 else "detector and grid"
    reason = f"{units} {known}, {tests} {pairs}: no p-value below {least:.3f}"
    if least <= gate.alpha:
        return outlook(gate, "can pass", reason)
    needed = math.ceil(math.log2(2.0 * corrected / gate.alpha))
    advice = f"It needs {needed} {name} for alpha {gate.alpha:g}"
    advice += " (over: section counts more)" if machines else ""
    return outlook(gate, "cannot pass", reason, f"{advice}, fewer detectors, or a larger alpha.")
