"""Means over neighborhoods in a feature space."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

Metric = Literal["euclidean", "cosine"]
_BLOCK = 512


def smooth(
    scores: NDArray[np.float64],
    features: NDArray[np.float64],
    neighbors: int,
    metric: Metric = "euclidean",
    candidates: NDArray[np.bool_] | None = None,
) -> NDArray[np.float64]:
    """Return the mean of each score and those of its nearest neighbors.

    Fujimura et al., equation 7: ``a(i) = (a_G(i) + sum over N(i) of a_G(k)) / K`` with the
    ``K - 1`` nearest items ``N(i)``, the item itself left out. Where fewer than ``K - 1`` exist,
    all of them are taken and the divisor is their number plus one. Of items at the same distance
    the earlier one is nearer.

    Parameters
    ----------
    scores
        (n,), ``a_G``.
    features
        (n, d).
    neighbors
        ``K``, the item itself included: 1 changes nothing, ``n`` or more gives the mean of all.
    metric
        Distance between features.
    candidates
        (n,), which items may be neighbors; None for all.

    Returns
    -------
    ndarray
        (n,).
    """
    allowed = np.arange(len(scores))
    if candidates is not None:
        allowed = allowed[candidates]
    if neighbors <= 1 or len(allowed) == 0:
        return scores.copy()
    if metric == "cosine":
        norms = np.linalg.norm(features, axis=1, keepdims=True)
        features = features / np.where(norms > 0.0, norms, 1.0)
    if neighbors > len(allowed):  # all of them, whatever the distance
        inside = np.isin(np.arange(len(scores)), allowed)
        total = scores[allowed].sum()
        sums = np.where(inside, total, total + scores)
        return np.asarray(sums / (len(allowed) + ~inside), dtype=np.float64)
    smoothed = np.empty_like(scores)
    for start in range(0, len(scores), _BLOCK):
        rows = np.arange(start, min(start + _BLOCK, len(scores)))
        distance = _squared_distances(features[rows], features[allowed])
        distance[rows[:, None] == allowed[None, :]] = np.inf  # the item itself
        nearest = np.argsort(distance, axis=1, kind="stable")[:, : neighbors - 1]
        smoothed[rows] = (scores[rows] + scores[allowed][nearest].sum(axis=1)) / neighbors
    return smoothed


def _squared_distances(
    left: NDArray[np.float64], right: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return (n, m) squared Euclidean distances, each from its own differences.

    The expansion of the square would round equal distances apart, and ties matter here.
    """
    from scipy.spatial.distance import cdist

    return np.asarray(cdist(left, right, "sqeuclidean"), dtype=np.float64)
