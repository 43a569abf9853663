"""Kernel audio distance (KAD): unbiased at any number of clips, with a test and an interval.

100 times the unbiased maximum mean discrepancy MMD^2 under a Gaussian kernel
k(x, y) = exp(-|x - y|^2 / (2 s^2)), s the median distance between reference vectors
(Y. Chung et al., "KAD: No More FAD!", 2025, arXiv 2502.15602; A. Gretton et al., JMLR 13, 2012,
equation 3). Where a clip has several vectors, clips count as the samples: pairs within one clip
enter no mean, and whole clips are permuted and resampled. With one vector a clip that is the
published estimator.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from asdbench.api import Embedded
from asdbench.metrics.distance import Floats, check_pair, check_rows, rows_by_clip
from asdbench.metrics.rank import MetricError

SCALE = 100.0
"""KAD is this times MMD^2."""
MAX_CLIPS = 1000
"""Clips a side that enter; of larger pools a random part does, as the cost is quadratic."""
_MEDIAN_ROWS = 2000  # reference vectors whose distances give the bandwidth
_BLOCK = 1024  # kernel rows at a time


@dataclass(frozen=True)
class KernelDistance:
    """A KAD with its uncertainty."""

    estimate: float
    """May be slightly negative where the distributions agree."""
    low: float
    high: float
    confidence: float
    p_value: float
    """Of the hypothesis that both pools come from one distribution, by permutation."""
    floor: float
    """What ``floor_quantile`` of random halves of the real pool stay below, one half as the
    reference of the other."""
    floor_clips: int
    """Clips of either half."""
    bandwidth: float
    clips: tuple[int, int]
    """Real and generated clips that entered."""


def median_distance(rows: ArrayLike) -> float:
    """Return the median Euclidean distance of all pairs of vectors, (n, d), n >= 2.

    Raises
    ------
    MetricError
        When more than half of the pairs are equal, so that the median is 0.
    """
    from scipy.spatial.distance import pdist

    median = float(np.median(pdist(check_rows(rows, "the reference"))))
    if not median > 0.0:
        raise MetricError(
            "most vectors of the reference are equal, so their median distance is 0",
            "Are the clips copies of one another?",
        )
    return median


class Kernel:
    """Kernel sums between all clips of two pools, real ones first.

    ``sums`` is (clips, clips) with a zero diagonal: entry i, j sums the kernel over the vectors
    of clip i and those of clip j. ``counts`` are the vectors of each clip.
    """

    def __init__(self, rows: Floats, clip: NDArray[np.int64], bandwidth: float) -> None:
        starts = np.concatenate([[0], np.flatnonzero(np.diff(clip)) + 1])
        self.counts = np.diff(np.append(starts, len(rows))).astype(np.float64)
        centered = rows - rows.mean(axis=0)  # distances from products lose no digits
        squares = np.sum(centered**2, axis=1)
        by_row = np.empty((len(rows), len(starts)))
        for begin in range(0, len(rows), _BLOCK):
            part = slice(begin, begin + _BLOCK)
            distance = squares[part, None] + squares - 2.0 * (centered[part] @ centered.T)
            kernel = np.exp(-np.maximum(distance, 0.0) / (2.0 * bandwidth**2))
            by_row[part] = np.add.reduceat(kernel, starts, axis=1)
        self.sums = np.add.reduceat(by_row, starts, axis=0)
        np.fill_diagonal(self.sums, 0.0)

    def kad(self, real: Floats, generated: Floats) -> Floats:
        """Return the KAD of weighted clips.

        Parameters
        ----------
        real, generated
            (draws, clips): how often each clip is in the pool. A clip that is in a pool twice
            forms no pair with itself.

        Returns
        -------
        ndarray
            (draws,).
        """
        within = self._mean(real, real) + self._mean(generated, generated)
        return SCALE * (within - 2.0 * self._mean(real, generated))

    def _mean(self, a: Floats, b: Floats) -> Floats:
        total = np.einsum("ij,ij->i", a @ self.sums, b)
        rows_a, rows_b = a * self.counts, b * self.counts
        pairs = rows_a.sum(axis=1) * rows_b.sum(axis=1) - np.einsum("ij,ij->i", rows_a, rows_b)
        return np.asarray(total / pairs, dtype=np.float64)


def kernel_distance(
    real: Embedded,
    generated: Embedded,
    rng: np.random.Generator,
    *,
    permutations: int = 999,
    draws: int = 1000,
    confidence: float = 0.95,
    floor_quantile: float = 0.95,
) -> KernelDistance:
    """Return the KAD of two pools with its interval, permutation p-value and noise floor.

    Parameters
    ----------
    real, generated
        Vectors of one embedding; ``real`` is the reference that sets the bandwidth.
    rng
        Source of randomness; the same state gives the same result.
    permutations
        Of clips over the pools: p = (1 + those with a distance as large) / (1 + permutations).
    draws
        Of a percentile bootstrap over clips, both pools resampled; also of random halves of the
        real pool for the floor.
    confidence
        Level of the interval.
    floor_quantile
        Share of the halves' distances below ``floor``.

    Raises
    ------
    MetricError
        When a pool has fewer than four (real) or two (generated) clips, dimensions differ, a
        value is not finite, or most reference vectors are equal.
    """
    check_pair(real.rows, generated.rows)
    pools = [_at_most(real, rng), _at_most(generated, rng)]
    for pool, what, least in zip(pools, ("real", "generated"), (4, 2), strict=True):
        if len(pool) < least:
            raise MetricError(f"{len(pool)} {what} clips; a kernel distance needs {least}")
    n, m = len(pools[0]), len(pools[1])
    reference = np.concatenate(pools[0])
    if len(reference) > _MEDIAN_ROWS:
        reference = reference[rng.permutation(len(reference))[:_MEDIAN_ROWS]]
    bandwidth = median_distance(reference)
    every = [*pools[0], *pools[1]]
    clip = np.repeat(np.arange(n + m), [len(rows) for rows in every])
    kernel = Kernel(np.concatenate(every), clip, bandwidth)

    first = np.zeros((1, n + m))
    first[:, :n] = 1.0
    estimate = float(kernel.kad(first, 1.0 - first)[0])
    shuffled = rng.permuted(np.repeat(first, permutations, axis=0), axis=1)
    as_large = int(np.sum(kernel.kad(shuffled, 1.0 - shuffled) >= estimate))
    half = n // 2
    a, b = _halves(n, half, draws, rng)
    padding = np.zeros((draws, m))
    split = kernel.kad(np.hstack([a, padding]), np.hstack([b, padding]))
    resampled = np.hstack([_counts(n, draws, rng), np.zeros((draws, m))])
    again = np.hstack([np.zeros((draws, n)), _counts(m, draws, rng)])
    tail = 0.5 * (1.0 - confidence)
    low, high = np.quantile(kernel.kad(resampled, again), [tail, 1.0 - tail])
    return KernelDistance(
        estimate=estimate,
        low=float(low),
        high=float(high),
        confidence=confidence,
        p_value=(1 + as_large) / (1 + permutations),
        floor=float(np.quantile(split, floor_quantile)),
        floor_clips=half,
        bandwidth=bandwidth,
        clips=(n, m),
    )


def _at_most(embedded: Embedded, rng: np.random.Generator) -> list[Floats]:
    pool = rows_by_clip(embedded)
    if len(pool) <= MAX_CLIPS:
        return pool
    return [pool[i] for i in np.sort(rng.permutation(len(pool))[:MAX_CLIPS])]


def _halves(n: int, half: int, draws: int, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Return two disjoint random subsets of ``half`` of ``n`` clips, each (draws, n)."""
    order = np.argsort(rng.random((draws, n)), axis=1)
    return (order < half).astype(np.float64), ((order >= half) & (order < 2 * half)).astype(
        np.float64
    )


def _counts(n: int, draws: int, rng: np.random.Generator) -> Floats:
    """Return how often each of ``n`` clips is drawn in ``n`` draws with replacement.

    At least two different clips are drawn, or there would be no pair.
    """
    picked = rng.integers(n, size=(draws, n))
    while len(alike := np.flatnonzero((picked == picked[:, :1]).all(axis=1))):
        picked[alike] = rng.integers(n, size=(len(alike), n))
    flat = np.bincount((picked + n * np.arange(draws)[:, None]).ravel(), minlength=draws * n)
    return flat.reshape(draws, n).astype(np.float64)
