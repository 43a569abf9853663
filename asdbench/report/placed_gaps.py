"""Every gap of a report: of sections and domains, of machines, of the suite."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from asdbench.report.cells import MetricName, Subset
from asdbench.report.chance import Chance, mean_chance, measure_chance
from asdbench.report.measured_gaps import GAPS, MeasuredGap, mean_gap, measure_gap
from asdbench.report.schema import Cell
from asdbench.report.section_arms import SectionArms
from asdbench.report.trust_schema import GapKind
from asdbench.suite.arms import SIDES, Pairing

METRICS: tuple[MetricName, ...] = ("auc", "pauc")
Place = tuple[str, str]
"""(machine, section)"""
Domains = Mapping[Place, Sequence[Subset]]
"""The domains of each section that has cells: `source`, `target`, `all`, or `all` alone."""


@dataclass(frozen=True)
class PlacedGap:
    """A gap, and what it is of."""

    over: Literal["section", "machine", "suite"]
    machine: str | None
    section: str | None
    domain: Subset | None
    detector: str
    pairing: Pairing
    gap: GapKind
    metric: MetricName
    measured: MeasuredGap | str
    """The gap, or why there is none."""

    @property
    def headline(self) -> bool:
        """Whether this is the gap to read first."""
        return self.gap == headline_gap(self.pairing)

    @property
    def judged(self) -> bool:
        """Whether the gap has a verdict; the pAUC of one domain, which enters no mean, has none."""
        return self.metric == "auc" or self.domain in (None, "all")


def headline_gap(pairing: Pairing) -> GapKind:
    """Return ``matched``, or ``paper`` where the suite generates no normals."""
    return "matched" if "generated normals" in pairing.grids else "paper"


def domains_of(cells: Sequence[Cell]) -> Domains:
    """Return the domains of each section that has cells."""
    domains: dict[Place, dict[Subset, None]] = {}
    for cell in cells:
        domains.setdefault((cell.machine, cell.section), {})[cell.domain] = None
    return {place: tuple(found) for place, found in domains.items()}


def averaged_domains(given: Sequence[Subset], metric: MetricName) -> tuple[Subset, ...]:
    """Return the domains that enter means: both for AUC, all clips at once for pAUC."""
    divided = tuple(d for d in given if d != "all")
    whole = tuple(d for d in given if d == "all")
    return (divided or whole) if metric == "auc" else (whole or divided)


def placed_gaps(sections: Sequence[SectionArms], domains: Domains) -> Iterator[PlacedGap]:
    """Yield the gaps of each detector and generator, those of sections before their means.

    A gap that the suite has no grids for is yielded for machines and the suite only, with the
    reason. What enters means is the pAUC of a section's clips of both domains; that of each is
    yielded for the paper's gap, which cells show.
    """
    groups: dict[tuple[str, str, str | None], list[SectionArms]] = {}
    for arms in sections:
        key = (arms.detector, arms.pairing.generator, arms.pairing.anomalies)
        groups.setdefault(key, []).append(arms)
    for group in groups.values():
        for gap in GAPS:
            for metric in METRICS:
                yield from _Contestant(group, domains, gap, metric).gaps()


@dataclass(frozen=True)
class _Contestant:
    """One gap and metric of one detector and generator, in all sections."""

    sections: Sequence[SectionArms]
    domains: Domains
    gap: GapKind
    metric: MetricName

    def gaps(self) -> Iterator[PlacedGap]:
        pairing = self.sections[0].pairing
        unasked = [
            pairing.missing(side) for side in SIDES[self.gap] if pairing.origin(side) is None
        ]
        parts: dict[Place, MeasuredGap | str] = {}
        weights: dict[Place, float] = {}
        for arms in self.sections:
            place = (arms.machine, arms.section)
            weights[place] = len(averaged_domains(self.domains[place], self.metric))
            if unasked:
                parts[place] = unasked[0]
                continue
            found, parts[place] = self.section(arms)
            for domain, measured in found.items():
                yield self.placed("section", place, domain, measured)
        for machine in dict.fromkeys(machine for machine, _ in parts):
            here = {place: part for place, part in parts.items() if place[0] == machine}
            yield self.placed("machine", (machine, None), None, _mean(here, weights))
        yield self.placed("suite", (None, None), None, _mean(parts, weights))

    def section(
        self, arms: SectionArms
    ) -> tuple[dict[Subset, MeasuredGap | str], MeasuredGap | str]:
        """Return the gap of each domain, and of those that enter means together."""
        given = self.domains[arms.machine, arms.section]
        averaged = averaged_domains(given, self.metric)
        if self.metric == "pauc":
            shown = given if self.gap == "paper" else averaged
            found = {domain: self.measured(arms, (domain,)) for domain in shown}
            chances: Mapping[Subset, Chance] = {}
        else:
            chances = measure_chance(arms, self.gap, given)
            found = {d: self.measured(arms, (d,), chances.get(d)) for d in given}
        if len(averaged) == 1:
            return found, found[averaged[0]]
        own = [chances[domain] for domain in averaged if domain in chances]
        both = mean_chance(own) if len(own) == len(averaged) else None
        return found, self.measured(arms, averaged, both)

    def measured(
        self, arms: SectionArms, domains: Sequence[Subset], chance: Chance | None = None
    ) -> MeasuredGap | str:
        found = measure_gap(arms, self.gap, domains, self.metric)
        if chance is None or isinstance(found, str):
            return found
        return replace(found, deals=chance.deals, halves=chance.halves)

    def placed(
        self,
        over: Literal["section", "machine", "suite"],
        place: tuple[str | None, str | None],
        domain: Subset | None,
        measured: MeasuredGap | str,
    ) -> PlacedGap:
        first = self.sections[0]
        return PlacedGap(
            over,
            *place,
            domain,
            first.detector,
            first.pairing,
            self.gap,
            self.metric,
            measured,
        )


def _mean(
    parts: Mapping[Place, MeasuredGap | str], weights: Mapping[Place, float]
) -> MeasuredGap | str:
    """Return the mean over sections; over an incomplete set none is given."""
    known = {place: part for place, part in parts.items() if not isinstance(part, str)}
    reasons = dict.fromkeys(part for part in parts.values() if isinstance(part, str))
    if not reasons:
        return mean_gap(
            {"/".join(place): part for place, part in known.items()},
            {"/".join(place): weights[place] for place in known},
        )
    if not known:
        return "; ".join(reasons)
    lost = len(parts) - len(known)
    return f"{lost} of {len(parts)} sections have no gap: {'; '.join(reasons)}"
