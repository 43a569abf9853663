"""A generator on the bench: fits that checks share, clips as the engine asks for them."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel

from asdbench.api import (
    Condition,
    Context,
    GeneratedBatch,
    Generator,
    GeneratorInfo,
    Label,
    Request,
)
from asdbench.clips import ClipPool
from asdbench.testing.bench import FIT, LARGE_SEED, SEED, Lender, fail_unless, in_scope
from asdbench.testing.check import Once, required_to_work
from asdbench.testing.material import Material, recolored, simulated_material, uneven
from asdbench.testing.state import ProcessState, preserved, seed_everything
from asdbench.testing.watched import Journal, WatchedLabelledClips

COUNT = 5
"""Clips that most checks ask for."""
TOLERANCE = 1e-3
"""Of samples, relative to the peak of a clip: -60 dB."""


@dataclass(frozen=True)
class MadeClip:
    """A clip as it came, with the sample rate and the notes of its batch."""

    audio: Any
    sample_rate: int
    notes: Any


Clips = list[MadeClip]


@dataclass(frozen=True)
class Again:
    """What a second fit with the same seed gave, while all global random state was another."""

    generator: Generator
    clips: Clips
    context: Context


class GeneratorBench:
    """Fits a generator class when a check first asks for it, and makes what checks ask for.

    The state of the process is put back after every call into the plug-in.
    """

    def __init__(self, cls: type[Generator], params: BaseModel, material: Material | None) -> None:
        self.cls = cls
        self.info: GeneratorInfo = cls.info
        self.params = params
        self.lender = Lender()
        self.journal = Journal()
        self.changed: dict[str, None] = {}
        """What of the state of the process differed after fit, generate, save or load."""
        self.material = Once(lambda: material or simulated_material())
        self.train = Once(lambda: in_scope(self.material().mixed, self.info.scope))
        self.fitted = Once(lambda: self.fit(self.train(), SEED))
        self.requests = Once(self._made_requests)
        self.base = Once(lambda: self.make(self.fitted(), self.requests()))
        self.again = Once(self._fit_again)
        self.saved = Once(self._save)
        self.other = Once(self._fit_other)
        self.uneven = Once(lambda: self.fit(uneven(self.train()), SEED))

    @property
    def samples(self) -> int:
        """Length of a training clip."""
        return len(self.train().audio(0))

    def candidates(self) -> list[Request]:
        """Return one request for every seen condition and label that it says it can make."""
        seen = list(dict.fromkeys(self.train().conditions))
        return [
            Request(condition, label, LARGE_SEED - i, self.samples)
            for i, (condition, label) in enumerate(
                (c, label) for c in seen for label in sorted(self.info.labels)
            )
        ]

    def _made_requests(self) -> list[Request]:
        accepted = [r for r in self.candidates() if self.fitted().refuses(r) is None]
        fail_unless(
            bool(accepted),
            f"it refuses all conditions that it learned from, e.g.: "
            f"{self.fitted().refuses(self.candidates()[0])}",
            "a generator makes what it was fitted to",
            "let refuses() return None for conditions of the training clips.",
        )
        order = np.random.default_rng(SEED).permutation(max(len(accepted), COUNT))[:COUNT]
        return [replace(accepted[i % len(accepted)], seed=LARGE_SEED - 7 * int(i)) for i in order]

    def context(self, seed: int = SEED) -> Context:
        """Return a context."""
        return self.lender.context(seed)

    def watched(self, pool: ClipPool) -> WatchedLabelledClips:
        """Return clips as the generator may see them."""
        return WatchedLabelledClips(pool, self.journal)

    def fit(self, pool: ClipPool, seed: int) -> Generator:
        """Return a fitted generator."""
        with preserved(), required_to_work(f"fit() with context.seed {seed}", FIT):
            generator = self.cls(self.params)
            generator.fit(self.watched(pool), self.context(seed))
        self.journal.settle()
        return generator

    def _fit_again(self) -> Again:
        self.base()  # imports what is imported at first use, which may draw random numbers
        context = self.context()
        with self.noting_changes():
            generator = self.cls(self.params)
            generator.fit(self.watched(self.train()), context)
            clips = self._generate(generator, self.requests(), self.train(), self.context())
        return Again(generator, self._one_each(clips, len(self.requests())), context)

    @contextmanager
    def noting_changes(self) -> Iterator[None]:
        """Note what changes of the state of the process, with random state unlike at other fits."""
        with preserved():
            seed_everything(1)
            state = ProcessState.now()
            yield
            self.changed.update(dict.fromkeys(state.changed()))

    def _fit_other(self) -> Generator:
        """Fit on other clips, with a large seed, after what is compared and saved was fitted."""
        with suppress(Exception, SystemExit):  # whether it can be is what other checks ask
            self.saved()
        return self.fit(recolored(self.train()), LARGE_SEED)

    def _save(self) -> Path:
        again = self.again()
        folder = self.lender.folder("saved")
        with self.noting_changes():
            again.generator.save(folder)
        shutil.rmtree(again.context.scratch)
        return folder

    def load(self) -> tuple[Generator, Path]:
        """Return a generator loaded from a copy of what the second fit saved, and that folder."""
        folder = self.lender.folder("moved")
        shutil.copytree(self.saved(), folder, dirs_exist_ok=True)
        with self.noting_changes():
            return self.cls.load(folder, self.params, self.context()), folder

    def _generate(
        self, generator: Generator, requests: Sequence[Request], train: ClipPool, context: Context
    ) -> Clips:
        clips = unpacked(generator.generate(requests, self.watched(train), context))
        self.journal.settle()
        return clips

    def make_raw(
        self, generator: Generator, requests: Sequence[Request], seed: int = SEED
    ) -> Clips:
        """Return whatever generate() yields."""
        with preserved():
            return self._generate(generator, requests, self.train(), self.context(seed))

    def make(self, generator: Generator, requests: Sequence[Request], seed: int = SEED) -> Clips:
        """Return one clip for every request."""
        return self._one_each(self.make_raw(generator, requests, seed), len(requests))

    def make_uneven(self, requests: Sequence[Request]) -> Clips:
        """Return one clip for every request, of a generator fitted on clips of unequal lengths."""
        with preserved():
            clips = self._generate(self.uneven(), requests, uneven(self.train()), self.context())
        return self._one_each(clips, len(requests))

    @staticmethod
    def _one_each(clips: Clips, count: int) -> Clips:
        fail_unless(
            len(clips) == count,
            f"generate() yielded {len(clips)} clips for {count} requests",
            "one clip for every request, in order",
            "yield GeneratedBatch objects whose audio lists have as many clips in all.",
        )
        return clips


def unpacked(batches: Iterable[GeneratedBatch]) -> Clips:
    """Return the clips of all batches."""
    clips = []
    for batch in batches:
        notes = list(batch.notes) or [{}] * len(batch.audio)
        fail_unless(
            len(notes) == len(batch.audio),
            f"a batch of {len(batch.audio)} clips has {len(notes)} notes",
            "one for each clip, or none at all",
            "give GeneratedBatch one mapping a clip.",
        )
        clips += [
            MadeClip(a, batch.sample_rate, n) for a, n in zip(batch.audio, notes, strict=True)
        ]
    return clips


def unlike(one: Clips, other: Clips, tolerance: float = TOLERANCE) -> list[int]:
    """Return where two lists of clips differ by more than ``tolerance`` of the peak."""
    return [
        i
        for i, (a, b) in enumerate(zip(one, other, strict=True))
        if not _alike(np.asarray(a.audio), np.asarray(b.audio), tolerance)
    ]


def _alike(one: Any, other: Any, tolerance: float) -> bool:
    if one.shape != other.shape:
        return False
    peak = float(np.abs(np.nan_to_num(one)).max(initial=0.0))
    return bool(np.allclose(one, other, rtol=0.0, atol=tolerance * peak, equal_nan=True))


def unseen(bench: GeneratorBench) -> dict[str, Condition]:
    """Return conditions that no training clip has, by what is new in them."""
    known = bench.requests()[0].condition
    name = known.attributes[0][0] if known.attributes else "speed"
    return {
        "value of an attribute": replace(known, attributes=((name, "777"),)),
        "attribute": replace(known, attributes=(("no-such-attribute", "1"),)),
        "absence of attributes": replace(known, domain=None, attributes=()),
        "section": replace(known, section="77"),
        "machine": replace(known, machine="no-such-machine"),
    }


def other_label(label: Label) -> Label:
    """Return the label that ``label`` is not."""
    return "normal" if label == "anomaly" else "anomaly"
