"""Flan-T5 with tiny random weights: frozen, cached, and refused where it is missing."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from text_models import TWIN, prompt, save_t5
from transformers import T5EncoderModel, T5ForConditionalGeneration

from asdbench.errors import DataError, WeightsError
from asdbench.generators.mimii_gen.text_flan_t5 import FlanT5, FlanT5Settings


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> str:
    return save_t5(tmp_path_factory.mktemp("t5"), T5EncoderModel)


def flan(source: str, cache: Path | None = None, **settings: object) -> FlanT5:
    return FlanT5(FlanT5Settings(source=source, tokens=120, **settings), cache)


def test_embeddings_are_those_of_the_model(source: str) -> None:
    made, here = flan(source), prompt(vel="6")
    embedding = made([here])[0]
    assert embedding.shape == (120, made.dim) == (120, 16)
    assert embedding.dtype == torch.float32
    model = T5EncoderModel.from_pretrained(source).eval()
    tokenizer = made._frozen[1]
    ids = tokenizer(here.caption, return_tensors="pt", padding="max_length", max_length=120)
    with torch.no_grad():
        expected = model(**ids).last_hidden_state[0]
    length = int(ids["attention_mask"].sum())
    assert length == len(here.caption) + 1
    assert torch.allclose(embedding[:length], expected[:length], atol=1e-6)
    assert (embedding[length:] == 0).all()


def test_it_is_frozen_and_its_weights_are_nobodys(source: str) -> None:
    made = flan(source)
    assert not made.trained
    assert not list(made.parameters())
    assert made.state_dict() == {}
    assert not made.train()(TWIN[:2]).requires_grad
    assert not made._frozen[0].training


def test_prompts_with_the_same_caption_are_encoded_once(
    source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = flan(source)
    calls: list[str] = []
    encode = made._encode
    monkeypatch.setattr(made, "_encode", lambda text: calls.append(text) or encode(text))
    first = made([*TWIN[:3], TWIN[0]])
    assert torch.equal(first[:3], made(TWIN[:3]))
    assert calls == [each.caption for each in TWIN[:3]]


def test_embeddings_are_kept_on_disk_by_weights_and_caption(
    source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = tmp_path / "cache"
    made = flan(source, cache)
    embeddings = made(TWIN[:2])
    files = sorted(cache.rglob("*"))
    assert [file.suffix for file in files] == ["", ".safetensors", ".safetensors"]
    assert files[0].name == made.identity()["digest"]
    again = flan(source, cache)
    monkeypatch.setattr(again, "_encode", lambda _: pytest.fail("was in the cache"))
    assert torch.equal(again(TWIN[:2]), embeddings)
    other = flan(save_t5(tmp_path / "other", T5EncoderModel, seed=1), cache)
    assert not torch.equal(other(TWIN[:2]), embeddings)
    files[1].write_bytes(files[1].read_bytes()[:-7])
    with pytest.raises(DataError, match=r"holds no embedding"):
        flan(source, cache)(TWIN[:2])


def test_identity_is_of_weights_not_of_places(source: str, tmp_path: Path) -> None:
    copy = flan(save_t5(tmp_path / "copy", T5EncoderModel))
    other = flan(save_t5(tmp_path / "other", T5EncoderModel, seed=1))
    assert copy.identity() == flan(source).identity() != other.identity()
    assert str(tmp_path) not in json.dumps(copy.identity())


def test_an_encoder_within_a_whole_t5_serves_as_well(tmp_path: Path) -> None:
    made = flan(save_t5(tmp_path, T5ForConditionalGeneration))
    expected = T5ForConditionalGeneration.from_pretrained(tmp_path).encoder.state_dict()
    actual = made._frozen[0].encoder.state_dict()
    assert all(torch.equal(actual[name], tensor) for name, tensor in expected.items())


def test_captions_are_not_cut(source: str) -> None:
    made = FlanT5(FlanT5Settings(source=source, tokens=50))
    with pytest.raises(DataError, match="is given 50"):
        made([replace(TWIN[0], caption="A fan" + " in noise" * 20)])


def test_other_weights_than_in_training_are_refused(source: str) -> None:
    with pytest.raises(WeightsError, match="was trained with 0000"):
        flan(source, digest="0" * 64)


def test_missing_weights_say_how_to_get_them() -> None:
    with pytest.raises(WeightsError) as caught:
        flan("google/flan-t5-none")
    assert "google/flan-t5-none" in caught.value.message
    assert "hf download google/flan-t5-none" in str(caught.value.hint)
    assert "folder" in str(caught.value.hint)


def test_a_missing_folder_is_not_taken_for_a_model_of_the_hub(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="does not exist") as caught:
        flan(str(tmp_path / "absent"))
    assert "download" not in str(caught.value.hint)


@pytest.mark.parametrize("damage", ["gone", "truncated", "incomplete", "pickle"])
def test_a_folder_without_usable_weights_is_refused(tmp_path: Path, damage: str) -> None:
    from safetensors.torch import load_file, save_file

    source = save_t5(tmp_path, T5EncoderModel)
    weights = tmp_path / "model.safetensors"
    tensors = load_file(weights)
    if damage == "truncated":
        weights.write_bytes(weights.read_bytes()[:-100])
    elif damage == "incomplete":
        del tensors["encoder.final_layer_norm.weight"]
        save_file(tensors, weights, metadata={"format": "pt"})
    else:
        weights.unlink()
    if damage == "pickle":
        torch.save(tensors, tmp_path / "pytorch_model.bin")
    with pytest.raises(WeightsError, match="no usable model in folder"):
        flan(source)
