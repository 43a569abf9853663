"""The ROC curves behind a report's numbers, from its score table."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from asdbench.comparison.quantity import Key, MetricName, Quantity
from asdbench.comparison.side import Side
from asdbench.metrics.definitions import DefinitionId
from asdbench.report.build import scored_arms
from asdbench.report.cells import SUBSETS, Arm, Rules
from asdbench.report.placed_gaps import averaged_domains, domains_of
from asdbench.report.section_arms import ArmCurve, ArmKey, SectionArms, scored_sides
from asdbench.stats.curves import Curve, Pool
from asdbench.suite.arms import SIDES, Pairing, pairings_of

Terms = list[tuple[float, ArmCurve]]
"""Weights and curves whose weighted sum a number is."""


@dataclass(frozen=True)
class ScoredSide:
    """One side of a comparison, as curves."""

    side: Side
    which: str
    """`base` or `new`."""
    _sections: dict[tuple[str, str, str, str | None], SectionArms] = field(default_factory=dict)

    @functools.cached_property
    def _arms(self) -> Mapping[ArmKey, Sequence[Arm]]:
        return {} if self.side.scores is None else scored_arms(self.side.scores)

    @functools.cached_property
    def _pairings(self) -> Mapping[str | None, Pairing]:
        report = self.side.report
        found = pairings_of([plugin.id for plugin in report.generators], report.grids)
        return {pairing.anomalies or pairing.generator: pairing for pairing in found}

    @functools.cached_property
    def _repeats(self) -> Mapping[str, int]:
        scores = self.side.scores
        if scores is None:
            return {}
        return {
            str(name): int(last) + 1
            for name, last in scores.groupby("detector").repeat.max().items()
        }

    def terms(self, key: Key, quantity: Quantity) -> Terms | str:
        """Return weights and curves of a number, or why there are none.

        A mean over sections weights every section and domain alike.
        """
        parts = [key] if key.section is not None else self._parts(key, quantity.metric)
        terms: Terms = []
        for part in parts:
            found = self._terms(part, quantity)
            if isinstance(found, str):
                return found
            terms += [(weight / len(parts), one) for weight, one in found]
        return terms

    def _parts(self, key: Key, metric: MetricName) -> list[Key]:
        """Return the rows that a mean over the sections of a machine, or of all, is taken of."""
        return [
            replace(key, machine=machine, section=section, domain=domain)
            for (machine, section), domains in domains_of(self.side.report.cells).items()
            if key.machine in (None, machine)
            for domain in averaged_domains(domains, metric)
        ]

    def _terms(self, key: Key, quantity: Quantity) -> Terms | str:
        terms: Terms = []
        signed = [(quantity.arm, 1.0), *([("real", -1.0)] if quantity.gap else [])]
        for arm, sign in signed:
            curves = self._curves(key, arm, quantity)
            if isinstance(curves, str):
                return curves
            terms += [(sign / len(curves), one) for one in curves]
        return terms

    def _curves(self, key: Key, arm: str, quantity: Quantity) -> list[ArmCurve] | str:
        section = self._section(key)
        subset = next((name for name in SUBSETS if name == key.domain), None)
        if section is None or subset is None:
            return f"no scores of {key} ({self.which})"
        found = section.curves(arm, subset, quantity.metric)
        if isinstance(found, str):
            return found
        return [self._named(one, section.pairing, arm, key.place) for one in found]

    def _section(self, key: Key) -> SectionArms | None:
        detector, machine, section = key.detector, key.machine, key.section
        if detector is None or machine is None or section is None:
            return None
        where = (detector, machine, section, key.grid)
        if where in self._sections:
            return self._sections[where]
        pairing = self._pairings.get(key.grid, Pairing("", {}))
        report = self.side.report
        rules = Rules(DefinitionId(report.definition), report.confidence, 0, 0)
        scored = scored_sides(pairing, self._arms, (detector, machine, section))
        repeats = self._repeats.get(detector)
        if repeats is None:
            return None
        found = SectionArms(pairing, machine, section, detector, scored, repeats, rules)
        self._sections[where] = found
        return found

    def _named(self, one: ArmCurve, pairing: Pairing, arm: str, place: str) -> ArmCurve:
        """Return the curve with generated pools named after their audio.

        A generated clip's name says where it stands, not what it sounds like: two runs made the
        same clips only where their reports identify them so.
        """
        pools = []
        recordings = dict(one.recordings)
        for side, pool in zip(SIDES[arm], one.curve.pools, strict=True):
            name = pool.clips
            if side.startswith("generated"):
                grid = self.side.report.grids.get(pairing.grids[side])
                audio = grid.clips.get(place) if grid is not None else None
                name = f"{name} {audio or self.which}"
            if pool.clips in recordings:
                recordings[name] = recordings.pop(pool.clips)
            pools.append(Pool(name, pool.scores))
        return replace(one, curve=Curve(*pools), recordings=recordings)
