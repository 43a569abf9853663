from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from asdbench.api import Condition, Context, SupportsText
from asdbench.clips import ClipPool
from asdbench.embeddings import clap as module
from asdbench.embeddings.clap import CLAP, CLAPParams
from asdbench.errors import WeightsError

WORDS = ["<s>", "<pad>", "</s>", "<unk>", "<mask>", "f", "a", "n", "Ġ", "o", "k"]


def write_model(folder: Path, fused: bool = False, tokenizer: bool = True) -> Path:
    """A ClapModel of random weights, its extractor and a tokenizer."""
    from transformers import ClapConfig, ClapFeatureExtractor, ClapModel, RobertaTokenizer

    torch.manual_seed(0)
    audio = {
        "num_mel_bins": 64,
        "spec_size": 64,
        "hidden_size": 32,
        "patch_embeds_hidden_size": 16,
        "depths": [1, 1],
        "num_attention_heads": [2, 2],
        "num_hidden_layers": 2,
        "window_size": 4,
        "num_classes": 5,
        "enable_fusion": fused,
        "projection_dim": 12,
    }
    text = {
        "vocab_size": len(WORDS),
        "hidden_size": 16,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "intermediate_size": 16,
        "max_position_embeddings": 40,
        "projection_dim": 12,
    }
    config = ClapConfig(audio_config=audio, text_config=text, projection_dim=12)
    ClapModel(config).save_pretrained(folder)
    ClapFeatureExtractor(max_length_s=3, hop_length=2400).save_pretrained(folder)
    if tokenizer:
        (folder / "vocab.json").write_text(json.dumps({w: i for i, w in enumerate(WORDS)}))
        (folder / "merges.txt").write_text("#version: 0.2\n")
        RobertaTokenizer(str(folder / "vocab.json"), str(folder / "merges.txt")).save_pretrained(
            folder
        )
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model(tmp_path_factory.mktemp("clap"))


@pytest.fixture
def embedding(folder: Path) -> CLAP:
    return CLAP(CLAPParams(weights=str(folder)))


def test_one_vector_of_length_one_a_clip(
    embedding: CLAP, clips: ClipPool, context: Context
) -> None:
    found = embedding.embed(clips, context)
    assert found.rows.shape == (3, 12)
    assert found.clip.tolist() == [0, 1, 2]
    assert np.linalg.norm(found.rows, axis=1) == pytest.approx(np.ones(3))
    assert not np.allclose(found.rows[0], found.rows[1])
    np.testing.assert_array_equal(embedding.embed(clips, context).rows, found.rows)


def test_batches_change_nothing(folder: Path, clips: ClipPool, context: Context) -> None:
    rows = [
        CLAP(CLAPParams(weights=str(folder), batch_size=size)).embed(clips, context).rows
        for size in (1, 3)
    ]
    np.testing.assert_allclose(rows[0], rows[1], atol=1e-5)


def test_long_clips_are_cut_at_the_end_and_not_at_random(embedding: CLAP, context: Context) -> None:
    audio = (0.1 * np.random.default_rng(1).standard_normal(5 * 48000)).astype(np.float32)
    long = ClipPool.from_arrays([audio], 48000, [Condition("fan", "00")])
    cut = ClipPool.from_arrays([audio[: 3 * 48000]], 48000, [Condition("fan", "00")])
    state = np.random.get_state()[1].copy()  # noqa: NPY002
    rows = embedding.embed(long, context).rows
    np.testing.assert_array_equal(rows, embedding.embed(cut, context).rows)
    assert np.array_equal(state, np.random.get_state()[1])  # noqa: NPY002


def test_text_lands_in_the_same_space(embedding: CLAP, context: Context) -> None:
    assert isinstance(embedding, SupportsText)
    rows = embedding.embed_text(["fan", "a fan ok", "fan"], context)
    assert rows.shape == (3, 12)
    assert np.linalg.norm(rows, axis=1) == pytest.approx(np.ones(3))
    np.testing.assert_allclose(rows[0], rows[2], atol=1e-6)
    assert not np.allclose(rows[0], rows[1], atol=1e-4)


def test_digest_is_that_of_the_weights(embedding: CLAP, tmp_path: Path) -> None:
    same = CLAP(CLAPParams(weights=str(write_model(tmp_path / "same", tokenizer=False))))
    assert same.digest() == embedding.digest()
    with torch.no_grad():
        next(same._model.parameters()).flatten()[0] += 1.0
    changed = CLAP(CLAPParams(weights=str(tmp_path / "changed")))
    same._model.save_pretrained(tmp_path / "changed")
    same._extractor.save_pretrained(tmp_path / "changed")
    assert changed.digest() != embedding.digest()


def test_bare_tensors_of_transformers_4_are_understood() -> None:
    bare = torch.tensor([[3.0, 4.0]])
    assert module._vectors(bare).tolist() == [[0.6, 0.8]]
    assert module._vectors(SimpleNamespace(pooler_output=bare)).tolist() == [[0.6, 0.8]]


def test_absent_and_wrong_weights_are_clear_errors(
    tmp_path: Path, clips: ClipPool, context: Context
) -> None:
    absent = CLAP(CLAPParams(weights=str(tmp_path / "nowhere")))
    with pytest.raises(WeightsError, match="there is no folder") as caught:
        absent.embed(clips, context)
    assert "laion/clap-htsat-unfused" in (caught.value.hint or "")
    assert "weights=FOLDER" in (caught.value.hint or "")
    refusal = absent.refuses()
    assert refusal is not None
    assert "nowhere" in refusal
    (tmp_path / "empty").mkdir()
    with pytest.raises(WeightsError, match="cannot be loaded"):
        CLAP(CLAPParams(weights=str(tmp_path / "empty"))).digest()
    fused = CLAP(CLAPParams(weights=str(write_model(tmp_path / "fused", fused=True))))
    with pytest.raises(WeightsError, match="fused checkpoint"):
        fused.digest()


def test_missing_weights_are_not_filled_at_random(folder: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    tensors = load_file(folder / "model.safetensors")
    dropped = next(name for name in tensors if name.startswith("audio_projection"))
    copy = tmp_path / "partial"
    copy.mkdir()
    for name in ("config.json", "preprocessor_config.json"):
        (copy / name).write_text((folder / name).read_text())
    kept = {name: tensor for name, tensor in tensors.items() if name != dropped}
    save_file(kept, copy / "model.safetensors", {"format": "pt"})
    with pytest.raises(WeightsError, match=rf"lacks 1 of its weights, e\.g\. {dropped}"):
        CLAP(CLAPParams(weights=str(copy))).digest()


def test_the_hub_is_asked_after_its_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    from transformers import ClapModel

    calls: list[bool] = []

    def unreachable(source: str, **options: Any) -> None:
        assert source == "laion/clap-htsat-unfused"
        assert options["use_safetensors"]
        calls.append(options["local_files_only"])
        raise OSError("no network\nmore lines")

    monkeypatch.setattr(ClapModel, "from_pretrained", unreachable)
    with pytest.raises(WeightsError, match=r"cannot be loaded: OSError: no network\n  Name"):
        CLAP(CLAPParams()).digest()
    assert calls == [True, False]
