"""Make a text encoder by name, and restore one from a checkpoint."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import torch
from pydantic import Field, TypeAdapter, ValidationError

from asdbench.errors import WeightsError

from .prompt import Prompt
from .text_attributes import AttributeSettings, AttributeTokens
from .text_bytes import ByteT5, ByteT5Settings
from .text_flan_t5 import DEFAULT_SOURCE, FlanT5, FlanT5Settings

TextEncoderName = Literal["attributes", "bytes", "flan-t5"]
AnyTextEncoder = AttributeTokens | ByteT5 | FlanT5
_Settings = AttributeSettings | ByteT5Settings | FlanT5Settings
_SETTINGS: TypeAdapter[_Settings] = TypeAdapter(Annotated[_Settings, Field(discriminator="kind")])


def make_text_encoder(
    name: TextEncoderName,
    prompts: Sequence[Prompt],
    *,
    dim: int = 128,
    source: str | None = None,
    cache: Path | None = None,
    seed: int = 0,
) -> AnyTextEncoder:
    """Return a text encoder for training on ``prompts``.

    Parameters
    ----------
    name
        ``attributes`` (:class:`AttributeTokens`), ``bytes`` (:class:`ByteT5`) or ``flan-t5``
        (:class:`FlanT5`).
    prompts
        What it will be trained on: attributes, ranges of numbers and lengths are taken from them.
    dim
        Size of an embedding of the two trained encoders. Flan-T5 brings its own: see ``.dim``.
    source, cache
        Hub id or folder of Flan-T5, and where to keep its embeddings.
    seed
        Of the initial weights; the global random state is left as it was.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        if name == "attributes":
            return AttributeTokens.from_prompts(prompts, dim)
        if name == "bytes":
            return ByteT5.from_prompts(prompts, dim)
        return FlanT5(FlanT5Settings(source=source or DEFAULT_SOURCE), cache)


def load_text_encoder(
    settings: Mapping[str, Any],
    state: Mapping[str, torch.Tensor],
    *,
    source: str | None = None,
    cache: Path | None = None,
) -> AnyTextEncoder:
    """Return the text encoder whose ``settings()`` and ``state_dict()`` these are, in eval mode.

    Parameters
    ----------
    settings, state
        As stored. The state of Flan-T5 is empty.
    source
        Where Flan-T5 lies now, if elsewhere than in training; its digest is compared.
    cache
        Where to keep the embeddings of Flan-T5.

    Raises
    ------
    WeightsError
        When the settings are malformed, the tensors are not those of such an encoder, or Flan-T5
        is missing or not the one it was trained with.
    """
    try:
        valid = _SETTINGS.validate_python(dict(settings))
    except ValidationError as problem:
        raise WeightsError(
            f"the checkpoint's text encoder is malformed: {problem}",
            "The file is damaged, or of another version of asdbench.",
        ) from problem
    with torch.random.fork_rng(devices=[]):
        encoder: AnyTextEncoder
        if isinstance(valid, AttributeSettings):
            encoder = AttributeTokens(valid)
        elif isinstance(valid, ByteT5Settings):
            encoder = ByteT5(valid)
        else:
            encoder = FlanT5(valid.model_copy(update={"source": source or valid.source}), cache)
    try:
        encoder.load_state_dict(state)
    except RuntimeError as problem:
        raise WeightsError(
            f"the weights of the checkpoint's text encoder do not fit its settings: {problem}",
            "The file is damaged, or of another version of asdbench.",
        ) from problem
    return encoder.eval()
