"""What the AudioSet classifiers share: vectors and posteriors from one pass over the clips."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from asdbench.api import ClipSet, Context, Embedded, Embedding
from asdbench.embeddings.weights import softmax

Outputs = tuple[NDArray[np.float64], NDArray[np.float64]]


class ClassifierEmbedding(Embedding):
    """An embedding that is a classifier's last layer but one."""

    def __init__(self, params: Any) -> None:
        super().__init__(params)
        self._last: tuple[ClipSet, Outputs] | None = None

    def embed(self, clips: ClipSet, context: Context) -> Embedded:
        """Return one vector a clip."""
        return Embedded.one_per_clip(self._outputs(clips, context)[0])

    def posteriors(self, clips: ClipSet, context: Context) -> NDArray[np.float64]:
        """Return class probabilities, (clips, classes)."""
        return softmax(self._outputs(clips, context)[1])

    @abstractmethod
    def _run(self, clips: ClipSet, context: Context) -> Outputs:
        """Return vectors (clips, d) and logits (clips, classes)."""

    def _outputs(self, clips: ClipSet, context: Context) -> Outputs:
        """Run the network; what the last clips gave is kept, as both are asked for."""
        if self._last is None or self._last[0] is not clips:
            self._last = (clips, self._run(clips, context))
        return self._last[1]
