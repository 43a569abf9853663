"""What detectors on log-mel statistics have in common: everything but the model."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar, Generic, Self, TypeVar

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file

from asdbench.api import ClipSet, Context, Detector, Embedded
from asdbench.errors import DataError, PluginError

from ._gamma_threshold import Threshold, gamma_threshold
from ._logmel_statistics import Rows, Scaling, statistics

_FOLDS = 10


@dataclass(frozen=True)
class StatisticsModel(ABC):
    """What is learned of a section; every field is an array or of arrays."""

    scaling: Scaling

    @classmethod
    @abstractmethod
    def learn(cls, rows: Rows, in_target: NDArray[np.bool_], params: Any, seed: int) -> Self:
        """Return the model of training clips ``rows``, (n, d), n >= 1."""

    @abstractmethod
    def score(self, rows: Rows, params: Any) -> Rows:
        """Return the scores of ``rows``, (n,)."""


_Model = TypeVar("_Model", bound=StatisticsModel)


class StatisticsDetector(Detector, Generic[_Model]):
    """Turns clips into statistics, and a model's scores of training clips into a threshold."""

    model_class: ClassVar[type[Any]]

    def __init__(self, params: Any) -> None:
        super().__init__(params)
        self._model: _Model | None = None
        self._threshold: Threshold | None = None

    def fit(self, train: ClipSet, context: Context) -> None:
        """Learn the model, and the threshold from scores of clips that a model has not seen.

        For each tenth of the clips a model is learned from the other nine: scores of clips that
        a model was fitted to are too low. A single training clip gives no threshold.
        """
        if not len(train):
            raise DataError(
                f"{self.info.id}: there is no clip to learn from", "check the data set's filters"
            )
        rows = statistics(train, self.params.bands, context)
        in_target = np.array([condition.domain == "target" for condition in train.conditions])
        self._model = self._learn(rows, in_target, context)
        if len(rows) < 2:
            self._threshold = None
            return
        fold = np.arange(len(rows)) % _FOLDS
        scores = np.zeros(len(rows))
        for number in np.unique(fold):
            held = fold == number
            model = self._learn(rows[~held], in_target[~held], context)
            scores[held] = model.score(rows[held], self.params)
        self._threshold = gamma_threshold(scores)

    def score(self, clips: ClipSet, context: Context) -> NDArray[np.float64]:
        """Return the model's score of every clip. A clip's score depends on that clip alone."""
        model = self._fitted()
        return model.score(statistics(clips, self.params.bands, context), self.params)

    def decide(self, scores: NDArray[np.float64]) -> NDArray[np.bool_] | None:
        """Return True where a score is above (not at) the threshold."""
        return None if self._threshold is None else scores > self._threshold.value

    def embed(self, clips: ClipSet, context: Context) -> Embedded:
        """Return the scaled statistics, (clips, 2 * bands)."""
        rows = statistics(clips, self.params.bands, context)
        return Embedded.one_per_clip(self._fitted().scaling(rows))

    def save(self, folder: Path) -> None:
        """Write ``model.safetensors`` and ``threshold.json``."""
        arrays = asdict(self._fitted())
        scaling = arrays.pop("scaling")
        tensors = arrays | {f"scaling.{name}": array for name, array in scaling.items()}
        # safetensors writes the memory of an array: a transposed one would come back scrambled.
        contiguous = {name: np.ascontiguousarray(array) for name, array in tensors.items()}
        save_file(contiguous, folder / "model.safetensors")
        threshold = None if self._threshold is None else asdict(self._threshold)
        (folder / "threshold.json").write_text(json.dumps(threshold) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, folder: Path, params: Any, context: Context) -> Self:
        """Return the detector that :meth:`save` wrote."""
        loaded = cls(params)
        arrays = load_file(folder / "model.safetensors")
        scaling = Scaling(arrays.pop("scaling.mean"), arrays.pop("scaling.matrix"))
        loaded._model = cls.model_class(scaling=scaling, **arrays)
        threshold = json.loads((folder / "threshold.json").read_text(encoding="utf-8"))
        loaded._threshold = None if threshold is None else Threshold(**threshold)
        return loaded

    def _learn(self, rows: Rows, in_target: NDArray[np.bool_], context: Context) -> _Model:
        model: _Model = self.model_class.learn(rows, in_target, self.params, context.seed)
        return model

    def _fitted(self) -> _Model:
        if self._model is None:
            raise PluginError(f"{self.info.id} is not fitted", "call fit() or load() first")
        return self._model
