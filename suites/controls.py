"""Generators and a detector whose defects are known: what an audit has to find, and only that.

For the suite `controls`, and for any other on simulated clips: ``use: ./controls.py:Perfect``.
Each takes the simulator itself for its model, so that nothing but the planted defect tells its
clips from the data set's.
"""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from asdbench.api import (
    Audio,
    ClipSet,
    Condition,
    Context,
    Detector,
    DetectorInfo,
    Domain,
    GeneratedBatch,
    Generator,
    GeneratorInfo,
    Label,
    LabelledClipSet,
    Params,
    Part,
    Request,
    TrainingManifest,
)
from asdbench.datasets.simulated.mix import render
from asdbench.datasets.simulated.plan import SAMPLE_RATE, SECTIONS
from asdbench.datasets.simulated.spec import ClipSpec
from asdbench.errors import PluginError

_BLOCKS = 10**6  # runs of indices that hold every setting once; a data set has the first few


class Control(Generator):
    """A generator that learns nothing and makes one clip at a time."""

    def fit(self, train: LabelledClipSet, context: Context) -> None:
        """Learn nothing."""

    @abstractmethod
    def clip(
        self, request: Request, train: LabelledClipSet, rng: np.random.Generator
    ) -> tuple[Audio, dict[str, str]]:
        """Return one clip and how it was made; ``rng`` depends on the request alone."""

    def generate(
        self, requests: Sequence[Request], train: LabelledClipSet, context: Context
    ) -> Iterator[GeneratedBatch]:
        """Yield one clip at a time."""
        for done, request in enumerate(requests, start=1):
            audio, notes = self.clip(request, train, np.random.default_rng(request.seed))
            yield GeneratedBatch([audio], train.sample_rate, [notes])
            context.progress(done, len(requests), f"{self.info.id}: clips")

    def training_manifest(self) -> TrainingManifest | None:
        """Return nothing: it learned from no clip."""
        return TrainingManifest()

    def save(self, folder: Path) -> None:
        """Write that there is nothing to write."""
        (folder / "control.json").write_text(json.dumps({"learned": None}), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path, params: Any, context: Context) -> Self:
        """Return the generator; nothing was learned."""
        return cls(params)


class Perfect(Control):
    """Simulates new clips of the condition: other recordings of the same machine.

    Its clips have the distribution of the data set's own, so every difference that a report finds
    is chance. A suite's verdict on it is `different` as often as its intervals miss the truth.
    """

    info = GeneratorInfo(
        id="perfect",
        version="1",
        description="Control: new clips from the simulator itself; no defect.",
    )

    def refuses(self, request: Request) -> str | None:
        """Return why the simulator has no such clip, or None."""
        return None if _settings(request.condition) else "the simulated twin has no such condition"

    def clip(
        self, request: Request, train: LabelledClipSet, rng: np.random.Generator
    ) -> tuple[Audio, dict[str, str]]:
        """Return a simulated clip of the condition."""
        return self.simulated(request.condition, request, train, rng), {}

    def simulated(
        self,
        condition: Condition,
        request: Request,
        train: LabelledClipSet,
        rng: np.random.Generator,
    ) -> Audio:
        """Return a clip of ``condition`` with the request's label, length and randomness."""
        if train.sample_rate != SAMPLE_RATE:
            raise PluginError(
                f"'{self.info.id}' simulates clips at {SAMPLE_RATE} Hz, not {train.sample_rate} Hz",
                "Leave the suite's `audio: {sample_rate:}` at its default.",
            )
        found = _settings(condition)
        if not found:
            raise PluginError(
                f"'{self.info.id}' cannot simulate {condition}: the twin has no such condition",
                "Use it with `dataset: {use: simulated}`.",
            )
        domain, size, setting = found[0]
        first = size * int(rng.integers(_BLOCKS))
        spec = next(
            spec
            for spec in clip_specs(condition, domain, request.label, first, size, request.seed)
            if tuple(sorted(spec.setting)) == setting
        )
        return np.asarray(render(spec, request.samples / SAMPLE_RATE), dtype=np.float32)


