"""The fitted parts of a detector, lent to it; what they say of some clips is kept in the store.

Entries of a suite that differ only in what they do with their parts (a number of neighbors) ask
them the same question again and again. Answers are found by the audio asked about, so that it
does not matter whether whole clips or pieces of them were asked about.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from asdbench.api import ClipSet, Context, Detector, Embedded, SupportsEmbedding
from asdbench.clips import ClipPool
from asdbench.engine.checked import checked_scores
from asdbench.engine.store import Store, entry_key
from asdbench.errors import PluginError
from asdbench.registry import Use


@dataclass(frozen=True)
class FittedPart:
    """A fitted detector that another one is made of."""

    name: str
    """The parameter that asks for it."""
    use: Use
    key: str
    """Of its ``detector`` entry."""
    identity: str
    """Digest of all that its answers depend on: code, parameters, fit."""
    parts: tuple[FittedPart, ...] = ()


def lend(parts: Sequence[FittedPart], store: Store, context: Context) -> Context:
    """Return ``context`` with the fitted ``parts``."""
    return replace(context, parts={part.name: _load(part, store, context) for part in parts})


def _load(part: FittedPart, store: Store, context: Context) -> Detector:
    cls, params = part.use.load()
    inner = lend(part.parts, store, context)
    detector: Detector = cls.load(store.path("detector", part.key), params, inner)
    kind = _LentWithEmbedding if isinstance(detector, SupportsEmbedding) else _Lent
    return kind(detector, part, store, inner)


class _Lent(Detector):
    """A fitted detector that remembers its answers and cannot be fitted again."""

    def __init__(
        self, detector: Detector, part: FittedPart, store: Store, context: Context
    ) -> None:
        super().__init__(detector.params)
        self.info = detector.info  # type: ignore[misc]  # as the detector's, for who asks
        self._detector = detector
        self._part = part
        self._store = store
        self._context = context

    def fit(self, train: ClipSet, context: Context) -> None:
        raise self._refusal()

    def save(self, folder: Path) -> None:
        raise self._refusal()

    @classmethod
    def load(cls, folder: Path, params: Any, context: Context) -> Self:
        raise PluginError("a lent part is not loaded by itself", "Load the detector that it lends.")

    def _refusal(self) -> PluginError:
        return PluginError(
            f"'{self.info.id}' is lent as '{self._part.name}' and already fitted",
            "Ask it for scores or an embedding.",
        )

    def score(self, clips: ClipSet, context: Context) -> NDArray[np.float64]:
        """Return the detector's scores, float64 (len(clips),)."""
        clips = self._seen(clips)

        def make(folder: Path) -> None:
            scores = self._detector.score(clips, self._lent(context))
            scores = checked_scores(scores, len(clips), self.info.id)
            np.save(folder / "scores.npy", scores, allow_pickle=False)

        folder = self._answer("score", clips, context.seed, make)
        return np.asarray(np.load(folder / "scores.npy"), dtype=np.float64)

    def decide(self, scores: NDArray[np.float64]) -> NDArray[np.bool_] | None:
        return self._detector.decide(scores)

    def _seen(self, clips: ClipSet) -> ClipSet:
        """Return the clips as this part may see them: the whole may be told more."""
        if "test_domain" in self.info.needs:
            return clips
        conditions = [replace(condition, domain=None) for condition in clips.conditions]
        return ClipPool(conditions, clips.sample_rate, clips.audio, (), clips.features)

    def _lent(self, context: Context) -> Context:
        return replace(context, parts=self._context.parts)

    def _answer(self, asked: str, clips: ClipSet, seed: int, make: Callable[[Path], None]) -> Path:
        """Return the folder of the answer to ``asked``, made if the store has none."""
        heard = [
            [hashlib.sha256(clips.audio(i).tobytes()).hexdigest(), str(condition)]
            for i, condition in enumerate(clips.conditions)
        ]
        inputs = {
            "asked": asked,
            "of": self._part.identity,
            "clips": heard,
            "sample_rate": clips.sample_rate,
            "seed": seed,
        }
        return self._store.ensure("answers", entry_key("answers", inputs), make)


class _LentWithEmbedding(_Lent):
    """The same for a detector with an inner representation."""

    def embed(self, clips: ClipSet, context: Context) -> Embedded:
        """Return the detector's vectors."""
        detector = self._detector
        assert isinstance(detector, SupportsEmbedding)
        clips = self._seen(clips)

        def make(folder: Path) -> None:
            found = detector.embed(clips, self._lent(context))
            np.save(folder / "rows.npy", found.rows, allow_pickle=False)
            np.save(folder / "clip.npy", found.clip, allow_pickle=False)

        folder = self._answer("embed", clips, context.seed, make)
        return Embedded(np.load(folder / "rows.npy"), np.load(folder / "clip.npy"))
