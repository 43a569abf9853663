"""Nearest neighbors of log-mel statistics."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from asdbench.api import DetectorInfo, Params

from ._logmel_statistics import Bands, Rows, Scaling
from ._statistics_detector import StatisticsDetector, StatisticsModel

_DENSITY_NEIGHBORS = 16


class KNNParams(Params):
    """Parameters of ``knn``."""

    neighbors: int = Field(2, ge=1)
    """Training clips that the distance is averaged over: the nearest ones."""
    metric: Literal["mahalanobis", "euclidean", "cosine"] = "mahalanobis"
    """Distance of two clips: Euclidean after whitening, Euclidean after dividing every statistic
    by its deviation, or one minus the cosine of the latter."""
    normalize: Literal["density", "none"] = "density"
    """Whether a distance is divided by the mean distance of the training clip to its own 16
    nearest ones, so that the few clips of the target domain count."""
    bands: Bands = 16
    """Frequency bands; each gives a mean and a deviation over time."""


@dataclass(frozen=True)
class Bank(StatisticsModel):
    """The training clips, and what distances to each of them are divided by.

    Parameters
    ----------
    rows
        Scaled statistics, (n, d).
    spacing
        (n,), above 0.
    """

    rows: Rows
    spacing: Rows

    @classmethod
    def learn(cls, rows: Rows, in_target: NDArray[np.bool_], params: KNNParams, seed: int) -> Self:
        """Return the bank of ``rows``. Domains and seed do not matter."""
        whiten = params.metric == "mahalanobis"
        scaling = Scaling.whitening(rows) if whiten else Scaling.standardization(rows)
        scaled = scaling(rows)
        spacing = np.ones(len(rows))
        if params.normalize == "density" and len(rows) > 1:
            between = _distances(scaled, scaled, params.metric)
            np.fill_diagonal(between, np.inf)
            spacing = _mean_of_smallest(between, min(_DENSITY_NEIGHBORS, len(rows) - 1))
            floor = 1e-3 * spacing.mean()  # met by copies of one clip
            spacing = np.maximum(spacing, floor) if floor else np.ones(len(rows))
        return cls(scaling, scaled, spacing)

    def score(self, rows: Rows, params: KNNParams) -> Rows:
        """Return the mean of the smallest distances, each over its training clip's spacing."""
        distances = _distances(self.scaling(rows), self.rows, params.metric) / self.spacing
        return _mean_of_smallest(distances, min(params.neighbors, len(self.rows)))


def _distances(rows: Rows, others: Rows, metric: str) -> Rows:
    from scipy.spatial.distance import cdist

    if metric != "cosine":
        return np.asarray(cdist(rows, others))
    # A row of zeros has no direction; its cosine to any other is taken to be 0.
    lengths = [np.maximum(np.linalg.norm(part, axis=1), 1e-12) for part in (rows, others)]
    return np.asarray(1 - (rows / lengths[0][:, None]) @ (others / lengths[1][:, None]).T)


def _mean_of_smallest(distances: Rows, count: int) -> Rows:
    smallest: Rows = np.sort(distances, axis=1)[:, :count].mean(axis=1)
    return smallest


class KNN(StatisticsDetector[Bank]):
    """Distance to the nearest training clips of the section, by means and deviations of bands.

    A clip is 32 numbers: the mean and the standard deviation over time of 16 log-mel bands. They
    are whitened with the covariance of the training clips. The distance to a training clip is
    divided by that clip's mean distance to its own 16 nearest neighbors, and the score is the mean
    of the smallest of these ratios. A clip is called anomalous when its score is above the 90 %
    quantile of a gamma distribution fitted to scores of training clips, each by a bank without it.

    Its embedding is the whitened statistics, (2 * bands,).

    References
    ----------
    Division by local density: K. Wilkinghoff, H. Yang, J. Ebbers, F. G. Germain, G. Wichern and
    J. Le Roux, "Local density-based anomaly score normalization for domain generalization",
    arXiv:2509.10951 (2025), there for embeddings of trained networks.

    Deviations
    ----------
    From that article: statistics of log-mel bands in place of embeddings; with ``neighbors``
    above 1 the mean of that many ratios, where the article has the smallest.
    """

    info: ClassVar[DetectorInfo] = DetectorInfo(
        id="knn",
        version="1",
        params=KNNParams,
        description="Distance to the nearest training clips, by statistics of log-mel bands.",
        paper="Wilkinghoff et al., arXiv:2509.10951 (2025), for the normalization",
        scope="section",
    )
    params: KNNParams
    model_class = Bank
