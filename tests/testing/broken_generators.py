"""Generators that break their contract in one point each, and a good one."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from broken import breaks, fails
from pydantic import ConfigDict

from asdbench.api import (
    GeneratedBatch,
    Generator,
    GeneratorInfo,
    Params,
    TrainingClip,
    TrainingManifest,
)
from asdbench.errors import PluginError

GLOBAL_FIT: list[Any] = [None]


class GoodGenerator(Generator):
    """Noise at the level of the training clips, with a hum of 1 kHz in anomalies."""

    info: ClassVar[GeneratorInfo] = GeneratorInfo(id="good-generator", version="1")

    def __init__(self, params: Any) -> None:
        super().__init__(params)
        self.level: float | None = None

    def fit(self, train: Any, context: Any) -> None:
        levels = [train.audio(i).std() for i in range(len(train))]
        self.level = float(np.mean(levels)) * (1 + 0.01 * context.rng().random())
        context.progress(1, 1, "fit")

    def generate(self, requests: Sequence[Any], train: Any, context: Any) -> Any:
        if self.level is None:
            raise PluginError("good-generator is not fitted", "Call fit() or load() first.")
        for place, request in enumerate(requests):
            clip = self.make(request, place, context)
            yield GeneratedBatch([clip], train.sample_rate, [{"level": str(self.level)}])

    def make(self, request: Any, place: int, context: Any) -> Any:
        rng = np.random.default_rng(request.seed)
        clip = self.level * np.clip(rng.standard_normal(request.samples), -3, 3)
        if request.label == "anomaly":
            clip += self.level * np.sin(2 * np.pi / 16 * np.arange(request.samples))
        return clip.astype(np.float32)

    def roundtrip(self, clips: Any, seeds: Sequence[int], context: Any) -> Any:
        for i in range(len(clips)):
            yield GeneratedBatch([np.round(clips.audio(i), 2)], clips.sample_rate)

    def training_manifest(self) -> Any:
        return TrainingManifest()

    def save(self, folder: Path) -> None:
        (folder / "level.json").write_text(json.dumps(self.level))

    @classmethod
    def load(cls, folder: Path, params: Any, context: Any) -> Any:
        made = cls(params)
        made.level = json.loads((folder / "level.json").read_text())
        return made


@breaks("info")
class Nameless(GoodGenerator):
    info = replace(GoodGenerator.info, version="")


class CarelessGeneratorParams(Params):
    model_config = ConfigDict(extra="ignore")


@breaks("unknown-parameters")
class LenientGenerator(GoodGenerator):
    info = replace(GoodGenerator.info, params=CarelessGeneratorParams)


@breaks("clips")
class DoublePrecision(GoodGenerator):
    def make(self, request: Any, place: int, context: Any) -> Any:
        return super().make(request, place, context).astype(np.float64)


@breaks("length")
class Long(GoodGenerator):
    def make(self, request: Any, place: int, context: Any) -> Any:
        clip = super().make(request, place, context)
        return np.append(clip, clip[:2])


@breaks("full-scale")
class Loud(GoodGenerator):
    def make(self, request: Any, place: int, context: Any) -> Any:
        return 50 * super().make(request, place, context)


@breaks("request-seed")
class ContextSeeded(GoodGenerator):
    def make(self, request: Any, place: int, context: Any) -> Any:
        mixed = replace(request, seed=(request.seed + context.seed) % 2**64)
        return super().make(mixed, place, context)


@breaks("order")
class PlaceSeeded(GoodGenerator):
    def make(self, request: Any, place: int, context: Any) -> Any:
        mixed = replace(request, seed=request.seed - place)
        return super().make(mixed, place, context)


@breaks("batch-composition")
class BatchLeveled(GoodGenerator):
    def generate(self, requests: Sequence[Any], train: Any, context: Any) -> Any:
        for batch in super().generate(requests, train, context):
            yield replace(batch, audio=[batch.audio[0] / np.float32(1 + len(requests))])


@breaks("no-requests")
class Insistent(GoodGenerator):
    def generate(self, requests: Sequence[Any], train: Any, context: Any) -> Any:
        longest = max(request.samples for request in requests)
        assert longest
        yield from super().generate(requests, train, context)


@breaks("unequal-lengths")
class Rigid(GoodGenerator):
    def fit(self, train: Any, context: Any) -> None:
        self.longest = np.stack([train.audio(i) for i in range(len(train))]).shape[1]
        super().fit(train, context)


@breaks("labels")
class Unlabelled(GoodGenerator):
    def make(self, request: Any, place: int, context: Any) -> Any:
        return super().make(replace(request, label="normal"), place, context)


@breaks("notes")
class Numbering(GoodGenerator):
    def generate(self, requests: Sequence[Any], train: Any, context: Any) -> Any:
        for batch in super().generate(requests, train, context):
            yield replace(batch, notes=[{"level": self.level}])


@breaks("refuses")
class Curt(GoodGenerator):
    def refuses(self, request: Any) -> Any:
        return "" if request.condition.section == "77" else None


@breaks("unseen-conditions")
class Surprised(GoodGenerator):
    def make(self, request: Any, place: int, context: Any) -> Any:
        assert request.condition.machine in {"fan": 0, "pump": 1}
        return super().make(request, place, context)


@breaks("training-manifest")
class Naming(GoodGenerator):
    """Lists its training clips by name, which nothing can be compared with."""

    def training_manifest(self) -> Any:
        return TrainingManifest([TrainingClip("fan/train/0001.wav")], 16000)


@fails("training-manifest")
class Rateless(GoodGenerator):
    def training_manifest(self) -> Any:
        return TrainingManifest([TrainingClip("0" * 32)])


@breaks("roundtrip")
class Losing(GoodGenerator):
    def roundtrip(self, clips: Any, seeds: Sequence[int], context: Any) -> Any:
        yield from list(super().roundtrip(clips, seeds, context))[1:]


@breaks("same-seed")
class UnseededGenerator(GoodGenerator):
    def fit(self, train: Any, context: Any) -> None:
        super().fit(train, context)
        self.level *= 1 + 0.1 * np.random.default_rng().random()


@breaks("any-seed")
class SmallSeedsGenerator(GoodGenerator):
    def fit(self, train: Any, context: Any) -> None:
        np.random.RandomState(context.seed)
        super().fit(train, context)


@breaks("two-objects")
class SharingGenerator(GoodGenerator):
    common: ClassVar[dict[str, Any]] = {}

    def fit(self, train: Any, context: Any) -> None:
        super().fit(train, context)
        self.common["level"] = self.level

    @classmethod
    def load(cls, folder: Path, params: Any, context: Any) -> Any:
        made = super().load(folder, params, context)
        cls.common["level"] = made.level
        return made

    def generate(self, requests: Sequence[Any], train: Any, context: Any) -> Any:
        if self.level is not None:
            self.level = self.common["level"]
        yield from super().generate(requests, train, context)


@fails("save-load")
class LeftoverGenerator(GoodGenerator):
    def fit(self, train: Any, context: Any) -> None:
        super().fit(train, context)
        GLOBAL_FIT[:] = [self.level]

    @classmethod
    def load(cls, folder: Path, params: Any, context: Any) -> Any:
        made = cls(params)
        made.level = GLOBAL_FIT[0]
        return made


@breaks("before-fit")
class AccidentalGenerator(GoodGenerator):
    def generate(self, requests: Sequence[Any], train: Any, context: Any) -> Any:
        assert self.level + 1
        yield from super().generate(requests, train, context)


@breaks("save-load")
class ForgetfulGenerator(GoodGenerator):
    def save(self, folder: Path) -> None:
        (folder / "level.json").write_text(json.dumps(round(self.level or 0, 1)))


@breaks("no-pickle")
class PicklingGenerator(GoodGenerator):
    def save(self, folder: Path) -> None:
        super().save(folder)
        np.save(folder / "level.npy", np.array([self.level, None], dtype=object))


@breaks("folder-unchanged")
class ScribblingGenerator(GoodGenerator):
    @classmethod
    def load(cls, folder: Path, params: Any, context: Any) -> Any:
        made = super().load(folder, params, context)
        (folder / "level.json").write_text(json.dumps(made.level) + "\n")
        return made


@breaks("global-state")
class DoubleByDefault(GoodGenerator):
    def fit(self, train: Any, context: Any) -> None:
        import torch

        torch.set_default_dtype(torch.float64)
        super().fit(train, context)


@breaks("cpu")
class GreedyGenerator(GoodGenerator):
    def make(self, request: Any, place: int, context: Any) -> Any:
        import torch

        if torch.cuda.is_available():
            torch.zeros(1, device="cuda")
        return super().make(request, place, context)


@breaks("blind")
class PeekingGenerator(GoodGenerator):
    def fit(self, train: Any, context: Any) -> None:
        assert not getattr(train, "paths", ())
        super().fit(train, context)


@breaks("inputs-unmodified")
class InPlaceGenerator(GoodGenerator):
    def fit(self, train: Any, context: Any) -> None:
        super().fit(train, context)
        clip = train.audio(0)
        clip *= 2


@breaks("progress")
class Fractional(GoodGenerator):
    def fit(self, train: Any, context: Any) -> None:
        super().fit(train, context)
        context.progress(0.5, 1, "fit")
