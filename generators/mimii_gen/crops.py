"""Crops of latents: what one forward pass of training sees."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from .latent_cache import LatentSet
from .latents import pad, padded_frames, to_image
from .model import LatentDiffusion, write_prompt
from .prompt import Prompt
from .training_settings import TrainingSettings


@dataclass(frozen=True)
class Batch:
    """Crops of one forward pass."""

    images: torch.Tensor
    """(B, C, H, T), normalized."""
    mask: torch.Tensor
    """(B, 1, 1, T), 1 where not padding."""
    prompts: tuple[Prompt, ...]
    keep: torch.Tensor
    """(B,), False where the caption is dropped."""


class Crops:
    """Draws batches from ``clips`` as ``settings`` say, for ``model``."""

    def __init__(
        self,
        clips: LatentSet,
        model: LatentDiffusion,
        settings: TrainingSettings,
        device: torch.device,
    ) -> None:
        self._clips = clips
        self._model = model
        self._settings = settings
        self._device = device
        self._members = _members(clips)
        longest = padded_frames(int(clips.lengths.max()))
        self._frames = longest
        if settings.crop_seconds is not None:
            wanted = round(settings.crop_seconds * model.codec.sample_rate / model.codec.hop)
            self._frames = min(padded_frames(wanted), longest)

    def draw(self, rng: np.random.Generator) -> Batch:
        """Draw machine, section and label first, then the clip, then where in it."""
        settings, clips = self._settings, self._clips
        groups = rng.integers(len(self._members), size=settings.batch_size)
        picks = [int(rng.choice(self._members[group])) for group in groups]
        shown = []
        for pick in picks:
            condition = clips.conditions[pick]
            kept = rng.random(len(condition.attributes)) >= settings.attribute_dropout
            told = tuple(a for a, keep in zip(condition.attributes, kept, strict=True) if keep)
            shown.append(replace(condition, attributes=told))
        keep = torch.from_numpy(rng.random(len(picks)) >= settings.caption_dropout)
        prompts = tuple(
            write_prompt(condition, clips.labels[pick], self._model.settings.detail)
            for condition, pick in zip(shown, picks, strict=True)
        )
        return self._cut(clips, picks, prompts, keep, rng)

    def of(self, clips: LatentSet, picks: Sequence[int], rng: np.random.Generator) -> Batch:
        """Return a crop of each of ``picks`` of other clips, with whole captions."""
        detail = self._model.settings.detail
        prompts = tuple(write_prompt(clips.conditions[i], clips.labels[i], detail) for i in picks)
        return self._cut(clips, picks, prompts, torch.ones(len(picks), dtype=torch.bool), rng)

    def _cut(
        self,
        clips: LatentSet,
        picks: Sequence[int],
        prompts: tuple[Prompt, ...],
        keep: torch.Tensor,
        rng: np.random.Generator,
    ) -> Batch:
        crops, masks = [], []
        for pick in picks:
            latent = clips.clip(pick)
            start = int(rng.integers(max(1, latent.shape[-1] - self._frames + 1)))
            crop, mask = pad(latent[None, :, start : start + self._frames], self._frames)
            crops.append(crop)
            masks.append(mask)
        conditions = [clips.conditions[pick] for pick in picks]
        normal = self._model.statistics.normalize(torch.cat(crops), conditions)
        images = to_image(normal, self._model.settings.layout)
        mask = torch.cat(masks)[:, :, None]
        return Batch(images.to(self._device), mask.to(self._device), prompts, keep)


def _members(clips: LatentSet) -> list[NDArray[np.int64]]:
    """Return the clips of each machine, section and label."""
    names = [
        (condition.machine, condition.section, label)
        for condition, label in zip(clips.conditions, clips.labels, strict=True)
    ]
    return [
        np.array([i for i, other in enumerate(names) if other == name])
        for name in sorted(set(names))
    ]
