"""Detectors that break their contract in one point each, and a good one."""

from __future__ import annotations

import json
import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
from broken import breaks, fails
from pydantic import ConfigDict

from asdbench.api import (
    Detector,
    DetectorInfo,
    Embedded,
    Params,
)
from asdbench.errors import PluginError


class GoodParams(Params):
    """Of the good detector."""

    distance: Literal["largest", "mean"] = "mean"
    """Over bands."""
    score_batch_size: int = 4
    """Clips scored at once."""


def spectrum(clip: Any) -> Any:
    """Mean power in 16 bands, dB."""
    frames = clip[: len(clip) // 512 * 512].reshape(-1, 512).astype(np.float64)
    power = (np.abs(np.fft.rfft(frames, axis=1)[:, 1:]) ** 2).mean(axis=0)
    return 10 * np.log10(power.reshape(16, 16).mean(axis=1) + 1e-9)


class Good(Detector):
    """Distance to the nearest training clip, by its spectrum."""

    info: ClassVar[DetectorInfo] = DetectorInfo(
        id="good",
        version="1",
        params=GoodParams,
        score_params=frozenset({"distance", "score_batch_size"}),
    )

    def __init__(self, params: GoodParams) -> None:
        super().__init__(params)
        self.known: Any = None

    def fit(self, train: Any, context: Any) -> None:
        noise = context.rng().standard_normal((len(train), 16))
        self.known = self.spectra(train) + 0.01 * noise
        context.progress(1, 1, "fit")

    def spectra(self, clips: Any) -> Any:
        return np.array([spectrum(clips.audio(i)) for i in range(len(clips))]).reshape(-1, 16)

    def score(self, clips: Any, context: Any) -> Any:
        if self.known is None:
            raise PluginError("good is not fitted", "Call fit() or load() first.")
        off = np.abs(self.spectra(clips)[:, None] - self.known)
        over_bands = off.mean(axis=2) if self.params.distance == "mean" else off.max(axis=2)
        return over_bands.min(axis=1)

    def embed(self, clips: Any, context: Any) -> Any:
        return Embedded.one_per_clip(self.spectra(clips))

    def decide(self, scores: Any) -> Any:
        return scores > 3.0

    def save(self, folder: Path) -> None:
        np.save(folder / "known.npy", self.known)

    @classmethod
    def load(cls, folder: Path, params: Any, context: Any) -> Any:
        made = cls(params)
        made.known = np.load(folder / "known.npy")
        return made


@breaks("info")
class Misnamed(Good):
    info = replace(Good.info, id="Not_An_Id")


class Careless(GoodParams):
    model_config = ConfigDict(extra="ignore")


@breaks("unknown-parameters")
class Lenient(Good):
    info = replace(Good.info, params=Careless)


@breaks("scores")
class SinglePrecision(Good):
    def score(self, clips: Any, context: Any) -> Any:
        return super().score(clips, context).astype(np.float32)


@breaks("anomalies-rank-higher")
class Flipped(Good):
    def score(self, clips: Any, context: Any) -> Any:
        return -super().score(clips, context)


@breaks("score-twice")
class Drifting(Good):
    calls = 0

    def score(self, clips: Any, context: Any) -> Any:
        self.calls += 1
        return super().score(clips, context) * (1 + 1e-12 * self.calls)


@breaks("decide")
class Undecided(Good):
    def decide(self, scores: Any) -> Any:
        return (scores > 3.0).astype(np.float64)


@breaks("order")
class Counting(Good):
    def score(self, clips: Any, context: Any) -> Any:
        return super().score(clips, context) + 0.01 * np.arange(len(clips))


@breaks("subset-invariance")
class Standardizing(Good):
    def score(self, clips: Any, context: Any) -> Any:
        scores = super().score(clips, context)
        return (scores - scores.mean()) / (scores.std() + 1e-9) if len(scores) else scores


@breaks("one-clip")
class Squeezing(Good):
    def score(self, clips: Any, context: Any) -> Any:
        return np.squeeze(super().score(clips, context))


@breaks("no-clips")
class Stacking(Good):
    def spectra(self, clips: Any) -> Any:
        return np.stack([spectrum(clips.audio(i)) for i in range(len(clips))])


@breaks("unequal-lengths")
class Padding(Good):
    def spectra(self, clips: Any) -> Any:
        audio = [clips.audio(i) for i in range(len(clips))]
        longest = max(map(len, audio), default=0)
        padded = [spectrum(np.pad(clip, (0, longest - len(clip)))) for clip in audio]
        return np.array(padded).reshape(-1, 16)


@breaks("blind")
class Peeking(Good):
    def fit(self, train: Any, context: Any) -> None:
        assert not getattr(train, "labels", ())
        super().fit(train, context)


class PeekingAndCrashing(Good):
    def score(self, clips: Any, context: Any) -> Any:
        return clips.labels[len(clips)]


@breaks("inputs-unmodified")
class InPlace(Good):
    def spectra(self, clips: Any) -> Any:
        found = []
        for i in range(len(clips)):
            clip = clips.audio(i)
            clip -= clip.mean()
            found.append(spectrum(clip))
        return np.array(found).reshape(-1, 16)


@breaks("same-seed")
class Unseeded(Good):
    def fit(self, train: Any, context: Any) -> None:
        super().fit(train, context)
        self.known += 0.1 * np.random.default_rng().standard_normal(self.known.shape)


@breaks("any-seed")
class SmallSeeds(Good):
    def fit(self, train: Any, context: Any) -> None:
        super().fit(train, context)
        self.known += 0.1 * np.random.RandomState(context.seed).standard_normal(16)


@breaks("two-objects")
class Sharing(Good):
    common: ClassVar[dict[str, Any]] = {}

    def fit(self, train: Any, context: Any) -> None:
        super().fit(train, context)
        self.common["known"] = self.known

    @classmethod
    def load(cls, folder: Path, params: Any, context: Any) -> Any:
        made = super().load(folder, params, context)
        cls.common["known"] = made.known
        return made

    def score(self, clips: Any, context: Any) -> Any:
        if self.known is not None:
            self.known = self.common["known"]
        return super().score(clips, context)


GLOBAL_FIT: list[Any] = [None]


@fails("two-objects", "save-load")
class InTheModule(Good):
    def fit(self, train: Any, context: Any) -> None:
        super().fit(train, context)
        GLOBAL_FIT[:] = [self.known]

    def score(self, clips: Any, context: Any) -> Any:
        if self.known is not None:
            self.known = GLOBAL_FIT[0]
        return super().score(clips, context)

    def save(self, folder: Path) -> None:
        (folder / "nothing.json").write_text("{}")

    @classmethod
    def load(cls, folder: Path, params: Any, context: Any) -> Any:
        made = cls(params)
        made.known = GLOBAL_FIT[0]
        return made


@fails("save-load")
class Leftover(Good):
    def fit(self, train: Any, context: Any) -> None:
        super().fit(train, context)
        GLOBAL_FIT[:] = [self.known]

    @classmethod
    def load(cls, folder: Path, params: Any, context: Any) -> Any:
        made = cls(params)
        made.known = GLOBAL_FIT[0]
        return made


@breaks("before-fit")
class Accidental(Good):
    def score(self, clips: Any, context: Any) -> Any:
        self.known.copy()
        return super().score(clips, context)


@breaks("save-load")
class Forgetful(Good):
    def save(self, folder: Path) -> None:
        np.save(folder / "known.npy", self.known.round())


@breaks("no-pickle")
class Pickling(Good):
    def save(self, folder: Path) -> None:
        super().save(folder)
        (folder / "params.dat").write_bytes(pickle.dumps(self.params.model_dump()))


@breaks("folder-unchanged")
class Scribbling(Good):
    @classmethod
    def load(cls, folder: Path, params: Any, context: Any) -> Any:
        (folder / "loaded.txt").write_text("here I was")
        return super().load(folder, params, context)


@breaks("global-state")
class Reseeding(Good):
    def fit(self, train: Any, context: Any) -> None:
        np.random.seed(context.seed % 2**32)  # noqa: NPY002
        super().fit(train, context)


@breaks("cpu")
class Greedy(Good):
    def score(self, clips: Any, context: Any) -> Any:
        import torch

        device = "cuda" if torch.cuda.is_available() else "cpu"
        return super().score(clips, context) + float(torch.zeros(1, device=device))


@breaks("progress")
class Overdone(Good):
    def fit(self, train: Any, context: Any) -> None:
        super().fit(train, context)
        context.progress(2, 1, "fit")


@breaks("embedding")
class Unnumbered(Good):
    def embed(self, clips: Any, context: Any) -> Any:
        rows = self.spectra(clips)
        return Embedded(rows, np.zeros(len(rows), np.int64))


@breaks("score-params")
class FitReadsIt(Good):
    def fit(self, train: Any, context: Any) -> None:
        super().fit(train, context)
        self.distance = self.params.distance

    def save(self, folder: Path) -> None:
        super().save(folder)
        (folder / "distance.json").write_text(json.dumps(self.distance))

    @classmethod
    def load(cls, folder: Path, params: Any, context: Any) -> Any:
        made = super().load(folder, params, context)
        made.distance = json.loads((folder / "distance.json").read_text())
        if made.distance != params.distance:
            raise ValueError("fitted with another distance")
        return made


@breaks("batch-size")
class Batched(Good):
    def score(self, clips: Any, context: Any) -> Any:
        return super().score(clips, context) * (1 + 0.01 * self.params.score_batch_size)
