"""Every text encoder comes back from its settings and tensors, bit by bit."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load, save
from text_models import TWIN, save_t5
from transformers import T5EncoderModel

from asdbench.errors import WeightsError
from asdbench.generators.mimii_gen.text_factory import (
    load_text_encoder,
    make_text_encoder,
)

SHORT = [each for each in TWIN if len(each.caption) < 45]


@pytest.fixture
def source(tmp_path: Path) -> str:
    return save_t5(tmp_path / "t5", T5EncoderModel)


@pytest.mark.parametrize("name", ["attributes", "bytes", "flan-t5"])
def test_a_checkpoint_restores_an_encoder_exactly(name: Any, source: str) -> None:
    made = make_text_encoder(name, SHORT, dim=32, source=source).eval()
    settings, state = json.loads(json.dumps(made.settings())), load(save(made.state_dict()))
    restored = load_text_encoder(settings, state)
    assert type(restored) is type(made)
    assert not restored.training
    assert restored.dim == made.dim
    assert restored.identity() == made.identity()
    with torch.no_grad():
        assert torch.equal(restored(SHORT[:6]), made(SHORT[:6]))


@pytest.mark.parametrize("name", ["attributes", "bytes"])
def test_initial_weights_follow_from_the_seed_alone(name: Any) -> None:
    def weights(seed: int) -> torch.Tensor:
        made = make_text_encoder(name, SHORT, dim=16, seed=seed)
        return torch.cat([weight.flatten() for weight in made.parameters()])

    before = torch.get_rng_state()
    first = weights(1)
    torch.rand(3)
    assert torch.equal(weights(1), first)
    assert not torch.equal(weights(2), first)
    torch.set_rng_state(before)
    weights(1)
    assert torch.equal(torch.get_rng_state(), before)


def test_restoring_leaves_the_random_state_alone() -> None:
    made = make_text_encoder("attributes", SHORT)
    before = torch.get_rng_state()
    load_text_encoder(made.settings(), made.state_dict())
    assert torch.equal(torch.get_rng_state(), before)


def test_flan_t5_may_have_moved_but_not_changed(source: str, tmp_path: Path) -> None:
    made = make_text_encoder("flan-t5", SHORT, source=source)
    moved = save_t5(tmp_path / "moved", T5EncoderModel)
    other = save_t5(tmp_path / "other", T5EncoderModel, seed=1)
    restored = load_text_encoder(made.settings(), {}, source=moved)
    assert torch.equal(restored(SHORT[:2]), made(SHORT[:2]))
    with pytest.raises(WeightsError, match="was trained with"):
        load_text_encoder(made.settings(), {}, source=other)


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "clap"},
        {"kind": None},
        {"dim": 10**9},
        {"attributes": -1},
        {"ranges": {"fan": {"vel": [0, float("nan")]}}},
        {"more": 1},
    ],
)
def test_malformed_settings_are_refused(change: dict[str, Any]) -> None:
    made = make_text_encoder("attributes", SHORT, dim=16)
    with pytest.raises(WeightsError, match="malformed"):
        load_text_encoder({**made.settings(), **change}, made.state_dict())


@pytest.mark.parametrize("damage", ["missing", "unexpected", "shape"])
@pytest.mark.parametrize("name", ["attributes", "bytes"])
def test_tensors_that_do_not_fit_are_refused(name: Any, damage: str) -> None:
    made = make_text_encoder(name, SHORT, dim=16)
    state = dict(made.state_dict())
    key = sorted(state)[0]
    if damage == "missing":
        del state[key]
    elif damage == "unexpected":
        state["more"] = torch.zeros(1)
    else:
        state[key] = torch.zeros(3, 3)
    with pytest.raises(WeightsError, match="do not fit"):
        load_text_encoder(made.settings(), state)
