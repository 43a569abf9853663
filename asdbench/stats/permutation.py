"""The permutation null of a gap: what real and generated clips would give if they were alike.

Real and generated clips of one role (anomalies; for the matched gap normals as well) are pooled
and dealt again at random to the arms, as many to each as it had. What stands against the same
real clips is pooled with them: each fit of a generator is an arm of its own, so that real clips
are not dealt anew for each, as if there were as many of them. Clips that stand in both arms
(shared normals; a clip and its coded version) swap their two scores or do not. What shares a
pool's name shares the deal: domains, detectors, fits of a detector.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from asdbench.metrics.rank import Floats, MetricError
from asdbench.stats.curves import Curve, Gap, Pool, gap_terms, pool_sizes
from asdbench.stats.resampling import RankMetric, blocks, resampled

Arms = NDArray[np.intp]
"""Which arm each deal puts each clip in, (draws, clips)."""
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

    Below a in at most a share a of perfect generators; see :func:`p_of`.

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
    return PermutationTest(total, p_of(null, total), null)


def p_of(null: Floats, observed: float) -> float:
    """Return the p-value of a gap beside those of random deals.

    p = (1 + deals with at least this |gap|) / (1 + deals) (B. Phipson and G. Smyth, Statistical
    Applications in Genetics and Molecular Biology 9, 2010): never 0.

    Parameters
    ----------
    null
        (draws,) gaps of the deals.
    observed
        The gap of the clips as they are.
    """
    extreme = int(np.sum(np.abs(null) >= abs(observed) - _ROUNDING))
    return (1 + extreme) / (1 + null.size)


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
    rivals = _rivals(gaps)
    prepared = [_Union.of(gap, rivals[_against(gap)], metric) for gap in gaps]
    roles = {role.name: role for union in prepared for role in union.roles}

    def dealt(deals: Mapping[str, Arms]) -> Floats:
        return np.stack([union.gap(deals) for union in prepared], axis=1)

    observed = dealt({role.name: role.as_it_is for role in roles.values()})[0]
    clips = [sum(role.sizes) for role in roles.values()]
    parts = [
        dealt({role.name: role.deal(count, rng) for role in roles.values()})
        for count in blocks(draws, max(sum(clips) // 4, 2 * max(clips)))
    ]
    return np.concatenate(parts), observed


Sides = tuple[dict[str, Pool], dict[str, Pool]]
"""Generated pools by name, of either side of a curve."""


def _against(gap: Gap) -> tuple[tuple[str, bytes], ...]:
    """Return what gaps share whose generated clips stand against the same scores of real ones."""
    return tuple((pool.clips, pool.scores.tobytes()) for pool in gap.real.pools)


def _rivals(gaps: Sequence[Gap]) -> Mapping[tuple[tuple[str, bytes], ...], Sides]:
    """Return the generated pools that stand against the same scores of real clips."""
    found: dict[tuple[tuple[str, bytes], ...], Sides] = {}
    for gap in gaps:
        sides = found.setdefault(_against(gap), ({}, {}))
        for side, pool in zip(sides, gap.generated.pools, strict=True):
            side.setdefault(pool.clips, pool)
    return found


@dataclass(frozen=True)
class _Role:
    """Real and generated clips of one role in one place, pooled."""

    name: str
    sizes: tuple[int, ...]
    """Clips of the real arm, and of each generated one."""
    same: bool
    """Whether both arms hold the same clips, with two scores each."""

    @property
    def as_it_is(self) -> Arms:
        """The arm of each clip, (1, clips): 0 the real one."""
        return np.repeat(np.arange(len(self.sizes)), self.sizes)[None, :]

    def deal(self, draws: int, rng: np.random.Generator) -> Arms:
        """Return the arm that each deal puts each clip in, (draws, clips)."""
        if self.same:
            swapped = rng.integers(2, size=(draws, self.sizes[0]))
            return np.concatenate([swapped, 1 - swapped], axis=1)
        return rng.permuted(np.repeat(self.as_it_is, draws, axis=0), axis=1)


@dataclass(frozen=True)
class _Union:
    """The curve of all clips that stand against each other; a deal says which arm has which."""

    weight: float
    metric: Callable[[Mapping[str, Floats]], Floats]
    roles: tuple[_Role, _Role]
    arms: tuple[int, int]
    """Which arm of either role the generated clips of the gap are."""

    @classmethod
    def of(cls, gap: Gap, rivals: Sides, metric: RankMetric) -> _Union:
        pools, roles, arms = [], [], []
        for real, made, others in zip(gap.real.pools, gap.generated.pools, rivals, strict=True):
            same = real.clips == made.clips
            generated = {made.clips: made} if same else others
            name = "\0".join([real.clips, *generated])
            scores = [pool.scores for pool in (real, *generated.values())]
            pools.append(Pool(name, np.concatenate(scores)))
            roles.append(_Role(name, tuple(found.size for found in scores), same))
            arms.append(1 + list(generated).index(made.clips))
        curve = Curve(pools[0], pools[1])
        return cls(gap.weight, resampled(curve, metric), (roles[0], roles[1]), (arms[0], arms[1]))

    def gap(self, deals: Mapping[str, Arms]) -> Floats:
        """Return weight x gap of each deal, (draws,)."""
        found = [
            self.metric(
                {
                    role.name: np.asarray(deals[role.name] == arm, dtype=np.float64)
                    for role, arm in zip(self.roles, arms, strict=True)
                }
            )
            for arms in (self.arms, (0, 0))
        ]
        return self.weight * (found[0] - found[1])
