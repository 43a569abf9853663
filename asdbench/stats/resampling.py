"""Bootstrap draws of pools of clips, and the metrics of all draws at once.

A draw is kept as how often it took each clip: integers, so sums of products are exact and do not
depend on the order in which a linear-algebra library adds them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from asdbench.metrics.rank import MAX_FPR, Floats, roc_area, standardize
from asdbench.stats.curves import Curve

RankMetric = Literal["auc", "pauc"]
Codes = NDArray[np.intp]
_BLOCK = 1_000_000
"""Counts held at a time and per pool: 8 MB each, so that memory does not grow with the draws."""


def blocks(draws: int, width: int) -> list[int]:
    """Return ``draws`` in parts that are small enough to hold ``width`` counts of each."""
    size = max(1, _BLOCK // width)
    return [min(size, draws - start) for start in range(0, draws, size)]


def draw_counts(clips: int, clusters: Codes | None, draws: int, rng: np.random.Generator) -> Floats:
    """Return how often each draw takes each clip of a pool, (draws, clips).

    Clips are drawn with replacement; with ``clusters`` (clips,), numbers from 0, whole clusters
    are (A. Davison and D. Hinkley, Bootstrap Methods, 1997, section 3.8).
    """
    units = clips if clusters is None else int(clusters.max()) + 1
    picks = rng.integers(units, size=(draws, units)) + units * np.arange(draws)[:, None]
    counts = np.bincount(picks.ravel(), minlength=draws * units).reshape(draws, units)
    taken: Floats = (counts if clusters is None else counts[:, clusters]).astype(np.float64)
    return taken


@dataclass(frozen=True)
class Resampled:
    """A curve prepared for many draws."""

    curve: Curve
    order: tuple[Codes, Codes]
    """Clips of either side, highest score first."""
    positions: tuple[Codes, Codes]
    """Distinct scores of each side, as positions among all, highest first."""
    starts: tuple[Codes, Codes]
    """Where the clips of each of ``positions`` begin in ``order``."""
    thresholds: int
    """Number of distinct scores."""

    @classmethod
    def of(cls, curve: Curve) -> Resampled:
        """Rank the clips of ``curve``."""
        scores = [pool.scores for pool in curve.pools]
        distinct, flat = np.unique(-np.concatenate(scores), return_inverse=True)
        sides = flat[: scores[0].size], flat[scores[0].size :]
        order = tuple(np.argsort(side, kind="stable") for side in sides)
        found = [
            np.unique(side[o], return_index=True) for side, o in zip(sides, order, strict=True)
        ]
        positions, starts = zip(*found, strict=True)
        return cls(curve, (order[0], order[1]), positions, starts, distinct.size)

    def metric(self, counts: Mapping[str, Floats], metric: RankMetric) -> Floats:
        """Return the metric of each draw; ``counts`` holds (draws, clips) by pool name."""
        sides = [
            np.add.reduceat(counts[pool.clips][:, order], starts, axis=1)
            for pool, order, starts in zip(self.curve.pools, self.order, self.starts, strict=True)
        ]
        if metric == "auc":
            return self._auc(*sides)
        spread = []
        for side, positions in zip(sides, self.positions, strict=True):
            wide = np.zeros((len(side), self.thresholds))
            wide[:, positions] = side
            spread.append(wide)
        return standardize(roc_area(spread[0], spread[1], MAX_FPR))

    def _auc(self, negative: Floats, positive: Floats) -> Floats:
        """Return the AUCs of draws: won pairs, ties half, over all pairs."""
        x, y = self.positions
        wins = np.asarray(y[None, :] < x[:, None], dtype=np.float64)
        wins += 0.5 * (y[None, :] == x[:, None])
        won = np.sum((negative @ wins) * positive, axis=1)
        total = negative.sum(axis=1) * positive.sum(axis=1)
        aucs: Floats = won / total
        return aucs
