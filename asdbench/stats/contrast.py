"""The interval of one AUC, or of the difference of two, whichever clips they share.

A curve sets the scores of some clips against those of others. Pools of the same clips (a clip and
its coded version; the shared normals of two curves) vary together: they bear the same name and
are resampled together. The variance is that of DeLong's structural components (see
:mod:`asdbench.stats.delong`), added up for each clip before it is taken; where both sides of one
curve come from the same clips this is the clustered form of N. A. Obuchowski, Biometrics 53
(1997), with clips as clusters.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from asdbench.metrics.rank import Floats, auc, check_scores, roc_area
from asdbench.stats.bootstrap import blocks, tally
from asdbench.stats.delong import auc_interval, placements
from asdbench.stats.gap import DELONG_RANGE
from asdbench.stats.interval import NO_VARIATION, Interval, normal_quantile, too_few

_ROUNDING = 1e-9
"""A standard error below this is none: the components of each clip cancel."""


@dataclass(frozen=True)
class Pool:
    """Scores (n,) of clips; pools that name the same clips hold them in the same order."""

    clips: str
    scores: Floats


@dataclass(frozen=True)
class Curve:
    """A ROC curve of ``negative`` clips against ``positive`` ones."""

    negative: Pool
    positive: Pool

    @property
    def auc(self) -> float:
        """Share of the pairs in which the positive clip scores higher, ties half."""
        return auc(self.negative.scores, self.positive.scores)

    @property
    def pools(self) -> tuple[Pool, Pool]:
        """Both sides."""
        return self.negative, self.positive


def auc_contrast(
    curve: Curve,
    minus: Curve | None,
    confidence: float,
    draws: int,
    rng: np.random.Generator,
) -> Interval:
    """Return ``auc(curve)``, or ``auc(curve) - auc(minus)``, with an interval.

    DeLong's, unless an AUC lies above 0.9 or below 0.1; then the percentile interval of
    ``draws`` bootstrap samples drawn with ``rng``. An interval of one AUC is cut to [0, 1].

    Raises
    ------
    MetricError
        When a pool is empty, a score is not finite, pools of the same clips differ in size, or
        ``confidence`` is out of range.
    """
    curves = (curve,) if minus is None else (curve, minus)
    sizes = _sizes(curves)
    aucs = [c.auc for c in curves]
    estimate = aucs[0] - sum(aucs[1:])
    reason = too_few(**sizes)
    if reason is not None:
        return Interval.missing(estimate, confidence, reason)
    low, high = DELONG_RANGE
    if not all(low <= value <= high for value in aucs):
        return _bootstrap(curves, estimate, confidence, draws, rng)
    if minus is None and len(sizes) == 2:
        return auc_interval(curve.negative.scores, curve.positive.scores, confidence)
    return _delong(curves, estimate, confidence)


def _sizes(curves: Sequence[Curve]) -> dict[str, int]:
    sizes: dict[str, int] = {}
    for pool in (pool for curve in curves for pool in curve.pools):
        size = check_scores(pool.scores, pool.clips).size
        if sizes.setdefault(pool.clips, size) != size:
            raise ValueError(f"pools of the same clips ({pool.clips}) differ in size")
    return sizes


def _delong(curves: Sequence[Curve], estimate: float, confidence: float) -> Interval:
    parts: dict[str, Floats] = {}
    for sign, curve in zip((1.0, -1.0), curves, strict=False):
        components = placements(curve.negative.scores, curve.positive.scores)
        for pool, values in zip(curve.pools, components, strict=True):
            parts[pool.clips] = parts.get(pool.clips, np.zeros_like(values)) + sign * values
    variance = sum(float(np.var(values, ddof=1)) / values.size for values in parts.values())
    if variance < _ROUNDING**2:
        return Interval.missing(estimate, confidence, NO_VARIATION)
    se = math.sqrt(variance)
    half = normal_quantile(confidence) * se
    low, high = estimate - half, estimate + half
    if len(curves) == 1:
        low, high = max(low, 0.0), min(high, 1.0)
    return Interval(estimate, low, high, se, confidence, "delong")


def _bootstrap(
    curves: Sequence[Curve],
    estimate: float,
    confidence: float,
    draws: int,
    rng: np.random.Generator,
) -> Interval:
    ranked = [_Ranked.of(curve) for curve in curves]
    sizes = _sizes(curves)
    parts = []
    for count in blocks(draws, max(curve.thresholds for curve in ranked)):
        picks = {name: rng.integers(n, size=(count, n)) for name, n in sizes.items()}
        values = [curve.resampled(picks) for curve in ranked]
        parts.append(values[0] - sum(values[1:]))
    samples = np.concatenate(parts)
    if np.ptp(samples) <= 0.0:
        return Interval.missing(estimate, confidence, NO_VARIATION)
    tail = 0.5 * (1.0 - confidence)
    low, high = np.quantile(samples, [tail, 1.0 - tail])
    se = float(np.std(samples, ddof=1))
    perfect = any(curve.auc in (0.0, 1.0) for curve in curves)
    return Interval(
        estimate,
        float(low),
        float(high),
        se,
        confidence,
        "bootstrap",
        _PERFECT if perfect else None,
    )


_PERFECT = (
    "one of the two AUCs is 0 or 1: resampling sees no variation there, the interval is too narrow"
)


@dataclass(frozen=True)
class _Ranked:
    """A curve with the position of each clip among the distinct scores, highest first."""

    curve: Curve
    positions: tuple[NDArray[np.intp], NDArray[np.intp]]
    thresholds: int

    @classmethod
    def of(cls, curve: Curve) -> _Ranked:
        scores = [pool.scores for pool in curve.pools]
        distinct, flat = np.unique(-np.concatenate(scores), return_inverse=True)
        return cls(curve, (flat[: scores[0].size], flat[scores[0].size :]), distinct.size)

    def resampled(self, picks: Mapping[str, NDArray[np.intp]]) -> Floats:
        """Return the AUC of each draw; ``picks`` holds the (draws, n) drawn clips by name."""
        counts = [
            tally(positions[picks[pool.clips]], self.thresholds)
            for pool, positions in zip(self.curve.pools, self.positions, strict=True)
        ]
        return roc_area(counts[0], counts[1])