def clip_specs(
    place: Condition, domain: Domain, label: Label, first: int, count: int, seed: int
) -> list[ClipSpec]:
    """Return what ``count`` test clips of the section of ``place`` depend on, from ``first`` on."""
    return [
        ClipSpec(place.machine, place.section, domain, "test", label, index, seed)
        for index in range(first, first + count)
    ]


def _settings(condition: Condition) -> list[tuple[Domain, int, tuple[tuple[str, str], ...]]]:
    """Return the domains that have ``condition``, with their number of settings."""
    section = SECTIONS.get((condition.machine, condition.section))
    if section is None:
        return []
    domains: tuple[Domain, ...] = ("source", "target")
    return [
        (domain, len(section.settings(domain)), condition.attributes)
        for domain in domains
        if condition.domain in (domain, None)
        and condition.attributes in {tuple(sorted(s)) for s in section.settings(domain)}
    ]


class HumParams(Params):
    """The tone in every clip."""

    frequency: float = Field(3000.0, gt=0.0, lt=SAMPLE_RATE / 2)
    """Hz."""
    level_db: float = Field(-30.0, le=0.0)
    """Power of the tone over that of the clip, dB."""


class Hum(Perfect):
    """Simulates new clips as `perfect` does, with a faint tone in every one, normal or not."""

    info = GeneratorInfo(
        id="hum",
        version="1",
        params=HumParams,
        description="Control: `perfect` with a tone in every clip, an audible artifact.",
    )
    params: HumParams

    def clip(
        self, request: Request, train: LabelledClipSet, rng: np.random.Generator
    ) -> tuple[Audio, dict[str, str]]:
        """Return a simulated clip of the condition with the tone."""
        clean = self.simulated(request.condition, request, train, rng)
        level = np.sqrt(2.0 * np.mean(clean.astype(np.float64) ** 2))
        level *= 10 ** (self.params.level_db / 20)
        cycles = self.params.frequency / SAMPLE_RATE * np.arange(len(clean))
        tone = level * np.sin(2 * np.pi * (cycles + rng.uniform()))
        notes = {"tone": f"{self.params.frequency:g} Hz, {self.params.level_db:g} dB"}
        return (clean + tone).astype(np.float32), notes


class Deaf(Perfect):
    """Simulates a clip of any condition of the section, whichever one is asked for."""

    info = GeneratorInfo(
        id="deaf",
        version="1",
        description="Control: `perfect`, but of a random condition of the section.",
    )

    def clip(
        self, request: Request, train: LabelledClipSet, rng: np.random.Generator
    ) -> tuple[Audio, dict[str, str]]:
        """Return a simulated clip of a condition drawn at random."""
        wanted = request.condition
        section = SECTIONS[wanted.machine, wanted.section]
        domains: tuple[Domain, ...] = ("source", "target")
        known = [(domain, setting) for domain in domains for setting in section.settings(domain)]
        domain, setting = known[int(rng.integers(len(known)))]
        made = Condition(wanted.machine, wanted.section, domain, tuple(sorted(setting)))
        return self.simulated(made, request, train, rng), {"condition": str(made)}


class BackwardsParams(Params):
    """Which detector is turned around."""

    inner: Part = Part(use="knn")
    """The detector that is right."""


class Backwards(Detector):
    """Another detector with the wrong sign: it calls what is most normal most anomalous."""

    info = DetectorInfo(
        id="backwards",
        version="1",
        params=BackwardsParams,
        description="Control: another detector's scores with the wrong sign.",
        scope="section",
    )
    params: BackwardsParams

    def fit(self, train: ClipSet, context: Context) -> None:
        """Learn nothing; the inner detector was fitted before."""

    def score(self, clips: ClipSet, context: Context) -> NDArray[np.float64]:
        """Return the negative of the inner detector's scores."""
        return -context.parts["inner"].score(clips, context)

    def save(self, folder: Path) -> None:
        """Write which detector is turned around."""
        (folder / "backwards.json").write_text(json.dumps({"inner": self.params.inner.use}))

    @classmethod
    def load(cls, folder: Path, params: Any, context: Context) -> Self:
        """Return the detector; its part comes with the context of every call."""
        return cls(params)
