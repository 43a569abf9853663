"""The noise floor of a gap: how far random halves of the real clips lie from each other.

Halves have fewer clips than the arms that are compared, so their differences are rescaled to the
sizes of those arms; taken raw they are too lenient, up to twofold with many generated clips.
Halving anomalies tells how far a second set of anomalies would move the metric; normals are
halved as well where the arms do not share them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from asdbench.metrics.rank import Floats, MetricError
from asdbench.stats.combination import Clusters, cluster_codes
from asdbench.stats.curves import Curve, Gap, gap_terms, pool_sizes
from asdbench.stats.delong import placements
from asdbench.stats.resampling import Codes, RankMetric, blocks, resampled

_SHARE = 0.95
"""Share of random halves that stay below the noise floor."""


@dataclass(frozen=True)
class NoiseFloor:
    """How large a gap two sets of real clips would have at these sizes."""

    gaps: Floats
    """Rescaled differences of the halves, (draws,)."""

    @property
    def floor(self) -> float:
        """What |gap| 95 of 100 halves stay below."""
        return floor_of(self.gaps)


def floor_of(halves: Floats) -> float:
    """Return what |gap| 95 of 100 random halves stay below.

    Parameters
    ----------
    halves
        (draws,) rescaled differences of the halves.
    """
    return float(np.quantile(np.abs(halves), _SHARE))


def noise_floor(
    gaps: Sequence[Gap], draws: int, rng: np.random.Generator, metric: RankMetric = "auc"
) -> NoiseFloor | None:
    """Compare random halves of the real clips, rescaled to the sizes of the arms.

    With r real and g generated clips, halves of h and r - h clips differ with a variance
    proportional to 1/h + 1/(r - h), the arms with one proportional to 1/r + 1/g: differences
    are multiplied by the square root of the ratio of the second to the first. Normals and
    anomalies are halved one at a time and their differences added, since the metric is, to
    first order, a sum of what each clip contributes. Clips of several fits of a generator count
    together: g of them in the mean over the fits.

    Parameters
    ----------
    gaps
        The arms of each section, domain and fit with their weights. Of the generated arm, only
        names and sizes are used.
    draws
        Number of halvings.
    rng
        Source of randomness.
    metric
        ``auc`` or ``pauc``.

    Returns
    -------
    NoiseFloor or None
        None where no pool can be halved: it holds one clip, or both arms are the same clips.

    Raises
    ------
    MetricError
        When there is no gap, a pool is empty or a score is not finite.
    """
    found = half_gaps(gaps, draws, rng, metric)
    return None if found is None else NoiseFloor(np.sum(found, axis=1))


def half_gaps(
    gaps: Sequence[Gap],
    draws: int,
    rng: np.random.Generator,
    metric: RankMetric = "auc",
    clusters: Clusters | None = None,
) -> Floats | None:
    """Return rescaled differences of halves for each gap; sums of gaps have their sums.

    Other parameters, and errors, are those of :func:`noise_floor`.

    Parameters
    ----------
    clusters
        The recording of each clip of pools whose clips are not independent: whole recordings are
        dealt to the halves.

    Returns
    -------
    ndarray or None
        (draws, gaps) weight x difference; None where a pool cannot be halved.
    """
    if not gaps:
        raise MetricError("no gap to compare with")
    sizes = pool_sizes(curve for _, curve in gap_terms(gaps))
    prepared = [(gap, _difference(gap.real, metric)) for gap in gaps]
    beside: dict[str, dict[str, None]] = {}  # real pool -> the generated ones it stands against
    for real, made in (pair for gap in gaps for pair in _halved(gap)):
        beside.setdefault(real, {})[made] = None
    codes = cluster_codes(clusters or {}, sizes)
    if not beside or any(_units(sizes[real], codes.get(real)) < 2 for real in beside):
        return None
    factors = {
        real: _factor(sizes[real], sum(sizes[name] for name in made))
        for real, made in beside.items()
    }
    clips = pool_sizes(gap.real for gap in gaps).values()
    parts = []
    for count in blocks(draws, max(sum(clips) // 4, 2 * max(clips))):
        halves = {name: _halves(sizes[name], codes.get(name), count, rng) for name in beside}
        columns = []
        for gap, difference in prepared:
            total = np.zeros(count)
            for real, _ in _halved(gap):
                total += gap.weight * factors[real] * difference(real, halves[real])
            columns.append(total)
        parts.append(np.stack(columns, axis=1))
    return np.concatenate(parts)


def _difference(curve: Curve, metric: RankMetric) -> Callable[[str, Floats], Floats]:
    """Return the function from a pool and its halves (draws, clips) to metric differences."""
    if metric == "auc":  # the mean of what each clip of the pool contributes
        shares = placements(curve.negative.scores, curve.positive.scores)
        sizes = [2 * pool.scores.size for pool in reversed(curve.pools)]
        # Twice the pairs that each clip wins: whole numbers, whose sums are exact.
        won = {
            pool.clips: (np.rint(size * share), size)
            for pool, share, size in zip(curve.pools, shares, sizes, strict=True)
        }

        def mean(name: str, half: Floats) -> Floats:
            pairs, size = won[name]
            return np.asarray(half @ pairs / (size * half.sum(axis=1)), dtype=np.float64)

        return lambda name, half: mean(name, half) - mean(name, 1.0 - half)
    sample = resampled(curve, metric)

    def difference(name: str, half: Floats) -> Floats:
        whole = {pool.clips: np.ones((len(half), pool.scores.size)) for pool in curve.pools}
        return sample({**whole, name: half}) - sample({**whole, name: 1.0 - half})

    return difference


def _halved(gap: Gap) -> Iterator[tuple[str, str]]:
    """Yield the pools of real clips that are halved, with the generated ones beside them."""
    for real, made in zip(gap.real.pools, gap.generated.pools, strict=True):
        if real.clips != made.clips:
            yield real.clips, made.clips


def _factor(real: int, made: int) -> float:
    half = real // 2
    return math.sqrt((1 / real + 1 / made) / (1 / half + 1 / (real - half)))


def _units(clips: int, clusters: Codes | None) -> int:
    return clips if clusters is None else int(clusters.max()) + 1


def _halves(clips: int, clusters: Codes | None, draws: int, rng: np.random.Generator) -> Floats:
    """Return which clips lie in the first half of each draw, (draws, clips)."""
    units = _units(clips, clusters)
    half = np.repeat((np.arange(units) < units // 2)[None, :], draws, axis=0)
    taken: Floats = rng.permuted(half.astype(np.float64), axis=1)
    return taken if clusters is None else taken[:, clusters]
