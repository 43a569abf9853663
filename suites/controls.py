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
    LabelledClipSet,
    Params,
    Part,
    Request,
)
from asdbench.datasets.simulated.mix import render
from asdbench.datasets.simulated.plan import SAMPLE_RATE, SECTIONS
from asdbench.datasets.simulated.spec import ClipSpec
from asdbench.errors import PluginError

_BLOCKS = 10**6  # runs of indices that hold every setting once; a data set has the first few


class _Control(Generator):
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

    def save(self, folder: Path) -> None:
        """Write that there is nothing to write."""
        (folder / "control.json").write_text(json.dumps({"learned": None}), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path, params: Any, context: Context) -> Self:
        """Return the generator; nothing was learned."""
        return cls(params)


class Perfect(_Control):
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
        specs = (
            ClipSpec(
                condition.machine,
                condition.section,
                domain,
                "test",
                request.label,
                index,
                request.seed,
            )
            for index in range(first, first + size)
        )
        spec = next(spec for spec in specs if tuple(sorted(spec.setting)) == setting)
        samples = render(spec, request.samples / SAMPLE_RATE)
        return np.asarray(samples, dtype=np.float32)


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


class MemorizerParams(Params):
    """How a training clip is changed before it is given back."""

    gain_db: float = Field(0.5, ge=0.0)
    """Largest change of level either way, dB."""
    noise_db: float = Field(-40.0, le=0.0)
    """Power of added white noise over that of the clip, dB."""


class Memorizer(_Control):
    """Gives training clips of the label back, a little louder or softer and with faint noise.

    Of those with the condition that is asked for; else of the domain, of the section, of the
    machine.
    """

    info = GeneratorInfo(
        id="memorizer",
        version="1",
        params=MemorizerParams,
        description="Control: its training clips, hardly changed.",
    )
    params: MemorizerParams

    def clip(
        self, request: Request, train: LabelledClipSet, rng: np.random.Generator
    ) -> tuple[Audio, dict[str, str]]:
        """Return a training clip, changed too little to be another one."""
        known = _nearest(request, train)
        if not known:
            raise PluginError(
                f"'{self.info.id}' was lent no {request.label} clip of {request.condition.machine}",
                "Raise `split: {generator_train:, generator_normals:}`.",
            )
        source = known[int(rng.integers(len(known)))]
        clip = np.resize(train.audio(source).astype(np.float64), request.samples)
        clip *= 10 ** (rng.uniform(-1.0, 1.0) * self.params.gain_db / 20)
        noise = np.sqrt(np.mean(clip**2)) * 10 ** (self.params.noise_db / 20)
        clip += noise * rng.standard_normal(len(clip))
        return clip.astype(np.float32), {"source": str(source)}


def _nearest(request: Request, train: LabelledClipSet) -> list[int]:
    """Return the training clips of the label that share most with the condition asked for."""
    wanted = request.condition
    pairs = enumerate(zip(train.conditions, train.labels, strict=True))
    known = [
        ((c == wanted, (c.section, c.domain) == (wanted.section, wanted.domain), shared), index)
        for index, (c, label) in pairs
        if label == request.label and c.machine == wanted.machine
        for shared in [c.section == wanted.section]
    ]
    most = max((shared for shared, _ in known), default=None)
    return [index for shared, index in known if shared == most]


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
