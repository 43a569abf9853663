"""The base of generators that make every clip from one training clip."""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np

from asdbench.api import (
    Audio,
    Condition,
    Context,
    GeneratedBatch,
    Generator,
    Label,
    LabelledClipSet,
    Request,
    TrainingManifest,
)
from asdbench.conditions import format_condition
from asdbench.errors import PluginError

from ._looping import Signal, limited, shifted
from ._matching import Match, Sources

_BATCH = 16  # clips held in memory at once
_FILE = "sources.json"


class SourcedGenerator(Generator):
    """Picks a training clip for every request, shifts it in time and hands it to :meth:`alter`.

    Fitting only notes which conditions and labels the training set holds. Everything drawn for a
    clip (its source, the shift, what :meth:`alter` does) comes from the seed of its request.
    """

    def __init__(self, params: Any) -> None:
        super().__init__(params)
        self._knows(Sources())

    def _knows(self, sources: Sources) -> None:
        self._sources = sources
        self._matches: dict[tuple[Condition, Label], Match | None] = {}

    def match(self, request: Request) -> Match | None:
        """Return the training clips that serve ``request``; None where its machine has none."""
        key = (request.condition, self.source_label(request.label))
        if key not in self._matches:
            self._matches[key] = self._sources.match(*key)
        return self._matches[key]

    @abstractmethod
    def source_label(self, wanted: Label) -> Label:
        """Return the label of the training clips from which a ``wanted`` one is made."""

    def alter(
        self, audio: Signal, sample_rate: int, label: Label, rng: np.random.Generator
    ) -> tuple[Signal, str]:
        """Return a shifted clip made into what was asked for, same length, and what was done."""
        return audio, "none"

    def fit(self, train: LabelledClipSet, context: Context) -> None:
        """Note which conditions and labels there are."""
        self._knows(Sources.of(train))

    def refuses(self, request: Request) -> str | None:
        """Return why no training clip can serve ``request``, or None."""
        if self.match(request) is None:
            label = self.source_label(request.label)
            return f"no {label} clip of machine '{request.condition.machine}' to start from"
        return None

    def generate(
        self, requests: Sequence[Request], train: LabelledClipSet, context: Context
    ) -> Iterator[GeneratedBatch]:
        """Yield batches of at most 16 clips.

        Raises
        ------
        PluginError
            When ``train`` is not what :meth:`fit` got, or a request is one that it refuses.
        """
        if Sources.of(train) != self._sources:
            raise PluginError(
                f"generator '{self.info.id}' was fitted on other clips than it is given to read",
                "Pass generate() the clips that fit() got.",
            )
        for first in range(0, len(requests), _BATCH):
            batch = requests[first : first + _BATCH]
            made = [self._make(request, train) for request in batch]
            yield GeneratedBatch(
                [audio for audio, _ in made], train.sample_rate, [notes for _, notes in made]
            )
            context.progress(first + len(batch), len(requests), f"{self.info.id}: clips")

    def _make(self, request: Request, train: LabelledClipSet) -> tuple[Audio, dict[str, str]]:
        match, reason = self.match(request), self.refuses(request)
        if match is None or reason is not None:
            raise PluginError(
                f"generator '{self.info.id}' cannot make {request.label} clips "
                f"of {request.condition}: {reason}",
                "Ask refuses() before generate().",
            )
        rng = np.random.default_rng(request.seed)
        source = match.clips[int(rng.integers(len(match.clips)))]
        rate = train.sample_rate
        clip, start = shifted(
            np.asarray(train.audio(source), np.float64),
            request.samples,
            rate,
            self.params.max_shift_ms / 1000.0,
            rng,
        )
        altered, operations = self.alter(clip, rate, request.label, rng)
        audio, gain_db = limited(altered)
        notes = {
            "source": str(source),
            "source_condition": format_condition(train.conditions[source]),
            "match": str(match.distance),
            "start_samples": str(start),
            "operations": operations,
        }
        if gain_db:
            notes["scaled_db"] = f"{gain_db:.2f}"
        return audio.astype(np.float32), notes

    def training_manifest(self) -> TrainingManifest:
        """Return nothing: its clips are made of those that :meth:`fit` was given."""
        return TrainingManifest()

    def save(self, folder: Path) -> None:
        """Write which clips there are; no audio."""
        text = json.dumps(self._sources.to_json(), indent=1)
        (folder / _FILE).write_text(text + "\n", encoding="utf-8")

    @classmethod
    def load(cls, folder: Path, params: Any, context: Context) -> Self:
        """Return a generator that knows what the saved one knew."""
        made = cls(params)
        text = (folder / _FILE).read_text(encoding="utf-8")
        made._knows(Sources.from_json(json.loads(text)))
        return made
