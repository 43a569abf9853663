from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tiny_audioldm2 import save_tiny_pipeline

from asdbench.api import Condition, Context, Request
from asdbench.clips import ClipPool
from asdbench.errors import PluginError, WeightsError
from asdbench.generators.audioldm2 import AudioLDM2, AudioLDM2Params
from asdbench.generators.mimii_gen.captions import caption

RATE = 8000
FAN = Condition("fan", "00", "source", (("vel", "6"),))


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_pipeline(tmp_path_factory.mktemp("audioldm2"))


@pytest.fixture
def fitted(weights: Path, pool: ClipPool, context: Context) -> Callable[..., AudioLDM2]:
    def make(**params: Any) -> AudioLDM2:
        model = AudioLDM2(AudioLDM2Params(source=str(weights), **{"steps": 2, **params}))
        model.fit(pool, context)
        return model

    return make


@pytest.fixture
def clips(pool: ClipPool, context: Context) -> Callable[..., list[Any]]:
    def generate(model: AudioLDM2, requests: list[Request]) -> list[Any]:
        batches = list(model.generate(requests, pool, context))
        assert {batch.sample_rate for batch in batches} == {RATE}
        return [clip for batch in batches for clip in batch.audio]

    return generate


def request(seed: int = 1, label: Any = "anomaly", samples: int = 4001) -> Request:
    return Request(FAN, label, seed, samples)


def test_clips_have_the_length_and_rate_asked_for_and_tell_their_caption(fitted, pool, context):
    batches = list(fitted().generate([request(), request(samples=30)], pool, context))
    assert [batch.audio[0].shape for batch in batches] == [(4001,), (30,)]
    assert all(batch.sample_rate == RATE for batch in batches)
    assert all(batch.audio[0].dtype == np.float32 for batch in batches)
    assert all(np.isfinite(batch.audio[0]).all() for batch in batches)
    assert np.std(batches[0].audio[0]) > 1e-3
    assert batches[0].notes[0]["caption"] == caption(FAN, "anomaly")


def test_it_is_the_pipeline_at_16_khz_with_that_caption(fitted, pool, context):
    """At the vocoder's own rate nothing is done to what diffusers' pipeline returns."""
    model = fitted(guidance=2.0, negative_prompt="music")
    same_rate = ClipPool.from_arrays([np.ones(16_000, np.float32)], 16_000, [FAN], ["normal"])
    (batch,) = model.generate([request(5, samples=8000)], same_rate, context)
    wanted = model._pipeline(
        caption(FAN, "anomaly"),
        negative_prompt="music",
        audio_length_in_s=0.5,
        num_inference_steps=2,
        guidance_scale=2.0,
        generator=torch.Generator().manual_seed(5),
    ).audios[0]
    np.testing.assert_allclose(batch.audio[0], wanted, atol=1e-6)


def test_seed_caption_and_parameters_matter(fitted, clips):
    model = fitted()
    base = clips(model, [request()])[0]
    np.testing.assert_array_equal(base, clips(model, [request()])[0])
    assert not np.allclose(base, clips(model, [request(2)])[0], atol=1e-4)
    assert not np.array_equal(base, clips(model, [request(label="normal")])[0])
    assert not np.array_equal(base, clips(fitted(detail="machine"), [request()])[0])
    assert not np.array_equal(base, clips(fitted(negative_prompt="speech"), [request()])[0])


def test_batches_change_nothing(fitted, clips, monkeypatch):
    """Seeds go with the clips, and captions of unequal length do not meet in a batch."""
    model = fitted()
    requests = [request(s, label) for label in ("anomaly", "normal") for s in (1, 2, 2**63 + 5)]
    alone = clips(model, requests)
    monkeypatch.setattr("asdbench.generators.audioldm2._BATCH", {"cpu": 8, "cuda": 8})
    for one, many in zip(alone, clips(model, requests), strict=True):
        np.testing.assert_allclose(one, many, atol=1e-5)


def test_global_random_state_is_left_alone(fitted, clips):
    model = fitted()
    before = torch.random.get_rng_state()
    clips(model, [request()])
    assert torch.equal(before, torch.random.get_rng_state())


def test_a_saved_one_makes_the_same_clips(fitted, clips, context, tmp_path):
    model, folder = fitted(), tmp_path / "saved"
    folder.mkdir()
    model.save(folder)
    assert [path.suffix for path in folder.iterdir()] == [".json"]
    again = AudioLDM2.load(folder, model.params, context)
    np.testing.assert_array_equal(clips(model, [request()])[0], clips(again, [request()])[0])


