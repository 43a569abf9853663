"""First and second moments of latents: of clip means, of what is slow, and of what is fast.

Latents (128, T) are split into the mean of the clip, a slow part (a moving average over
:data:`LOCAL` frames of what is left) and the rest, the fast part, which is texture.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

LOCAL = 9
"""Frames of the moving average."""
Matrix = NDArray[np.float64]


@dataclass(frozen=True)
class Moments:
    """Of the clips of one condition and label."""

    means: Matrix
    """(clips, 128), of all frames of each clip."""
    slow: Matrix
    """(128,), deviation of the slow part."""
    fast: Matrix
    """(128,), deviation of the fast part."""

    @classmethod
    def of(cls, clips: Iterable[torch.Tensor]) -> Moments:
        """Measure at least one clip (128, T)."""
        means, slow, fast = [], [], []
        for clip in clips:
            mean, slowly, quickly = (part[0].numpy() for part in split(clip[None].double()))
            means.append(mean[:, 0])
            slow.append(np.mean(slowly**2, axis=1))
            fast.append(np.mean(quickly**2, axis=1))
        return cls(np.stack(means), np.sqrt(np.mean(slow, axis=0)), np.sqrt(np.mean(fast, axis=0)))

    @property
    def mean(self) -> Matrix:
        """(128,), of all clips."""
        return np.asarray(self.means.mean(axis=0))


def covariance_between(cells: Sequence[Moments]) -> Matrix:
    """Return the covariance of clip means around those of their cell, (128, 128)."""
    around = np.concatenate([cell.means - cell.mean for cell in cells])
    freedom = len(around) - len(cells)
    return np.asarray(around.T @ around / max(freedom, 1))


def split(latents: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return clip mean (B, 128, 1), slow and fast part (B, 128, T) of latents."""
    mean = latents.mean(-1, keepdim=True)
    side = LOCAL // 2
    around = latents - mean
    slow = nn.functional.avg_pool1d(
        nn.functional.pad(around, (side, side), mode="replicate"), LOCAL, 1
    )
    return mean, slow, around - slow
