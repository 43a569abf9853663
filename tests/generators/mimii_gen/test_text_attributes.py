"""Attribute tokens tell prompts apart, read numbers as numbers, and learn."""

from __future__ import annotations

import pytest
import torch
from text_models import TWIN, prompt
from torch import nn

from asdbench.errors import DataError
from asdbench.generators.mimii_gen.prompt import Prompt
from asdbench.generators.mimii_gen.text_attributes import AttributeTokens
from asdbench.generators.mimii_gen.text_factory import make_text_encoder


def encoder(prompts: list[Prompt] = TWIN, dim: int = 32) -> AttributeTokens:
    made = make_text_encoder("attributes", prompts, dim=dim)
    assert isinstance(made, AttributeTokens)
    return made


def test_a_prompt_is_one_token_for_machine_section_label_and_each_attribute() -> None:
    tokens = encoder()(TWIN)
    assert tokens.shape == (len(TWIN), 3 + 2, 32)
    assert tokens.dtype == torch.float32
    assert tokens.isfinite().all()


def test_all_prompts_of_the_twin_have_embeddings_of_their_own() -> None:
    tokens = encoder().eval()(TWIN).flatten(1)
    distances = torch.cdist(tokens, tokens) + 1e3 * torch.eye(len(TWIN))
    assert distances.min() > 0.05


def test_the_default_size_is_small() -> None:
    made = make_text_encoder("attributes", TWIN)
    assert made.dim == 128
    assert sum(weight.numel() for weight in made.parameters()) == 165_888


def test_numbers_are_what_all_training_values_say() -> None:
    ranges = encoder().settings()["ranges"]
    assert ranges["bearing"] == {"vel": [2.0, 26.0]}
    assert ranges["gearbox"] == {"volt": [0.6, 3.5], "wt": [0.0, 250.0]}  # id: 05, 08, 13, ...
    assert ranges["slider"] == {"ac": [0.01, 0.14], "vel": [100.0, 1300.0]}
    assert "valve" not in ranges
    mixed = encoder([prompt(vel="6"), prompt(vel="fast")])
    assert mixed.settings()["ranges"] == {}


def test_an_unseen_number_lies_between_its_neighbors() -> None:
    made = encoder([prompt(vel=str(vel)) for vel in (2, 6, 10, 14, 18, 22, 26)]).eval()

    def vector(vel: str) -> torch.Tensor:
        with torch.no_grad():
            return made([prompt(vel=vel)]).flatten()

    def away(one: str, other: str) -> float:
        return float((vector(one) - vector(other)).norm())

    assert away("12", "10") < away("14", "10") < away("18", "10")
    assert away("12.001", "12") < 0.01 * away("14", "12")
    assert vector("40").isfinite().all()


def test_a_category_is_not_a_number() -> None:
    made = encoder([prompt("valve", pat=pat) for pat in ("00", "01", "03")]).eval()
    tokens = made([prompt("valve", pat=pat) for pat in ("00", "01", "02", "x")]).flatten(1)
    assert torch.pdist(tokens).min() > 0.05


def test_a_seen_attribute_with_one_value_accepts_others() -> None:
    made = encoder([prompt(vel="4")])
    assert made([prompt(vel="4"), prompt(vel="12"), prompt(vel="fast")]).isfinite().all()


def test_neither_domain_nor_caption_is_read() -> None:
    from dataclasses import replace

    made = encoder().eval()
    here = prompt(vel="6")
    there = replace(here, condition=replace(here.condition, domain="target"), caption="-")
    assert torch.equal(made([here]), made([there]))


def test_an_embedding_does_not_depend_on_the_batch() -> None:
    made = encoder().eval()
    together = made([*TWIN[:7], TWIN[3]])
    assert torch.equal(together[3], together[7])
    assert torch.equal(together[3], made([TWIN[3]])[0])
    made.train()
    assert torch.allclose(made(TWIN[:7]), together[:7], atol=1e-5)


def test_more_attributes_than_in_training_are_refused() -> None:
    made = encoder([prompt(vel="4")])
    with pytest.raises(DataError, match="2 attributes") as caught:
        made([prompt(vel="4", loc="A")])
    assert caught.value.hint


def test_every_weight_gets_a_gradient() -> None:
    made = encoder()
    made(TWIN).square().sum().backward()
    for name, weight in made.named_parameters():
        assert weight.grad is not None, name
        assert weight.grad.abs().sum() > 0, name


def test_it_learns_a_function_of_speed_that_holds_between_the_speeds_of_training() -> None:
    def height(vel: int) -> float:
        return float(torch.sin(torch.tensor(vel / 8.0)))

    speeds = [2, 6, 8, 12, 14, 18, 20, 24, 26]
    unseen = [4, 10, 16, 22]
    made = encoder([prompt(vel=str(vel)) for vel in speeds])
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        head = nn.Linear(32, 1)
    optimizer = torch.optim.Adam([*made.parameters(), *head.parameters()], 1e-3)

    def heights(vels: list[int]) -> torch.Tensor:
        return head(made([prompt(vel=str(vel)) for vel in vels]).mean(1)).squeeze(1)

    target = torch.tensor([height(vel) for vel in speeds])
    for _ in range(200):
        optimizer.zero_grad()
        loss = (heights(speeds) - target).square().mean()
        loss.backward()
        optimizer.step()
    errors = (heights(unseen) - torch.tensor([height(vel) for vel in unseen])).abs()
    assert loss < 1e-3
    assert errors.max() < 0.2  # the values span 2
