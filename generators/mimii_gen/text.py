"""What a text encoder is: prompts to token embeddings for the U-Net's cross-attention."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import torch
from torch import nn

from .prompt import Prompt


class TextEncoder(nn.Module, ABC):
    """Prompts to embeddings (batch, tokens, dim). The number of tokens is the same for all."""

    dim: int
    """Size of an embedding."""
    trained: ClassVar[bool]
    """Whether its weights are learned with the U-Net's (equation 3) or frozen."""

    @abstractmethod
    def forward(self, prompts: Sequence[Prompt]) -> torch.Tensor:
        """Return the embeddings, float32 (len(prompts), tokens, dim)."""

    @abstractmethod
    def identity(self) -> Mapping[str, Any]:
        """Return its settings as JSON values, and the digest of its weights where frozen."""
