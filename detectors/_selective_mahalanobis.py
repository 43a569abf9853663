"""Selective Mahalanobis score of residuals, as the DCASE 2023 baseline computes it.

References
----------
N. Harada, D. Niizumi, Y. Ohishi, D. Takeuchi and M. Yasuda, "First-shot anomaly sound detection
for machine condition monitoring: A domain generalization baseline", EUSIPCO 2023, section III.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

_FLOOR = 1e-7
"""Smallest eigenvalue, relative to the largest: the resolution of the float32 residuals."""


class Covariance:
    """Covariance of residual rows, gathered batch by batch.

    Parameters
    ----------
    bands
        Length of a row.
    centering
        ``batch``: the rows of each batch are centered on their own mean, as the official code
        does; ``global``: on the mean of all rows.
    """

    def __init__(self, bands: int, centering: str) -> None:
        self.centering = centering
        self.vectors = 0
        self._rows = 0
        self._mean = np.zeros(bands)
        self._scatter = np.zeros((bands, bands))

    def add(self, residual: torch.Tensor) -> None:
        """Add a batch of residual vectors, (batch, frames * bands); none is fine."""
        if len(residual) == 0:
            return
        rows = residual.reshape(-1, len(self._mean))
        batch_mean = rows.mean(0)
        centered = rows - batch_mean
        self._scatter += (centered.t() @ centered).double().cpu().numpy()
        self.vectors += len(residual)
        if self.centering == "global":
            # Pairwise update of Chan, Golub and LeVeque (1983).
            shift = batch_mean.double().cpu().numpy() - self._mean
            total = self._rows + len(rows)
            self._scatter += np.outer(shift, shift) * (self._rows * len(rows) / total)
            self._mean += shift * (len(rows) / total)
            self._rows = total

    def matrix(self) -> NDArray[np.float64]:
        """Return scatter / (vectors - 1), (bands, bands).

        The official code divides the scatter of *rows* by the number of *vectors*, so this is
        ``frames`` times a covariance of rows: the same factor for both domains.
        """
        return self._scatter / (self.vectors - 1)


def covariances(
    source: Covariance, target: Covariance
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the matrices of both domains; a domain of fewer than two vectors takes the other's."""
    known = [domain.matrix() for domain in (source, target) if domain.vectors > 1]
    return known[0], known[-1]


def whitening(covariance: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return W, (bands, bands), with ``W.T @ W`` the inverse of ``covariance``.

    Eigenvalues below 1e-7 of the largest are raised to that: a band without variance (silence,
    band-limited recordings) then counts as nearly constant, and a deviation in it still shows.
    A pseudo-inverse would ignore exactly that deviation.
    """
    values, vectors = np.linalg.eigh(covariance)
    floor = max(values[-1] * _FLOOR, np.finfo(np.float32).tiny)
    inverse_root: NDArray[np.float64] = (vectors / np.sqrt(np.maximum(values, floor))).T
    return inverse_root


def selective_mahalanobis(
    mean_residual: NDArray[np.float64],
    source: NDArray[np.float64],
    target: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return the smaller squared Mahalanobis norm of each clip's mean residual row.

    The official code averages the full matrix ``R inv(Sigma) R.T`` of a clip's residual rows over
    both indices, which equals ``r.T inv(Sigma) r`` with r the mean row; it is not the mean of
    the rows' distances that the paper describes.

    Parameters
    ----------
    mean_residual
        (clips, bands).
    source, target
        Covariances of the two domains, (bands, bands).
    """
    distances = [
        ((mean_residual @ whitening(covariance).T) ** 2).sum(axis=1)
        for covariance in (source, target)
    ]
    smaller: NDArray[np.float64] = np.min(distances, axis=0)
    return smaller
