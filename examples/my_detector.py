"""A detector in one file. Try it: asdbench plugins show my-knn --plugin examples/my_detector.py.

In a suite, name the file under ``plugins:`` and the detector by ``use: my-knn``, or skip the
decorator and write ``use: ./my_detector.py:MyKNN``.
"""

from pathlib import Path

import numpy as np

from asdbench.api import ClipSet, Context, Detector, DetectorInfo, Params, detector
from asdbench.errors import PluginError
from asdbench.features import LogMelSpec


class MyParams(Params):
    """Parameters, as a suite gives them under ``params:``."""

    n_mels: int = 128
    """Mel bands."""


@detector("my-knn")
class MyKNN(Detector):
    """Distance (dB) of a clip's mean log-mel spectrum to the nearest training clip's."""

    info = DetectorInfo(
        id="my-knn",
        version="1",
        params=MyParams,
        description="Distance to the nearest training clip, by mean log-mel spectrum.",
    )

    def fit(self, train: ClipSet, context: Context) -> None:
        """Keep the mean spectra of the training clips."""
        self.train = self.mean_spectra(train)

    def score(self, clips: ClipSet, context: Context) -> np.ndarray:
        """Return one score a clip; higher is more anomalous."""
        if not hasattr(self, "train"):
            raise PluginError("my-knn is not fitted", "Call fit() or load() first.")
        spectra = self.mean_spectra(clips)
        return np.array([np.linalg.norm(self.train - one, axis=1).min() for one in spectra])

    def save(self, folder: Path) -> None:
        """Write what :meth:`load` needs."""
        np.save(folder / "train.npy", self.train)

    @classmethod
    def load(cls, folder: Path, params: MyParams, context: Context) -> "MyKNN":
        """Return the detector that :meth:`save` wrote."""
        loaded = cls(params)
        loaded.train = np.load(folder / "train.npy", allow_pickle=False)
        return loaded

    def mean_spectra(self, clips: ClipSet) -> np.ndarray:
        """Return the mean spectrum of every clip, float64 (clips, n_mels)."""
        frames = clips.features(LogMelSpec(n_mels=self.params.n_mels))
        return np.array([frames.clip(i).mean(axis=0, dtype=float) for i in range(len(clips))])
