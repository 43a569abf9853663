"""What a codec is: audio to latents of 128 rows and back."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import torch

DIMENSIONS = 128
"""Rows of a latent, as in EnCodec."""


class Codec(ABC):
    """Audio (batch, samples) at :attr:`sample_rate` to latents (batch, 128, frames) and back.

    A codec is deterministic: what randomness its decoder needs comes from the seeds.
    """

    sample_rate: int
    """Of the audio that goes in and comes out, Hz."""
    hop: int
    """Samples from one frame to the next."""
    stochastic: ClassVar[bool] = False
    """Whether :meth:`decode` uses its seeds."""

    @abstractmethod
    def frames(self, samples: int) -> int:
        """Return the frames of a clip of ``samples`` samples."""

    @abstractmethod
    def encode(self, audio: torch.Tensor) -> torch.Tensor:
        """Return latents, float32 (batch, 128, frames), of ``audio``, float32 (batch, samples)."""

    @abstractmethod
    def decode(self, latents: torch.Tensor, samples: int, seeds: Sequence[int]) -> torch.Tensor:
        """Return audio, float32 (batch, samples); clip ``i`` depends on row ``i`` and its seed."""

    @abstractmethod
    def identity(self) -> Mapping[str, Any]:
        """Return what its latents depend on, as JSON values: settings and digest of weights."""

    def to(self, device: str | torch.device) -> Codec:
        """Move to ``device`` and return itself."""
        return self
