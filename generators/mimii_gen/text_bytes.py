"""A small T5 encoder that reads captions byte by byte, trained together with the U-Net.

It stands in for Flan-T5 (MIMII-Gen, section II) where no weights can be downloaded: equation 3 of
the paper does not ask for a frozen text encoder. Bytes are numbered as in ByT5 (Xue et al., 2022):
three special tokens, then the 256 bytes; so there is no vocabulary to ship.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, Self

import torch
from pydantic import Field

from asdbench.api import Params
from asdbench.errors import DataError

from .prompt import Prompt
from .text_trained import TrainedTextEncoder

_PAD, _END, _SPECIAL = 0, 1, 3  # ByT5: pad 0, end of sentence 1, unknown 2, then the bytes
_SHORTEST = 96
_STEP = 16


class ByteT5Settings(Params):
    """All that :class:`ByteT5` depends on beside its weights."""

    kind: Literal["bytes"] = "bytes"
    dim: int = Field(128, ge=8, le=1024, multiple_of=8)
    """Size of an embedding, and width of the encoder."""
    tokens: int = Field(_SHORTEST, ge=8, le=1024)
    """Bytes of a caption and the token that ends it."""
    layers: int = Field(4, ge=1, le=24)
    """Transformer layers."""


class ByteT5(TrainedTextEncoder):
    """``T5EncoderModel`` on bytes: 0.69 M parameters with 4 layers of 128, no dropout.

    Embeddings behind the end of the caption are zero.
    """

    def __init__(self, settings: ByteT5Settings) -> None:
        from transformers import T5Config, T5EncoderModel

        super().__init__()
        self._settings = settings
        self.dim = settings.dim
        # `.encoder` holds all weights; the model around it lists the embedding a second time.
        self._t5 = T5EncoderModel(
            T5Config(
                vocab_size=_SPECIAL + 256,
                d_model=settings.dim,
                d_kv=settings.dim // 4,
                d_ff=2 * settings.dim,
                num_layers=settings.layers,
                num_heads=4,
                feed_forward_proj="gated-gelu",
                dropout_rate=0.0,
                pad_token_id=_PAD,
                eos_token_id=_END,
            )
        ).encoder

    @classmethod
    def from_prompts(cls, prompts: Iterable[Prompt], dim: int = 128) -> Self:
        """Return an untrained encoder with room for the longest caption, and 96 tokens at least."""
        longest = max((len(_bytes(prompt.caption)) for prompt in prompts), default=0)
        tokens = max(_SHORTEST, -(-(longest + 1) // _STEP) * _STEP)
        return cls(ByteT5Settings(dim=dim, tokens=tokens))

    def settings(self) -> Mapping[str, Any]:
        """Return what :func:`.text_factory.load_text_encoder` needs beside the weights, as JSON."""
        return self._settings.model_dump(mode="json")

    def identity(self) -> Mapping[str, Any]:
        """Return its settings."""
        return self.settings()

    def encode(self, prompts: Sequence[Prompt]) -> torch.Tensor:
        """Return embeddings (len(prompts), tokens, dim)."""
        ids = torch.tensor([self._ids(prompt.caption) for prompt in prompts])
        ids = ids.to(self._t5.device)  # (B, L)
        mask = ids != _PAD
        hidden: torch.Tensor = self._t5(input_ids=ids, attention_mask=mask).last_hidden_state
        return hidden * mask.unsqueeze(-1)

    def _ids(self, caption: str) -> list[int]:
        data, tokens = _bytes(caption), self._settings.tokens
        if len(data) >= tokens:
            raise DataError(
                f"the caption '{caption}' has {len(data)} bytes, "
                f"the text encoder reads {tokens - 1}",
                "Use shorter captions, or train the generator on captions of this length.",
            )
        return [*(byte + _SPECIAL for byte in data), _END] + [_PAD] * (tokens - 1 - len(data))


def _bytes(caption: str) -> bytes:
    return caption.encode("utf-8", "surrogatepass")
