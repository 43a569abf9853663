"""Bootstrap draws of pools of clips, and the metrics of all draws at once.

A draw is kept as how often it took each clip: integers, so sums are exact and do not depend on the
order in which they are added. Pairs are counted along the sorted scores: no table of all pairs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from asdbench.metrics.rank import MAX_FPR, Floats, standardize
from asdbench.stats.curves import Curve

RankMetric = Literal["auc", "pauc"]
Codes = NDArray[np.intp]
_BLOCK = 1_000_000
"""Counts held at a time and per pool: 8 MB each, so that memory does not grow with the draws."""


def blocks(draws: int, width: int) -> list[int]:
    """Return ``draws`` in parts that are small enough to hold ``width`` counts of each."""
    size = max(1, _BLOCK // width)
    return [min(size, draws - start) for start in range(0, draws, size)]


@dataclass(frozen=True)
class Take:
    """How a pool is resampled."""

    clips: int
    """Clips of the pool."""
    clusters: Codes | None = None
    """Number of the cluster of each clip (clips,), from 0; None where clips are independent."""
    size: int | None = None
    """Clips of a draw; None: as many as the pool has."""

    def counts(self, draws: int, rng: np.random.Generator) -> Floats:
        """Return how often each draw takes each clip, (draws, clips).

        Clips are drawn with replacement; where there are clusters, whole clusters are, as many
        as there are (A. Davison and D. Hinkley, Bootstrap Methods, 1997, section 3.8), or as many
        as hold about ``size`` clips.
        """
        clusters = self.clusters
        units = self.clips if clusters is None else int(clusters.max()) + 1
        size = units if self.size is None else max(1, round(units * self.size / self.clips))
        picks = rng.integers(units, size=(draws, size)) + units * np.arange(draws)[:, None]
        counts = np.bincount(picks.ravel(), minlength=draws * units).reshape(draws, units)
        taken = counts if clusters is None else counts[:, clusters]
        return np.asarray(taken, dtype=np.float64)


Counts = Mapping[str, Floats]
"""How often each draw takes each clip, (draws, clips), by pool name."""


def resampled(curve: Curve, metric: RankMetric) -> Callable[[Counts], Floats]:
    """Return the function from counts to the metric of each draw, (draws,)."""
    return _auc_of(curve) if metric == "auc" else _pauc_of(curve)


def _auc_of(curve: Curve) -> Callable[[Counts], Floats]:
    """Count the won pairs, ties half."""
    x, y = curve.negative.scores, curve.positive.scores
    order = np.argsort(x, kind="stable")
    below, not_above = (np.searchsorted(x[order], y, side=side) for side in ("left", "right"))
    tied = bool(np.any(below != not_above))

    def metric(counts: Counts) -> Floats:
        negative, positive = (counts[pool.clips] for pool in curve.pools)
        up_to = _running(negative[:, order])
        won = np.take(up_to, below, axis=1)
        if tied:
            won = 0.5 * (won + np.take(up_to, not_above, axis=1))
        total = negative.sum(axis=1) * positive.sum(axis=1)
        aucs: Floats = np.einsum("dp,dp->d", won, positive) / total
        return aucs

    return metric


def _running(counts: Floats) -> Floats:
    """Return how many clips each draw took of the first 0, 1, ... n, (draws, n + 1)."""
    found = np.zeros((len(counts), counts.shape[1] + 1))
    np.cumsum(counts, axis=1, out=found[:, 1:])
    return found


def _pauc_of(curve: Curve) -> Callable[[Counts], Floats]:
    """Add up the steps of the ROC curve, one for each distinct score of the normal clips.

    At a step the curve goes right by the normal clips of that score, cut at the limit, at the
    height of the anomalous clips above them; those of the same score make the step a slope
    (:func:`asdbench.metrics.rank.roc_area` for draws).
    """
    x, y = curve.negative.scores, curve.positive.scores
    order, ranked = np.argsort(-x, kind="stable"), np.argsort(-y, kind="stable")
    steps, starts = np.unique(-x[order], return_index=True)
    above, not_below = (np.searchsorted(-y[ranked], steps, side=side) for side in ("left", "right"))
    distinct = steps.size == x.size

    def metric(counts: Counts) -> Floats:
        negative, positive = (counts[pool.clips] for pool in curve.pools)
        right = negative[:, order]
        if not distinct:
            right = np.add.reduceat(right, starts, axis=1)
        limit = MAX_FPR * right.sum(axis=1, keepdims=True)
        before = np.cumsum(right, axis=1) - right
        last = int(np.max(np.sum(before < limit, axis=1)))  # no draw has more steps
        right, before = right[:, :last], before[:, :last]
        width = np.clip(limit - before, 0.0, right)
        up_to = _running(positive[:, ranked])
        height = np.take(up_to, above[:last], axis=1)
        tied = np.take(up_to, not_below[:last], axis=1) - height
        if tied.any():
            inside = np.divide(width, right, out=np.zeros_like(width), where=right > 0.0)
            height += 0.5 * inside * tied
        total = negative.sum(axis=1) * positive.sum(axis=1)
        return standardize(np.einsum("ds,ds->d", width, height) / total)

    return metric


def sample_sums(
    sums: Sequence[Sequence[tuple[float, Curve]]],
    takes: Mapping[str, Take],
    metric: RankMetric,
    draws: int,
    rng: np.random.Generator,
) -> Floats:
    """Return bootstrap draws of weighted sums of metrics, (draws, sums).

    Pools of the same name are drawn once for all sums, so these vary together as they should.
    ``takes`` says how each pool is drawn; its order is that of the draws.
    """
    prepared = [[(weight, resampled(curve, metric)) for weight, curve in terms] for terms in sums]
    clips = max(take.clips for take in takes.values())
    width = max(sum(take.clips for take in takes.values()) // 4, 2 * clips)
    parts = []
    for count in blocks(draws, width):
        counts = {name: take.counts(count, rng) for name, take in takes.items()}
        part = np.zeros((count, len(sums)))
        for column, terms in enumerate(prepared):
            for weight, curve in terms:
                part[:, column] += weight * curve(counts)
        parts.append(part)
    return np.concatenate(parts)
