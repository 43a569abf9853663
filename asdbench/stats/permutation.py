"""The permutation null of a gap: what real and generated clips would give if they were alike.

Real and generated clips of one role (anomalies; for the matched gap normals as well) are pooled
and dealt again at random to the two arms, as many to each as it had. Clips that stand in both
arms (shared normals; a clip and its coded version) swap their two scores or do not. What shares a
pool's name shares the deal: domains, detectors, fits.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from asdbench.metrics.rank import Floats, MetricError
from asdbench.stats.curves import Curve, Gap, Pool, gap_terms, pool_sizes
from asdbench.stats.resampling import RankMetric, blocks, resampled

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
    nulls, observed = permutation_nulls(gaps, draws, rng, metric)
    null, total = np.sum(nulls, axis=1), float(np.sum(observed))
    extreme = int(np.sum(np.abs(null) >= abs(total) - _ROUNDING))
    return PermutationTest(total, (1 + extreme) / (1 + draws), null)


def permutation_nulls(
    gaps: Sequence[Gap], draws: int, rng: np.random.Generator, metric: RankMetric = "auc"
) -> tuple[Floats, Floats]:
    """Return what random deals give each gap; sums of gaps have the sums of their deals.

    Parameters and errors are those of :func:`permutation_test`.

    Returns
    -------
    nulls
        (draws, gaps) weight x gap of each deal.
    observed
        (gaps,) the same of the clips as they are.
    """
    if not gaps:
        raise MetricError("no gap to test")
    pool_sizes(curve for _, curve in gap_terms(gaps))
    prepared = [_Union.of(gap, metric) for gap in gaps]
    roles = {role.name: role for union in prepared for role in union.roles}

    def dealt(deals: Mapping[str, Floats]) -> Floats:
        left = {name: 1.0 - made for name, made in deals.items()}
        columns = [u.weight * (u.metric(deals) - u.metric(left)) for u in prepared]
        return np.stack(columns, axis=1)

    observed = dealt({role.name: role.as_it_is for role in roles.values()})[0]
    clips = [role.real + role.made for role in roles.values()]
    parts = [
        dealt({role.name: role.deal(count, rng) for role in roles.values()})
        for count in blocks(draws, max(sum(clips) // 4, 2 * max(clips)))
    ]
    return np.concatenate(parts), observed


@dataclass(frozen=True)
class _Role:
    """Real and generated clips of one role in one place, pooled."""

    name: str
    real: int
    made: int
    same: bool
    """Whether they are the same clips, with two scores each."""

    @property
    def as_it_is(self) -> Floats:
        """Which clips are generated, (1, real + made)."""
        return np.concatenate([np.zeros(self.real), np.ones(self.made)])[None, :]

    def deal(self, draws: int, rng: np.random.Generator) -> Floats:
        """Return which clips each deal calls generated, (draws, real + made)."""
        if self.same:
            swapped = rng.integers(2, size=(draws, self.real)).astype(np.float64)
            return np.concatenate([swapped, 1.0 - swapped], axis=1)
        return rng.permuted(np.repeat(self.as_it_is, draws, axis=0), axis=1)


@dataclass(frozen=True)
class _Union:
    """The curve of all real and generated clips of a gap; a deal says which are generated."""

    weight: float
    metric: Callable[[Mapping[str, Floats]], Floats]
    roles: tuple[_Role, _Role]

    @classmethod
    def of(cls, gap: Gap, metric: RankMetric) -> _Union:
        pools, roles = [], []
        for real, made in zip(gap.real.pools, gap.generated.pools, strict=True):
            name = f"{real.clips}\0{made.clips}"
            same = real.clips == made.clips
            pools.append(Pool(name, np.concatenate([real.scores, made.scores])))
            roles.append(_Role(name, real.scores.size, made.scores.size, same))
        curve = Curve(pools[0], pools[1])
        return cls(gap.weight, resampled(curve, metric), (roles[0], roles[1]))
