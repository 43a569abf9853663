"""The scores of several pools on one axis: histograms, quantiles, distances."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from asdbench.explain.model import Distance, Distributions, Spread
from asdbench.explain.score_table import CellScores, Scored
from asdbench.stats.distances import score_distance

LEVELS = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0)
"""Of the quantiles."""
_BINS = 14
_TAIL = 0.01  # of the scores of each pool that may lie beyond the axis, at either end


def describe(scores: CellScores) -> Distributions:
    """Return how the scores of a cell lie.

    The axis reaches from the lowest to the highest of the pools' 1 % and 99 % quantiles, so that
    one extreme clip does not press all others into a single bin.
    """
    pools = scores.named
    ends = [np.quantile(clips.score, [_TAIL, 1.0 - _TAIL]) for clips in pools.values()]
    low, high = min(end[0] for end in ends), max(end[1] for end in ends)
    if low == high:
        low, high = low - 0.5, high + 0.5
    edges = np.linspace(low, high, _BINS + 1)
    return Distributions(
        tuple(float(edge) for edge in edges),
        tuple(_spread(name, clips, edges) for name, clips in pools.items()),
        tuple(_distances(scores)),
    )


def _spread(name: str, clips: Scored, edges: NDArray[np.float64]) -> Spread:
    counts, _ = np.histogram(np.clip(clips.score, edges[0], edges[-1]), edges)
    return Spread(
        name,
        len(clips),
        tuple(float(value) for value in np.quantile(clips.score, LEVELS)),
        tuple(float(count) / len(clips) for count in counts),
    )


def _distances(scores: CellScores) -> list[Distance]:
    unit = scores.real_normals.score
    found = []
    for label, real, made in (
        ("normals", scores.real_normals.score, scores.generated_normals.score),
        ("anomalies", scores.real_anomalies.score, scores.generated_anomalies.score),
    ):
        if len(unit) and len(real) and len(made):
            distance = score_distance(unit, real, made)
            found.append(Distance(label, distance.ks, distance.ks_p, distance.wasserstein))
    return found
