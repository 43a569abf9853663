"""Nearest neighbors of mean log-mel spectra."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from scipy.spatial import KDTree

from asdbench.api import ClipSet, Context, Detector, DetectorInfo, Params
from asdbench.errors import PluginError
from asdbench.features import LogMelSpec


class KNNParams(Params):
    """Parameters of ``knn-example``."""

    neighbors: int = Field(1, ge=1)
    """Training clips that the distance is averaged over."""
    n_mels: int = Field(128, ge=1)
    """Mel bands."""


class KNN(Detector):
    """Mean Euclidean distance (dB) to the nearest training clips, by their mean log-mel spectra."""

    info: ClassVar[DetectorInfo] = DetectorInfo(
        id="knn-example",
        version="1",
        params=KNNParams,
        description="Distance to the nearest training clips, by mean log-mel spectrum.",
        scope="section",  # one fit for each machine and section
        score_params=frozenset({"neighbors"}),  # another number of neighbors needs no new fit
    )
    params: KNNParams

    def __init__(self, params: KNNParams) -> None:
        super().__init__(params)
        self._train: NDArray[np.float64] | None = None

    def fit(self, train: ClipSet, context: Context) -> None:
        """Keep the mean spectra of the training clips."""
        self._train = self._mean_spectra(train)

    def score(self, clips: ClipSet, context: Context) -> NDArray[np.float64]:
        """Return the mean distance to the nearest training clips."""
        if self._train is None:
            raise PluginError("knn-example is not fitted", "call fit() or load() first")
        nearest = range(1, min(self.params.neighbors, len(self._train)) + 1)
        distances, _ = KDTree(self._train).query(self._mean_spectra(clips), nearest)
        return np.asarray(distances.mean(axis=1), dtype=np.float64)

    def save(self, folder: Path) -> None:
        """Write ``train.npy``."""
        if self._train is None:
            raise PluginError("knn-example is not fitted", "call fit() first")
        np.save(folder / "train.npy", self._train, allow_pickle=False)

    @classmethod
    def load(cls, folder: Path, params: KNNParams, context: Context) -> Self:
        """Return the detector that :meth:`save` wrote."""
        loaded = cls(params)
        loaded._train = np.load(folder / "train.npy", allow_pickle=False)
        return loaded

    def _mean_spectra(self, clips: ClipSet) -> NDArray[np.float64]:
        frames = clips.features(LogMelSpec(n_mels=self.params.n_mels))
        means = [frames.clip(i).mean(axis=0, dtype=np.float64) for i in range(len(clips))]
        return np.stack(means) if means else np.zeros((0, self.params.n_mels))
