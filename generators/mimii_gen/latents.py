"""Latents as the U-Net sees them: normalized, viewed as an image, padded.

EnCodec's 128 dimensions differ mostly by constant offsets (means from -12 to 17 at deviations
around 1.2). Normalized as 16 channels, nine tenths of a channel's variance would be those offsets;
normalized for each dimension, all of it is sound. The 16 channels of the paper are a view of the
normalized latents.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import nn

from asdbench.api import Condition

from .by_condition import ByCondition
from .codec import DIMENSIONS

Layout = Literal["16x8", "1x128"]
"""16 channels of 8 rows (MIMII-Gen, section III-B), or one channel of 128."""
Normalization = Literal["dimension", "channel", "section", "condition", "global"]
"""What shares a mean and a deviation: ``dimension`` 128 of each; ``channel`` 16, the literal
reading of the paper; ``section`` 128 for every machine and section, the deviations being those
within clips; ``condition`` deviations like ``section`` and 128 means for every condition;
``global`` one of each."""
CHANNELS = 16
PAD_TO = 16
"""Frames are padded to a multiple of this, so that halvings meet again."""
_EVERYTHING = "*"
_SECTIONS = ("section", "condition")
_SMALLEST_DEVIATION = 1e-4


def channels(layout: Layout) -> int:
    """Return the channels of an image."""
    return CHANNELS if layout == "16x8" else 1


def to_image(latents: torch.Tensor, layout: Layout) -> torch.Tensor:
    """View latents (B, 128, T) as (B, 16, 8, T), or (B, 1, 128, T).

    Channel c of 16 holds the dimensions 8c to 8c + 7.
    """
    batch, rows, frames = latents.shape
    count = channels(layout)
    return latents.reshape(batch, count, rows // count, frames)


def from_image(image: torch.Tensor) -> torch.Tensor:
    """Undo :func:`to_image`."""
    return image.reshape(image.shape[0], DIMENSIONS, image.shape[-1])


def padded_frames(frames: int) -> int:
    """Return ``frames`` rounded up to a multiple of :data:`PAD_TO`."""
    return -(-frames // PAD_TO) * PAD_TO


def pad(latents: torch.Tensor, frames: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Repeat the last frame up to ``frames`` frames.

    Also returns a mask (B, 1, frames), 1 where a frame is real.
    """
    missing = frames - latents.shape[-1]
    mask = nn.functional.pad(torch.ones_like(latents[:, :1]), (0, missing))
    return nn.functional.pad(latents, (0, missing), mode="replicate") if missing else latents, mask


def group_of(condition: Condition, normalization: Normalization) -> str:
    """Return the name of the statistics that a clip of ``condition`` is normalized with."""
    if normalization in _SECTIONS:
        return f"{condition.machine}/{condition.section}"
    return _EVERYTHING


@dataclass(frozen=True)
class Statistics:
    """Means and deviations of latents, (groups, 128) each."""

    normalization: Normalization
    groups: tuple[str, ...]
    mean: torch.Tensor
    std: torch.Tensor
    of_conditions: ByCondition | None = None
    """Replaces ``mean`` where means are those of conditions."""

    @classmethod
    def measure(
        cls, latents: Iterable[torch.Tensor], conditions: Sequence[Condition], kind: Normalization
    ) -> Statistics:
        """Measure them over clips (128, T), all frames of a group together, in float64.

        The deviations of a ``section`` are those within clips, around each clip's mean: where a
        machine's level follows its speed, deviations over all clips would leave texture, which
        detectors listen to, a small part of what the network sees.
        """
        names = [group_of(condition, kind) for condition in conditions]
        groups = tuple(sorted(set(names)))
        sums = torch.zeros(4, len(groups), DIMENSIONS, dtype=torch.float64)
        clip_means = []
        for clip, name in zip(latents, names, strict=True):
            wide = clip.double()
            frames = torch.full((DIMENSIONS,), float(clip.shape[-1]))
            clip_means.append(wide.mean(-1))
            around = wide - clip_means[-1][:, None]
            moments = [frames, wide.sum(-1), wide.square().sum(-1), around.square().sum(-1)]
            sums[:, groups.index(name)] += torch.stack(moments)
        if kind == "channel":
            sums = sums.reshape(4, -1, CHANNELS, 8).mean(-1).repeat_interleave(8, dim=-1)
        if kind == "global":
            sums = sums.mean(-1, keepdim=True).expand(sums.shape)
        mean = sums[1] / sums[0]
        variance = sums[3] / sums[0] if kind in _SECTIONS else sums[2] / sums[0] - mean.square()
        std = variance.clamp_min(0.0).sqrt().clamp_min(_SMALLEST_DEVIATION)
        means = ByCondition.average(clip_means, conditions) if kind == "condition" else None
        return cls(kind, groups, mean.float(), std.float(), means)

    def knows(self, condition: Condition) -> bool:
        """Return whether clips of ``condition`` can be normalized."""
        return group_of(condition, self.normalization) in self.groups

    def normalize(self, latents: torch.Tensor, conditions: Sequence[Condition]) -> torch.Tensor:
        """Return latents (B, 128, T) with mean 0 and deviation 1 in their group."""
        mean, std = self._rows(conditions, latents.device)
        return (latents - mean) / std

    def denormalize(self, latents: torch.Tensor, conditions: Sequence[Condition]) -> torch.Tensor:
        """Undo :meth:`normalize`."""
        mean, std = self._rows(conditions, latents.device)
        return latents * std + mean

    def _rows(
        self, conditions: Sequence[Condition], device: torch.device
    ) -> tuple[torch.Tensor, torch.Tensor]:
        index = [self.groups.index(group_of(c, self.normalization)) for c in conditions]
        mean = self.mean[index]
        if self.of_conditions is not None:
            mean = torch.stack([self.of_conditions.of(condition) for condition in conditions])
        return mean[:, :, None].to(device), self.std[index, :, None].to(device)
