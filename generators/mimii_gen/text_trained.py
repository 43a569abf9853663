"""What the trained text encoders share."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import ClassVar

import torch

from .prompt import Prompt
from .text import TextEncoder


class TrainedTextEncoder(TextEncoder):
    """A text encoder whose weights are learned with the U-Net's (equation 3)."""

    trained: ClassVar[bool] = True

    @abstractmethod
    def encode(self, prompts: Sequence[Prompt]) -> torch.Tensor:
        """Return embeddings (len(prompts), tokens, dim) of any floating-point type."""

    def forward(self, prompts: Sequence[Prompt]) -> torch.Tensor:
        """Return the embeddings, float32 (len(prompts), tokens, dim).

        Outside of training every distinct prompt is encoded on its own, so that an embedding does
        not depend, in its last bits, on what else is in the batch.
        """
        if self.training:
            return self.encode(prompts).float()
        alone = {prompt: self.encode([prompt]).float() for prompt in dict.fromkeys(prompts)}
        return torch.cat([alone[prompt] for prompt in prompts])
