"""The ROC curves of every arm of one section, for one detector and one generator."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from asdbench.report.cells import Arm, MetricName, Rules, Subset
from asdbench.stats.combination import Clusters
from asdbench.stats.curves import Curve, Pool
from asdbench.suite.arms import SIDES, ArmName, Pairing, pairings, pool_name, within
from asdbench.suite.model import Suite

ArmKey = tuple[str, str, str, str]
"""(origin, detector, machine, section)"""
STEPS: Mapping[ArmName, tuple[str, str]] = {
    **SIDES,
    "coding": ("real normals", "coded anomalies"),
}
"""The arms, and the step between two of them that the ladder needs."""
_REAL = ("real normals", "real anomalies")
_CLIPS = {"coded normals": "real normals", "coded anomalies": "real anomalies"}
"""Pools that are made of the very clips of another."""


@dataclass(frozen=True)
class ArmCurve:
    """One of the curves that an arm's AUC is the mean of."""

    curve: Curve
    repeat: int
    """Which fit of the detector."""
    generation: int
    """Which fit of the generator."""
    recordings: Clusters
    """What the clips of its pools were cut from, where several were cut from one."""


@dataclass(frozen=True)
class SectionArms:
    """What was scored for each arm of one section."""

    pairing: Pairing
    machine: str
    section: str
    detector: str
    scored: Mapping[tuple[ArmName, str], Sequence[Arm]]
    """Scored clips by arm and side, in the order of the clips' names: one a fit and fold."""
    repeats: int
    """Fits of the detector."""
    rules: Rules

    @property
    def name(self) -> str:
        """Section, detector and what was generated, for the seeds of random numbers."""
        grid = self.pairing.anomalies or self.pairing.generator
        return "/".join([self.machine, self.section, self.detector, grid])

    def curves(
        self, arm: ArmName, subset: Subset, metric: MetricName = "auc"
    ) -> list[ArmCurve] | str:
        """Return the curves of each fit of detector and generator, or why there is none."""
        sides = []
        for pool in STEPS[arm]:
            found = self._side(arm, pool, subset, metric)
            if isinstance(found, str):
                return found
            sides.append(found)
        count = max(len(side) for side in sides)
        curves = []
        for i in range(count):  # real clips are not scored anew for each fit of a generator
            first, second = (side[i * len(side) // count] for side in sides)
            curves.append(
                ArmCurve(
                    Curve(first.pool, second.pool),
                    i * self.repeats // count,
                    max(first.generation, second.generation),
                    {**first.recordings, **second.recordings},
                )
            )
        return curves

    def _side(
        self, name: ArmName, pool: str, subset: Subset, metric: MetricName
    ) -> list[_Side] | str:
        """Return one side of an arm for each fit and fold, or why there is none."""
        kind, _, label = pool.partition(" ")
        if kind != "real" and pool not in self.pairing.grids:
            return self.pairing.missing(pool)
        arms = self.scored.get((name, pool), ())
        if len(arms) < self.repeats or len(arms) % self.repeats:
            return f"no scores of {pool}: a task failed, or there is no real clip to match"
        found = []
        for arm in arms:
            chosen = arm.take(arm.chosen(label == "normals", metric, subset, self.rules.definition))
            if not chosen.score.size:
                return f"no {pool}"
            named = self._name(pool, chosen)
            recordings = {} if chosen.recording is None else {named: chosen.recording}
            found.append(_Side(Pool(named, chosen.score), arm.generation, recordings))
        return found

    def _name(self, pool: str, arm: Arm) -> str:
        """Return what a pool is called: the same for the same clips, coded or not."""
        name = _CLIPS.get(pool, pool)
        if arm.clip is None:
            return name
        made = arm.generation if name.startswith("generated") else 0
        words = [self.machine, self.section, str(made), *arm.clip]
        return f"{name} {hashlib.sha256(chr(0).join(words).encode()).hexdigest()}"


@dataclass(frozen=True)
class _Side:
    pool: Pool
    generation: int
    recordings: Clusters


def section_arms(
    suite: Suite,
    arms: Mapping[ArmKey, Sequence[Arm]],
    sections: Sequence[tuple[str, str]],
    rules: Rules,
) -> Iterator[SectionArms]:
    """Yield the arms of each detector, generator and (machine, section).

    Parameters
    ----------
    suite
        The suite that was run.
    arms
        Scored clips by origin, detector, machine and section: one a fit, or none.
    sections
        Every (machine, section).
    rules
        What the suite says about metrics and their uncertainty.
    """
    for detector in suite.detectors:
        for pairing in pairings(suite):
            for machine, section in sections:
                where = (detector.id, machine, section)
                scored = {
                    side: found
                    for side, found in scored_sides(pairing, arms, where).items()
                    if side[1] in _REAL or all_generations(found, suite.seeds.generator_repeats)
                }
                repeats = suite.seeds.detector_repeats
                yield SectionArms(pairing, machine, section, detector.id, scored, repeats, rules)


def all_generations(arms: Sequence[Arm], generations: int) -> bool:
    """Return whether there are clips of every fit of the generator: of fewer there is no mean."""
    return {arm.generation for arm in arms}.issuperset(range(generations))


def scored_sides(
    pairing: Pairing, arms: Mapping[ArmKey, Sequence[Arm]], where: tuple[str, str, str]
) -> dict[tuple[ArmName, str], list[Arm]]:
    """Return what was scored for each arm and side of it, in the order of the clips' names.

    What was scored together with the arm's other side goes before what was scored by itself.
    """
    scored: dict[tuple[ArmName, str], list[Arm]] = {}
    for name, sides in STEPS.items():
        origins = {side: pairing.origin(side) for side in sides}
        known = {side: origin for side, origin in origins.items() if origin is not None}
        pool = pool_name(*known.values())
        for side, origin in known.items():
            found = arms.get((within(pool, origin), *where)) or arms.get((origin, *where), ())
            if found:  # a clip and its coded version stand at the same place
                scored[name, side] = [arm.by_clip() for arm in found]
    return scored


def without_digests(note: str | None) -> str | None:
    """Return a remark on pools without what tells pools of one kind apart."""
    return None if note is None else re.sub(r" [0-9a-f]{64}", "", note)
