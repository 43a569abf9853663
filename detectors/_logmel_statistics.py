"""Clips as vectors: mean and deviation of log-mel bands, and their whitening."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray

from asdbench.api import ClipSet, Context
from asdbench.features import LogMelSpec

Rows = NDArray[np.float64]
Bands = Literal[8, 16, 32, 64, 128]

SPEC = LogMelSpec()
"""Frames of the DCASE baselines: a run has them at hand already."""
_FLOOR_DB = 0.01
"""Smallest deviation that a direction is taken to have, dB: silence has none."""


def statistics(clips: ClipSet, bands: int, context: Context) -> Rows:
    """Return mean and standard deviation over time of each band, dB, (clips, 2 * bands).

    The 128 bands of the DCASE baselines are averaged by neighbors, in dB.
    """
    rows = np.zeros((len(clips), 2 * bands))
    if not len(clips):
        return rows
    frames = clips.features(SPEC)
    for index in range(len(clips)):
        levels = frames.clip(index).astype(np.float64)
        levels = levels.reshape(len(levels), bands, -1).mean(axis=2)  # (frames, bands)
        rows[index] = np.concatenate([levels.mean(axis=0), levels.std(axis=0)])
        context.progress(index + 1, len(clips), "clip")
    return rows


@dataclass(frozen=True)
class Scaling:
    """A linear map after which rows have mean 0 and variance 1.

    Parameters
    ----------
    mean
        (d,).
    matrix
        (d, d): rows are multiplied with it from the right.
    """

    mean: Rows
    matrix: Rows

    @classmethod
    def whitening(cls, rows: Rows) -> Self:
        """Return the map that makes the covariance of ``rows`` the identity.

        The covariance is shrunk towards a multiple of the identity by Ledoit and Wolf's rule
        (Journal of Multivariate Analysis 88, 2004), as clips are few for its size.
        """
        from sklearn.covariance import ledoit_wolf

        mean = rows.mean(axis=0)
        covariance = np.zeros((len(mean), len(mean)))
        if len(rows) > 1:
            covariance, _ = ledoit_wolf(rows - mean, assume_centered=True)
        values, vectors = np.linalg.eigh(covariance)
        return cls(mean, vectors / np.sqrt(np.maximum(values, _FLOOR_DB**2)))

    @classmethod
    def standardization(cls, rows: Rows) -> Self:
        """Return the map that divides every statistic by its own deviation."""
        deviation = np.maximum(rows.std(axis=0), _FLOOR_DB)
        return cls(rows.mean(axis=0), np.diag(1 / deviation))

    def __call__(self, rows: Rows) -> Rows:
        """Return the mapped rows, (n, d)."""
        return (rows - self.mean) @ self.matrix