def test_other_weights_than_those_saved_with_are_refused(fitted, weights, context, tmp_path):
    folder, changed = tmp_path / "saved", tmp_path / "changed"
    folder.mkdir()
    fitted().save(folder)
    shutil.copytree(weights, changed)
    file = changed / "unet" / "diffusion_pytorch_model.safetensors"
    file.write_bytes(file.read_bytes()[:-4] + b"\0\0\0\1")
    with pytest.raises(WeightsError, match="have changed"):
        AudioLDM2.load(folder, AudioLDM2Params(source=str(changed)), context)


def test_the_language_model_is_read_where_a_folder_names_the_bare_one(weights, tmp_path):
    """Published folders say GPT2Model, whose tensors lack a prefix."""
    from transformers import GPT2LMHeadModel

    from asdbench.generators.audioldm2 import _load

    older = tmp_path / "older"
    shutil.copytree(weights, older)
    bare = GPT2LMHeadModel.from_pretrained(weights / "language_model").transformer
    shutil.rmtree(older / "language_model")
    bare.config.max_new_tokens = 4
    bare.save_pretrained(older / "language_model")
    fields = json.loads((older / "language_model" / "config.json").read_text())
    assert fields["architectures"] == ["GPT2Model"]
    assert fields["max_new_tokens"] == 4
    loaded = _load(older, "older").language_model
    assert loaded.config.max_new_tokens == 4
    assert torch.equal(loaded.transformer.wpe.weight, bare.wpe.weight)
    assert torch.equal(loaded.transformer.h[0].attn.c_attn.weight, bare.h[0].attn.c_attn.weight)


@pytest.mark.parametrize(
    "source", ["/no/such/folder", "./nowhere", "nowhere"], ids=["absolute", "relative", "word"]
)
def test_an_absent_folder_says_what_to_do(source, pool, context):
    with pytest.raises(WeightsError, match="no folder") as error:
        AudioLDM2(AudioLDM2Params(source=source)).fit(pool, context)
    assert "hf download" in str(error.value)
    assert "'source'" in str(error.value)


def test_a_hub_id_is_looked_up_on_this_machine(weights, pool, context, monkeypatch):
    asked = []

    def cached(source: str, **options: Any) -> str:
        asked.append((source, options))
        return str(weights)

    monkeypatch.setattr("huggingface_hub.snapshot_download", cached)
    AudioLDM2(AudioLDM2Params()).fit(pool, context)
    assert asked == [("cvssp/audioldm2", {"local_files_only": True})]


def test_a_hub_id_that_was_never_downloaded_says_what_to_do(pool, context):
    with pytest.raises(WeightsError, match="'nobody/nothing' is neither a folder nor") as error:
        AudioLDM2(AudioLDM2Params(source="nobody/nothing")).fit(pool, context)
    assert "hf download nobody/nothing" in str(error.value)


def damage_nothing_but_the_vae(folder: Path) -> None:
    file = folder / "vae" / "diffusion_pytorch_model.safetensors"
    file.write_bytes(file.read_bytes()[:1000])


def pickle_the_vocoder(folder: Path) -> None:
    file = folder / "vocoder" / "model.safetensors"
    torch.save({}, folder / "vocoder" / "pytorch_model.bin")
    file.unlink()


def drop_a_tensor(folder: Path) -> None:
    from safetensors.torch import load_file, save_file

    file = folder / "unet" / "diffusion_pytorch_model.safetensors"
    tensors = load_file(file)
    del tensors["conv_in.weight"]
    save_file(tensors, file)


@pytest.mark.parametrize(
    ("harm", "part"),
    [
        (damage_nothing_but_the_vae, "vae"),
        (pickle_the_vocoder, "vocoder"),
        (drop_a_tensor, "unet"),
        (lambda folder: shutil.rmtree(folder / "text_encoder_2"), "text_encoder_2"),
        (lambda folder: shutil.rmtree(folder / "tokenizer"), "tokenizer"),
    ],
    ids=["truncated", "pickled", "incomplete", "part absent", "tokenizer absent"],
)
def test_weights_that_cannot_be_used_are_named(harm, part, weights, tmp_path, pool, context):
    folder = tmp_path / "harmed"
    shutil.copytree(weights, folder)
    harm(folder)
    with pytest.raises(WeightsError, match=f"^audioldm2: {part} of "):
        AudioLDM2(AudioLDM2Params(source=str(folder))).fit(pool, context)


def test_generating_before_fitting_is_an_error(pool, context):
    with pytest.raises(PluginError, match="not fitted"):
        next(AudioLDM2(AudioLDM2Params()).generate([request()], pool, context))
