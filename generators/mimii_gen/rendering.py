"""From requests to audio: latents in batches, calibrated, decoded, brought to the wanted length."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
import torch

from asdbench.api import Audio, ClipSet, GeneratedBatch, LabelledClipSet, Request

from .._looping import limited, shifted
from .._matching import Sources
from .encodec_codec import from_codec_rate, to_codec_rate
from .model import LatentDiffusion
from .prompt import Prompt
from .sampling import Sampling, sample

BATCH = {"cpu": 8, "cuda": 64}
"""Clips sampled together; the noise of each is its own."""
_DECODER = 0x9E3779B97F4A7C15  # told apart from the seed of the latents
_MAX_SHIFT_SECONDS = 0.1  # of the normal clip that `from: normal` starts from


@dataclass
class Renderer:
    """Makes the clips of requests.

    Parameters
    ----------
    model
        On its device.
    how
        Of the sampler.
    from_normals
        Whether to start from training normals.
    calibrate
        Whether to apply the model's calibration.
    device
        Decides the size of batches.
    """

    model: LatentDiffusion
    how: Sampling
    from_normals: bool
    calibrate: bool
    device: str

    def render(
        self, requests: Sequence[Request], train: LabelledClipSet, sample_rate: int
    ) -> Iterator[GeneratedBatch]:
        """Yield the clips in order, at ``sample_rate`` Hz."""
        sources = Sources.of(train) if self.from_normals else Sources()
        size = BATCH["cpu" if self.device == "cpu" else "cuda"]
        for _, same_length in groupby(requests, key=lambda request: request.samples):
            run = list(same_length)
            for start in range(0, len(run), size):
                yield self._batch(run[start : start + size], train, sources, sample_rate)

    def _batch(
        self,
        requests: Sequence[Request],
        train: LabelledClipSet,
        sources: Sources,
        sample_rate: int,
    ) -> GeneratedBatch:
        codec = self.model.codec
        wanted = requests[0].samples
        inside = -(-wanted * codec.sample_rate // sample_rate)
        prompts = [self.model.prompt(r.condition, r.label) for r in requests]
        notes = [self._notes(r, p) for r, p in zip(requests, prompts, strict=True)]
        normals = None
        if self.from_normals:
            begun = [self._begin(r, train, sources, sample_rate) for r in requests]
            for note, (_, text) in zip(notes, begun, strict=True):
                note["source"] = text
            normals = self._encode([audio for audio, _ in begun], sample_rate)
        seeds = [request.seed for request in requests]
        latents = sample(self.model, prompts, codec.frames(inside), seeds, self.how, normals)
        calibration = self.model.calibration
        if self.calibrate and calibration is not None and calibration.fits(self.how):
            statistics = self.model.statistics
            latents = calibration.apply(latents, prompts, statistics, self.from_normals)
        audio = self._decode(latents, inside, seeds, sample_rate, wanted)
        return GeneratedBatch(audio, sample_rate, notes)

    def roundtrip(self, clips: ClipSet, seeds: Sequence[int]) -> Iterator[GeneratedBatch]:
        """Yield every clip through the codec and back."""
        rate = clips.sample_rate
        for index, seed in enumerate(seeds):
            audio = clips.audio(index)
            latents = self._encode([audio], rate)
            inside = -(-len(audio) * self.model.codec.sample_rate // rate)
            decoded = self._decode(latents, inside, [seed], rate, len(audio))
            yield GeneratedBatch(decoded, rate)

    def _notes(self, request: Request, prompt: Prompt) -> dict[str, str]:
        notes = {"caption": prompt.caption}
        strange = self.model.strangeness(request.condition)
        if strange and self.model.settings.detail != "machine":
            notes["warning"] = f"{request.condition.machine}: {'; '.join(strange)}"
        told = set(prompt.condition.attributes)
        unknown = [pair for pair in request.condition.attributes if pair not in told]
        if unknown and self.model.settings.detail != "machine":
            notes["left_out"] = ",".join(f"{name}={value}" for name, value in unknown)
        return notes

    def _begin(
        self, request: Request, train: LabelledClipSet, sources: Sources, rate: int
    ) -> tuple[Audio, str]:
        """Return the training normal to start from, and what to note about it."""
        match = sources.match(request.condition, "normal")
        assert match is not None, "refuses() was asked before"
        rng = np.random.default_rng(request.seed)
        source = match.clips[int(rng.integers(len(match.clips)))]
        wave = np.asarray(train.audio(source), np.float64)
        clip, start = shifted(wave, request.samples, rate, _MAX_SHIFT_SECONDS, rng)
        return clip.astype(np.float32), f"{source} from sample {start}, {match.distance}"

    def _encode(self, audio: Sequence[Audio], rate: int) -> torch.Tensor:
        codec = self.model.codec
        waves = [to_codec_rate(wave, rate, codec.sample_rate) for wave in audio]
        return codec.encode(torch.from_numpy(np.stack(waves)).to(self.device)).float().cpu()

    def _decode(
        self, latents: torch.Tensor, inside: int, seeds: Sequence[int], rate: int, samples: int
    ) -> list[Audio]:
        codec = self.model.codec
        mixed = [seed ^ _DECODER for seed in seeds]
        waves = codec.decode(latents.to(self.device), inside, mixed).float().cpu().numpy()
        made = [from_codec_rate(wave, codec.sample_rate, rate, samples) for wave in waves]
        return [limited(wave.astype(np.float64))[0].astype(np.float32) for wave in made]
