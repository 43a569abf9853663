"""The text encoder of MIMII-Gen: a frozen Flan-T5 on the captions (section II, Figure 1)."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal

import torch
from pydantic import Field

from asdbench.api import Params
from asdbench.errors import DataError, WeightsError

from .prompt import Prompt
from .text import TextEncoder
from .text_hub import load_language_model, weights_digest

DEFAULT_SOURCE = "google/flan-t5-base"


class FlanT5Settings(Params):
    """All that :class:`FlanT5` depends on."""

    kind: Literal["flan-t5"] = "flan-t5"
    source: str = DEFAULT_SOURCE
    """Id on the Hugging Face hub, or a folder."""
    tokens: int = Field(50, ge=2, le=512)
    """Tokens of a caption, end of sentence included. Source: Audio Journey, which MIMII-Gen
    follows."""
    digest: str | None = None
    """SHA-256 of the weights and the vocabulary; None takes what ``source`` holds."""


class FlanT5(TextEncoder):
    """``T5EncoderModel``, 768 numbers a token with ``flan-t5-base`` (110 M parameters, frozen).

    Every distinct caption is encoded once, on its own and on the CPU, whatever the device; the
    result is kept in memory and, where a folder is given, on disk. Embeddings behind the end of
    the caption are zero. The weights are no part of ``state_dict``.

    Parameters
    ----------
    settings
        Where the weights are.
    cache
        Folder for embeddings: ``<digest>/<hash of caption>.safetensors``.

    Raises
    ------
    WeightsError
        When the weights are missing, or their digest is not ``settings.digest``.
    """

    trained: ClassVar[bool] = False

    def __init__(self, settings: FlanT5Settings, cache: Path | None = None) -> None:
        from transformers import T5EncoderModel

        super().__init__()
        model, tokenizer = load_language_model(T5EncoderModel, settings.source, "Flan-T5")
        digest = weights_digest(model, tokenizer)
        if settings.digest not in (None, digest):
            raise WeightsError(
                f"the Flan-T5 in '{settings.source}' has digest {digest[:12]}, "
                f"the generator was trained with {str(settings.digest)[:12]}",
                "Give the folder or hub id of the model it was trained with.",
            )
        self._settings = settings.model_copy(update={"digest": digest})
        self.dim = int(model.config.d_model)
        # In a tuple, which torch does not look into: no part of state_dict() and of to().
        self._frozen = (model, tokenizer)
        self._known: dict[str, torch.Tensor] = {}
        self._cache = None if cache is None else cache / digest
        self.register_buffer("_device", torch.empty(0), persistent=False)

    def settings(self) -> Mapping[str, Any]:
        """Return what :func:`.text_factory.load_text_encoder` needs, as JSON."""
        return self._settings.model_dump(mode="json")

    def identity(self) -> Mapping[str, Any]:
        """Return its settings with the digest of the weights in place of where they lie."""
        return self._settings.model_dump(mode="json", exclude={"source"})

    def forward(self, prompts: Sequence[Prompt]) -> torch.Tensor:
        """Return the embeddings, float32 (len(prompts), tokens, dim), without gradient."""
        device = self.get_buffer("_device").device
        return torch.stack([self._embedding(prompt.caption) for prompt in prompts]).to(device)

    def _embedding(self, caption: str) -> torch.Tensor:
        if caption not in self._known:
            self._known[caption] = self._stored(caption)
        return self._known[caption]

    def _stored(self, caption: str) -> torch.Tensor:
        """Return an embedding from the folder, or compute it and put it there."""
        if self._cache is None:
            return self._encode(caption)
        from safetensors import SafetensorError
        from safetensors.torch import load_file, save_file

        key = hashlib.sha256(f"{self._settings.tokens}\x1f{caption}".encode()).hexdigest()
        path = self._cache / f"{key[:32]}.safetensors"
        if path.exists():
            try:
                stored = load_file(path)["embedding"]
            except (SafetensorError, KeyError) as problem:
                raise DataError(f"{path} holds no embedding: {problem}", "Remove it.") from problem
            if stored.shape != (self._settings.tokens, self.dim) or stored.dtype != torch.float32:
                raise DataError(f"{path} holds an embedding of another shape", "Remove it.")
            return stored
        embedding = self._encode(caption)
        self._cache.mkdir(parents=True, exist_ok=True)
        handle, unfinished = tempfile.mkstemp(dir=self._cache, suffix=".part")
        os.close(handle)
        save_file({"embedding": embedding}, unfinished)
        os.replace(unfinished, path)
        return embedding

    @torch.no_grad()
    def _encode(self, caption: str) -> torch.Tensor:
        model, tokenizer = self._frozen
        tokens = self._settings.tokens
        ids = tokenizer(caption)["input_ids"]
        if len(ids) > tokens:
            raise DataError(
                f"the caption '{caption}' has {len(ids)} tokens, Flan-T5 is given {tokens}",
                "Use shorter captions.",
            )
        hidden = model(input_ids=torch.tensor([ids])).last_hidden_state[0]  # (len(ids), dim)
        return torch.nn.functional.pad(hidden, (0, 0, 0, tokens - len(ids))).contiguous()
