"""Bootstrap draws of pools of clips, and the metrics of all draws at once.

A draw is kept as how often it took each clip: integers, so sums of products are exact and do not
depend on the order in which a linear-algebra library adds them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
        as there are (A. Davison and D. Hinkley, Bootstrap Methods, 1997, section 3.8).
        """
        clusters = self.clusters
        units = self.clips if clusters is None else int(clusters.max()) + 1
        size = units if clusters is not None or self.size is None else self.size
        picks = rng.integers(units, size=(draws, size)) + units * np.arange(draws)[:, None]
        counts = np.bincount(picks.ravel(), minlength=draws * units).reshape(draws, units)
        taken = counts if clusters is None else counts[:, clusters]
        return np.asarray(taken, dtype=np.float64)


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
        if metric == "auc":
            return self._auc(*(counts[pool.clips] for pool in self.curve.pools))
        sides = [
            np.add.reduceat(counts[pool.clips][:, order], starts, axis=1)
            for pool, order, starts in zip(self.curve.pools, self.order, self.starts, strict=True)
        ]
        spread = []
        for side, positions in zip(sides, self.positions, strict=True):
            wide = np.zeros((len(side), self.thresholds))
            wide[:, positions] = side
            spread.append(wide)
        return standardize(roc_area(spread[0], spread[1], MAX_FPR))

    def _auc(self, negative: Floats, positive: Floats) -> Floats:
        """Return the AUCs of draws: won pairs, ties half, over all pairs."""
        x, y = (pool.scores for pool in self.curve.pools)
        wins = np.asarray(y[None, :] > x[:, None], dtype=np.float64)
        wins += 0.5 * (y[None, :] == x[:, None])
        won = np.sum((negative @ wins) * positive, axis=1)
        total = negative.sum(axis=1) * positive.sum(axis=1)
        aucs: Floats = won / total
        return aucs


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
    prepared = [[(weight, Resampled.of(curve)) for weight, curve in terms] for terms in sums]
    thresholds = [curve.thresholds for terms in prepared for _, curve in terms]
    # A quarter: of the few pools of one gap, the widest curve decides.
    width = max(sum(take.clips for take in takes.values()) // 4, *thresholds)
    parts = []
    for count in blocks(draws, width):
        counts = {name: take.counts(count, rng) for name, take in takes.items()}
        part = np.zeros((count, len(sums)))
        for column, terms in enumerate(prepared):
            for weight, curve in terms:
                part[:, column] += weight * curve.metric(counts, metric)
        parts.append(part)
    return np.concatenate(parts)
