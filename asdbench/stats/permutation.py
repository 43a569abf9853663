"""The permutation null of a gap: what real and generated clips would give if they were alike.

Real and generated clips of one role (anomalies; for the matched gap normals as well) are pooled
and dealt again at random to the two arms, as many to each as it had. Clips that stand in both
arms (shared normals; a clip and its coded version) swap their two scores or do not. What shares a
pool's name shares the deal: domains, detectors, fits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from asdbench.metrics.rank import Floats, MetricError
from asdbench.stats.curves import Curve, Gap, Pool
from asdbench.stats.resampling import RankMetric, Resampled, blocks

_ROUNDING = 1e-12
"""Gaps that differ by less are equal: sums of the same clips in another order."""


@dataclass(frozen=True)
class PermutationTest:
    """A gap beside those of random deals."""

    gap: float
    """Weighted sum of metric(generated) - metric(real)."""
    p: float
    """Share of deals with a gap at least as large, up or down; the observed one counts as one."""
    null: Floats
    """Gaps of the deals, (draws,)."""


def permutation_test(
    gaps: Sequence[Gap], draws: int, rng: np.random.Generator, metric: RankMetric = "auc"
) -> PermutationTest:
    """Test whether real and generated clips could be exchanged without changing the gap.

    p = (1 + deals with at least this |gap|) / (1 + ``draws``) (B. Phipson and G. Smyth,
    Statistical Applications in Genetics and Molecular Biology 9, 2010): never 0, and below a in
    at most a share a of perfect generators.

    Parameters
    ----------
    gaps
        The arms of each section, domain and fit with their weights.
    draws
        Number of deals.
    rng
        Source of randomness.
    metric
        ``auc`` or ``pauc``.

    Raises
    ------
    MetricError
        When there is no gap, a pool is empty or a score is not finite.
    """
    if not gaps:
        raise MetricError("no gap to test")
    prepared = [(gap, _Union.of(gap)) for gap in gaps]
    sizes = {name: size for _, union in prepared for name, size in union.sizes().items()}
    width = max(union.curve.thresholds for _, union in prepared)
    observed = {name: _as_it_is(real, made) for name, (real, made, _) in sizes.items()}
    total = sum(gap.weight * float(union.gaps(observed, metric)[0]) for gap, union in prepared)
    parts = []
    for count in blocks(draws, max(width, sum(r + g for r, g, _ in sizes.values()) // 4)):
        deals = {name: _deal(*size, count, rng) for name, size in sizes.items()}
        part = np.zeros(count)
        for gap, union in prepared:
            part += gap.weight * union.gaps(deals, metric)
        parts.append(part)
    null = np.concatenate(parts)
    extreme = int(np.sum(np.abs(null) >= abs(total) - _ROUNDING))
    return PermutationTest(total, (1 + extreme) / (1 + draws), null)


Size = tuple[int, int, bool]
"""Real clips, generated clips, and whether they are the same clips."""


@dataclass(frozen=True)
class _Union:
    """The curve of all real and generated clips of a gap; a deal says which are generated."""

    curve: Resampled
    parts: tuple[Size, Size]

    @classmethod
    def of(cls, gap: Gap) -> _Union:
        pools, parts = [], []
        for real, made in zip(gap.real.pools, gap.generated.pools, strict=True):
            same = real.clips == made.clips
            scores = np.concatenate([real.scores, made.scores]).astype(np.float64)
            pools.append(Pool(f"{real.clips}\0{made.clips}", scores))
            parts.append((real.scores.size, made.scores.size, same))
        return cls(Resampled.of(Curve(pools[0], pools[1])), (parts[0], parts[1]))

    def sizes(self) -> dict[str, Size]:
        names = [pool.clips for pool in self.curve.curve.pools]
        return dict(zip(names, self.parts, strict=True))

    def gaps(self, made: dict[str, Floats], metric: RankMetric) -> Floats:
        left = {name: 1.0 - values for name, values in made.items()}
        return self.curve.metric(made, metric) - self.curve.metric(left, metric)


def _as_it_is(real: int, made: int) -> Floats:
    return np.concatenate([np.zeros(real), np.ones(made)])[None, :]


def _deal(real: int, made: int, same: bool, draws: int, rng: np.random.Generator) -> Floats:
    """Return which of the (real + made) clips each deal calls generated, (draws, clips)."""
    if same:
        swapped = rng.integers(2, size=(draws, real)).astype(np.float64)
        return np.concatenate([swapped, 1.0 - swapped], axis=1)
    deals: Floats = rng.permuted(np.repeat(_as_it_is(real, made), draws, axis=0), axis=1)
    return deals
