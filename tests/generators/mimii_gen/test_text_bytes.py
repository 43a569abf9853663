"""The byte-level T5 encoder: shapes, padding, batches, gradients."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from text_models import TWIN, prompt

from asdbench.errors import DataError
from asdbench.generators.mimii_gen.text_bytes import ByteT5, ByteT5Settings
from asdbench.generators.mimii_gen.text_factory import make_text_encoder


@pytest.fixture(scope="module")
def small() -> ByteT5:
    made = make_text_encoder("bytes", TWIN, dim=32)
    assert isinstance(made, ByteT5)
    return made.eval()


def test_all_prompts_have_as_many_tokens(small: ByteT5) -> None:
    with torch.no_grad():
        embeddings = small([prompt(vel="6"), TWIN[-1]])
    assert embeddings.shape == (2, small.settings()["tokens"], 32)
    assert embeddings.shape[1] % 16 == 0
    assert embeddings.shape[1] > max(len(each.caption) for each in TWIN)
    assert embeddings.dtype == torch.float32


def test_embeddings_end_with_the_caption(small: ByteT5) -> None:
    here = prompt(vel="6")
    length = len(here.caption) + 1
    embedding = small([here])[0]
    assert (embedding[:length].abs().sum(-1) > 0).all()
    assert (embedding[length:] == 0).all()


def test_padding_is_not_attended_to(small: ByteT5) -> None:
    wider = ByteT5(ByteT5Settings(dim=32, tokens=small.settings()["tokens"] + 32)).eval()
    wider.load_state_dict(small.state_dict())
    here, length = prompt(vel="6"), len(prompt(vel="6").caption) + 1
    assert torch.allclose(wider([here])[0, :length], small([here])[0, :length], atol=1e-6)


def test_an_embedding_does_not_depend_on_the_batch(small: ByteT5) -> None:
    with torch.no_grad():
        together = small(TWIN[:4])
        assert torch.equal(together[2], small([TWIN[2]])[0])
        assert not torch.equal(together[0], together[1])


def test_gradients_flow_to_every_weight(small: ByteT5) -> None:
    made = make_text_encoder("bytes", TWIN[:4], dim=16).train()
    made(TWIN[:4]).square().sum().backward()
    for name, weight in made.named_parameters():
        assert weight.grad is not None, name
        assert weight.grad.abs().sum() > 0, name


def test_the_default_size_is_small() -> None:
    made = ByteT5(ByteT5Settings())
    assert sum(weight.numel() for weight in made.parameters()) < 1_000_000
    assert made.dim == 128


def test_long_captions_are_refused_not_cut(small: ByteT5) -> None:
    tokens = small.settings()["tokens"]
    fits = replace(TWIN[0], caption="x" * (tokens - 1))
    assert small([fits]).isfinite().all()
    with pytest.raises(DataError, match=f"reads {tokens - 1}"):
        small([replace(TWIN[0], caption="x" * tokens)])


def test_any_text_can_be_read(small: ByteT5) -> None:
    assert small([replace(TWIN[0], caption="Lüfter \udc80 扇")]).isfinite().all()
