"""Generators that give clips back which they should not: training clips, or evaluation clips.

For the suite `controls`: ``use: ./copies.py:Memorizer``.
"""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any, Self

import numpy as np
import soundfile
from pydantic import Field

from asdbench.api import (
    Audio,
    Condition,
    Context,
    Domain,
    GeneratorInfo,
    Label,
    LabelledClipSet,
    Params,
    Request,
    TrainingClip,
    TrainingManifest,
    audio_digest,
)
from asdbench.datasets.simulated.mix import render
from asdbench.datasets.simulated.plan import SAMPLE_RATE
from asdbench.datasets.simulated.spec import ClipSpec
from asdbench.errors import PluginError
from asdbench.suites.controls import Control, clip_specs


class MemorizerParams(Params):
    """How a training clip is changed before it is given back."""

    gain_db: float = Field(0.5, ge=0.0)
    """Largest change of level either way, dB."""
    noise_db: float = Field(-40.0, le=0.0)
    """Power of added white noise over that of the clip, dB."""


class Memorizer(Control):
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


class LeakerParams(Params):
    """Which evaluation clips it learned from."""

    seed: int = Field(0, ge=0)
    """Seed of the data set's audio."""
    clips: int = Field(20, ge=1)
    """The first test clips of each section, domain and label."""


class Leaker(Control):
    """Gives evaluation clips back under other names, and says that it learned from them.

    Its AUCs are those of real clips, so that they look as if it were perfect.
    """

    info = GeneratorInfo(
        id="leaker",
        version="1",
        params=LeakerParams,
        description="Control: evaluation clips given back as generated ones.",
    )
    params: LeakerParams

    def __init__(self, params: Any) -> None:
        super().__init__(params)
        self._sections: list[tuple[str, str]] = []
        self._samples = 0

    def fit(self, train: LabelledClipSet, context: Context) -> None:
        """Note which sections there are, and how long clips are."""
        self._sections = sorted({(c.machine, c.section) for c in train.conditions})
        self._samples = len(train.audio(0)) if len(train) else 0

    def clip(
        self, request: Request, train: LabelledClipSet, rng: np.random.Generator
    ) -> tuple[Audio, dict[str, str]]:
        """Return an evaluation clip of the condition, or else of its domain."""
        domain = request.condition.domain or "source"
        known = self._known(request.condition, domain, request.label)
        own = [s for s in known if tuple(sorted(s.setting)) == request.condition.attributes]
        chosen = own or known
        spec = chosen[int(rng.integers(len(chosen)))]
        return _as_written(spec, request.samples), {"copy_of": spec.file}

    def _known(self, place: Condition, domain: Domain, label: Label) -> list[ClipSpec]:
        return clip_specs(place, domain, label, 0, self.params.clips, self.params.seed)

    def training_manifest(self) -> TrainingManifest | None:
        """Return the evaluation clips that it knows."""
        domains: tuple[Domain, ...] = ("source", "target")
        labels: tuple[Label, ...] = ("normal", "anomaly")
        specs = [
            spec
            for machine, section in self._sections
            for domain in domains
            for label in labels
            for spec in self._known(Condition(machine, section), domain, label)
        ]
        digests = [audio_digest(_as_written(spec, self._samples)) for spec in specs]
        return TrainingManifest([TrainingClip(digest) for digest in digests], SAMPLE_RATE)

    def save(self, folder: Path) -> None:
        """Write which sections there are, and how long clips are."""
        learned = {"sections": self._sections, "samples": self._samples}
        (folder / "control.json").write_text(json.dumps(learned), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path, params: Any, context: Context) -> Self:
        """Return the generator that :meth:`save` wrote."""
        made = cls(params)
        learned = json.loads((folder / "control.json").read_text(encoding="utf-8"))
        made._sections = [(machine, section) for machine, section in learned["sections"]]
        made._samples = learned["samples"]
        return made


def _as_written(spec: ClipSpec, samples: int) -> Audio:
    """Return a clip as it is read from the data set's file, rounded to 16 bits."""
    file = io.BytesIO()
    soundfile.write(file, render(spec, samples / SAMPLE_RATE), SAMPLE_RATE, "PCM_16", format="WAV")
    file.seek(0)
    audio, _ = soundfile.read(file, dtype="float32")
    return np.asarray(audio, dtype=np.float32)
