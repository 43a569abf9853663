"""What chance alone would give in place of a gap: random deals and random halves of the clips."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from asdbench.metrics.rank import Floats
from asdbench.report.cells import Subset
from asdbench.report.intervals import generator_for
from asdbench.report.measured_gaps import gap_pairs
from asdbench.report.section_arms import SectionArms
from asdbench.report.trust_schema import GapKind
from asdbench.stats.curves import Gap
from asdbench.stats.noise_floor import half_gaps
from asdbench.stats.permutation import permutation_nulls


@dataclass(frozen=True)
class Chance:
    """Draws of a gap that is due to chance."""

    deals: Floats | None
    """(draws,) gaps of random deals of real and generated clips to the two arms; None where clips
    were cut from recordings, since single clips are then not exchangeable."""
    halves: Floats | None
    """(draws,) gaps of random halves of the real clips, at the sizes of the two arms; None where
    both arms hold the same clips."""


def measure_chance(
    arms: SectionArms, kind: GapKind, domains: Sequence[Subset]
) -> Mapping[Subset, Chance]:
    """Return what chance would give in place of the AUC gap of each domain of a section.

    Clips that enter several domains are dealt and halved once for all of them, so the draws of a
    mean over domains are the means of their draws. Nothing where a domain has no gap.
    """
    gaps: list[Gap] = []
    recordings: dict[str, Sequence[str] | NDArray[np.str_]] = {}
    columns: dict[Subset, slice] = {}
    for domain in domains:
        pairs = gap_pairs(arms, kind, (domain,), "auc")
        if isinstance(pairs, str):
            return {}
        columns[domain] = slice(len(gaps), len(gaps) + len(pairs))
        gaps += [pair.gap for pair in pairs]
        for pair in pairs:
            recordings |= pair.recordings
    rules = arms.rules
    name = f"{arms.name}/{kind}"
    deals = None
    if not recordings:
        rng = generator_for(rules.seed, f"{name}/deals", 0)
        deals, _ = permutation_nulls(gaps, rules.draws, rng)
    rng = generator_for(rules.seed, f"{name}/halves", 0)
    halves = half_gaps(gaps, rules.draws, rng, clusters=recordings)
    return {
        domain: Chance(_total(deals, own), _total(halves, own)) for domain, own in columns.items()
    }


def _total(draws: Floats | None, columns: slice) -> Floats | None:
    return None if draws is None else np.asarray(draws[:, columns].sum(axis=1))


def mean_chance(chances: Sequence[Chance]) -> Chance:
    """Return the draws of the mean over domains of one section."""
    return Chance(
        _mean([one.deals for one in chances]),
        _mean([one.halves for one in chances]),
    )


def _mean(draws: Sequence[Floats | None]) -> Floats | None:
    known = [one for one in draws if one is not None]
    return np.asarray(np.mean(known, axis=0)) if known and len(known) == len(draws) else None
