"""The inlier model of SerialOE: how far embeddings lie from those of normal clips."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from asdbench.errors import DataError

Measure = Callable[[NDArray[np.float64]], NDArray[np.float64]]
"""From rows (n, d) to how far each is from the normal ones, (n,)."""


def inlier_model(
    kind: Literal["gmm", "knn"],
    normal: NDArray[np.float64],
    size: int,
    reg_covar: float,
    seed: int,
    where: str,
) -> Measure:
    """Fit an inlier model to the embeddings of normal segments.

    Parameters
    ----------
    kind
        ``gmm``: negative log-likelihood under a mixture of ``size`` Gaussians with full
        covariances; ``knn``: mean Euclidean distance to the ``size`` nearest rows.
    normal
        (n, d).
    size
        Components, or neighbors.
    reg_covar
        Added to the diagonal of the covariances.
    seed
        Of the mixture's initialization.
    where
        Names the rows, for messages.

    Raises
    ------
    DataError
        When there are fewer rows than ``size`` asks for.
    """
    name = "clusters" if kind == "gmm" else "neighbors"
    least = max(size, 2) if kind == "gmm" else size
    if len(normal) < least:
        raise DataError(
            f"serial-oe: {len(normal)} segments of {where} are too few for {name}={size}: at "
            f"least {least} are needed",
            f"lower '{name}', or give the inlier model more clips with 'inliers: all' and "
            "'domain: all'",
        )
    return _mixture(normal, size, reg_covar, seed) if kind == "gmm" else _nearest(normal, size)


def _mixture(normal: NDArray[np.float64], size: int, reg_covar: float, seed: int) -> Measure:
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.mixture import GaussianMixture

    mixture = GaussianMixture(
        size, covariance_type="full", reg_covar=reg_covar, random_state=seed % 2**32
    )
    with warnings.catch_warnings():
        # Fewer distinct rows than components, or 100 iterations: the model is still defined.
        warnings.simplefilter("ignore", ConvergenceWarning)
        mixture.fit(normal)
    return lambda rows: -mixture.score_samples(rows)


def _nearest(normal: NDArray[np.float64], size: int) -> Measure:
    from sklearn.neighbors import NearestNeighbors

    neighbors = NearestNeighbors(n_neighbors=size, algorithm="brute").fit(normal)

    def measure(rows: NDArray[np.float64]) -> NDArray[np.float64]:
        # Row by row: the product behind the distances rounds differently with other rows in it.
        distances = [neighbors.kneighbors(row[None])[0].mean() for row in rows]
        return np.array(distances)

    return measure
