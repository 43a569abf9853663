"""What can be certified with the clips that a suite will have (:mod:`asdbench.stats.power`)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from asdbench.engine.forecast.sizes import Counts, Expected, SectionSizes
from asdbench.metrics.definitions import DEFINITIONS, Definition, DefinitionId
from asdbench.stats.power import Sizes, auc_se, certifiable_margin, gap_se
from asdbench.suite.arms import Pairing, pairings
from asdbench.suite.model import Suite

AUCS = (0.6, 0.75, 0.9)
"""Where the margins are given: a gap is the more certain, the further its AUC is from 0.5."""
TYPICAL = 0.75
"""The AUC by which gates are judged."""
Over = Literal["section", "machine", "suite"]
KnownGap = Literal["matched", "paper"]


@dataclass(frozen=True)
class PowerRow:
    """The smallest margin within which a perfect generator is certified."""

    over: Over
    gap: KnownGap
    generators: tuple[str, ...]
    """Generators with grids of these sizes: ``id (grid)``."""
    sizes: Sizes
    """Of the section with the fewest clips; for one domain of it."""
    margins: tuple[float, ...]
    """For each of :data:`AUCS`; of the section or machine where it is largest."""


def power_table(suite: Suite, expected: Expected) -> list[PowerRow]:
    """Return what can be certified over sections, machines and the suite, at 80 % power.

    Generators whose grids have the same sizes share rows.
    """
    rows: dict[tuple[Over, KnownGap, Sizes, tuple[float, ...]], list[str]] = {}
    for pairing in pairings(suite):
        for gap in ("matched", "paper"):
            for over in ("section", "machine", "suite"):
                found = [gap_errors(suite, expected, pairing, gap, over, auc) for auc in AUCS]
                sizes = smallest(suite, expected, pairing, gap)
                if sizes is None or not all(found):
                    continue
                confidence = suite.statistics.confidence
                margins = tuple(certifiable_margin(max(se), confidence) for se in found)
                name = f"{pairing.generator} ({pairing.anomalies})"
                rows.setdefault((over, gap, sizes, margins), []).append(name)
    return [
        PowerRow(over, gap, tuple(names), sizes, margins)
        for (over, gap, sizes, margins), names in rows.items()
    ]


def gap_errors(
    suite: Suite, expected: Expected, pairing: Pairing, gap: KnownGap, over: Over, auc: float
) -> list[float]:
    """Return the standard error of the gap of a perfect generator in each row of the report.

    Empty where the suite has no grids for the gap, or a section has no clips of one.
    """
    definition = DEFINITIONS[DefinitionId(suite.definition)]
    sections = [section_sizes(s, pairing, gap, definition) for s in expected.sections]
    known = [sizes for sizes in sections if sizes]
    if len(known) < len(sections):
        return []
    if over == "section":
        return [gap_se(auc, one) for sizes in known for one in sizes]
    means = [_mean_error(sizes, auc, definition) for sizes in known]
    if over == "suite":
        return [_mean(means)]
    places = [s.machine for s in expected.sections]
    return [
        _mean([se for se, place in zip(means, places, strict=True) if place == machine])
        for machine in expected.machines
    ]


def smallest(suite: Suite, expected: Expected, pairing: Pairing, gap: KnownGap) -> Sizes | None:
    """Return the sizes of the section and domain with the fewest clips."""
    definition = DEFINITIONS[DefinitionId(suite.definition)]
    found = [
        one
        for section in expected.sections
        for one in section_sizes(section, pairing, gap, definition)
    ]
    return max(found, key=lambda sizes: gap_se(TYPICAL, sizes), default=None)


def section_sizes(
    section: SectionSizes, pairing: Pairing, gap: KnownGap, definition: Definition
) -> list[Sizes]:
    """Return the sizes of each AUC of a section; none where a pool is missing or empty."""
    anomalies = section.made.get(pairing.anomalies or "", {})
    normals = section.made.get(pairing.grids.get("generated normals", ""), {})
    shared = definition.auc_takes_both_domains or not definition.has_domains
    found = []
    for domain, count in _by_domain(section.normals, definition).items():
        real = _of(section.anomalies, domain, shared)
        made = _of(anomalies, domain, shared)
        beside = _by_domain(normals, definition).get(domain, 0) if gap == "matched" else None
        if not (count and real and made) or beside == 0:
            return []
        found.append(Sizes(count, real, made, beside))
    return found


def _by_domain(counts: Counts, definition: Definition) -> Counts:
    return counts if definition.has_domains else {"all": sum(counts.values())}


def artifact_errors(expected: Expected, pairing: Pairing, over: Over) -> list[float]:
    """Return the standard error of the artifact arm's AUC, where it is 0.5."""
    grid = pairing.grids.get("generated normals", "")
    sections = []
    for section in expected.sections:
        made = section.made.get(grid, {})
        errors = [
            auc_se(0.5, count, made.get(domain, 0))
            for domain, count in section.normals.items()
            if count and made.get(domain, 0)
        ]
        if len(errors) < len(section.normals):
            return []
        sections.append(errors)
    if over == "section":
        return [se for errors in sections for se in errors]
    places = [s.machine for s in expected.sections]
    return [
        _mean([se for errors, p in zip(sections, places, strict=True) if p == m for se in errors])
        for m in expected.machines
    ]


def _of(counts: Counts, domain: str, shared: bool) -> int:
    """Return the anomalies that enter the AUC of a domain: those of both since 2022."""
    return sum(counts.values()) if shared else counts.get(domain, 0)


def _mean_error(sizes: Sequence[Sizes], auc: float, definition: Definition) -> float:
    """Return the standard error of the mean over the domains of a section."""
    if not definition.auc_takes_both_domains:
        return _mean([gap_se(auc, one) for one in sizes])
    first = sizes[0]
    normals = round(sum(one.normals for one in sizes) / len(sizes))
    made = [one.generated_normals for one in sizes if one.generated_normals is not None]
    beside = round(sum(made) / len(made)) if made else None
    mean = Sizes(normals, first.anomalies, first.generated_anomalies, beside, len(sizes))
    return gap_se(auc, mean)


def _mean(errors: Sequence[float]) -> float:
    """Return the standard error of the mean of independent numbers."""
    return math.sqrt(sum(se**2 for se in errors)) / len(errors)
