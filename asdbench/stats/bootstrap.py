"""Stratified bootstrap of the gap in AUC or pAUC, all draws at once.

Each draw resamples the normal clips, the real and the generated anomalous clips separately, with
replacement, and uses the same normal clips on both sides of the gap (B. Efron and R. Tibshirani,
An Introduction to the Bootstrap, 1993, sections 8.3 and 13.3: percentile interval).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from asdbench.metrics.rank import MAX_FPR, Floats, MetricError, check_scores, roc_area, standardize
from asdbench.stats.interval import NO_VARIATION, Interval, normal_quantile, too_few

RankMetric = Literal["auc", "pauc"]
_BLOCK = 1_000_000
"""Counts held at a time and per pool: 8 MB each, so that memory does not grow with the draws."""


def bootstrap_gap(
    normals: ArrayLike,
    real: ArrayLike,
    generated: ArrayLike,
    metric: RankMetric,
    confidence: float,
    draws: int,
    rng: np.random.Generator,
) -> Interval:
    """Return ``metric(generated) - metric(real)`` with its percentile interval.

    Parameters
    ----------
    normals, real, generated
        Scores of the shared normal clips (n,), the real anomalous clips (m_r,) and the generated
        anomalous clips (m_g,).
    metric
        ``auc`` or ``pauc``.
    confidence
        Level of the interval, e.g. 0.95.
    draws
        Number of bootstrap samples.
    rng
        Source of randomness; the same state gives the same interval.

    Raises
    ------
    MetricError
        When a pool is empty, a score is not finite, or ``confidence`` or ``draws`` is out of
        range.
    """
    pools = (
        check_scores(normals, "normal clips"),
        check_scores(real, "real anomalous clips"),
        check_scores(generated, "generated anomalous clips"),
    )
    normal_quantile(confidence)
    if draws < 2:
        raise MetricError(f"draws is {draws}; an interval needs at least two")
    thresholds, flat = np.unique(-np.concatenate(pools), return_inverse=True)
    positions = np.split(flat, np.cumsum([pool.size for pool in pools])[:-1])
    observed = [np.bincount(p, minlength=thresholds.size).astype(np.float64) for p in positions]
    estimate = float(_gaps(observed, metric))
    reason = too_few(normal=pools[0].size, real=pools[1].size, generated=pools[2].size)
    if reason is None:
        samples = np.concatenate(
            [
                _gaps([_resample(p, thresholds.size, count, rng) for p in positions], metric)
                for count in blocks(draws, thresholds.size)
            ]
        )
        if np.ptp(samples) > 0.0:
            tail = 0.5 * (1.0 - confidence)
            low, high = np.quantile(samples, [tail, 1.0 - tail])
            se = float(np.std(samples, ddof=1))
            return Interval(estimate, float(low), float(high), se, confidence, "bootstrap")
        reason = NO_VARIATION
    return Interval.missing(estimate, confidence, reason)


def blocks(draws: int, thresholds: int) -> list[int]:
    """Return ``draws`` in parts that are small enough to hold their counts in memory."""
    size = max(1, _BLOCK // thresholds)
    return [min(size, draws - start) for start in range(0, draws, size)]


def _resample(
    positions: NDArray[np.intp], thresholds: int, draws: int, rng: np.random.Generator
) -> Floats:
    return tally(positions[rng.integers(positions.size, size=(draws, positions.size))], thresholds)


def tally(positions: NDArray[np.intp], thresholds: int) -> Floats:
    """Return how many resampled clips lie at each threshold, (draws, thresholds).

    ``positions`` (draws, n) are those of the clips of each draw.
    """
    draws = len(positions)
    shifted = positions + thresholds * np.arange(draws)[:, None]
    counts = np.bincount(shifted.ravel(), minlength=draws * thresholds)
    return counts.reshape(draws, thresholds).astype(np.float64)


def _gaps(counts: Sequence[Floats], metric: RankMetric) -> Floats:
    """Return gaps from counts of normal, real and generated clips, each (..., thresholds)."""
    normals, real, generated = counts
    if metric == "auc":
        return roc_area(normals, generated) - roc_area(normals, real)
    return standardize(roc_area(normals, generated, MAX_FPR)) - standardize(
        roc_area(normals, real, MAX_FPR)
    )
