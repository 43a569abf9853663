from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from asdbench.errors import DataError, WeightsError
from asdbench.generators.mimii_gen.encodec_codec import (
    EncodecCodec,
    from_codec_rate,
    to_codec_rate,
)
from asdbench.generators.mimii_gen.encodec_meta import new_model


def small_model(**settings: Any) -> Any:
    """Two filters, hop 320; codebooks spread like what the encoder returns."""
    from transformers import EncodecConfig

    defaults = {"num_filters": 2, "num_lstm_layers": 1, "codebook_size": 64}
    model = new_model(EncodecConfig(**(defaults | settings)), seed=3)
    with torch.no_grad():
        latents = model.encoder(noise(1, 24000)[:, None])[0]  # (128, frames)
        center, scale = latents.mean(1), latents.std(1)
        generator = torch.Generator().manual_seed(5)
        for layer in model.quantizer.layers:
            layer.codebook.embed.normal_(generator=generator).mul_(scale).add_(center)
            center, scale = 0.0 * center, 0.5 * scale
    return model


def noise(clips: int, samples: int) -> torch.Tensor:
    return torch.randn(clips, samples, generator=torch.Generator().manual_seed(7))


@pytest.fixture(scope="module")
def model() -> Any:
    return small_model(target_bandwidths=[0.9, 1.8])


@pytest.fixture
def folder(tmp_path: Path, model: Any) -> Path:
    model.save_pretrained(tmp_path / "weights")
    return tmp_path / "weights"


def edit_config(folder: Path, **fields: Any) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | fields))


def test_latents_are_the_sums_of_the_code_vectors(model: Any) -> None:
    codec = EncodecCodec(model, 1.8)
    audio = noise(2, 7000)
    codes = model.encode(audio[:, None], bandwidth=1.8).audio_codes[0]  # (batch, codebooks, T)
    assert codes.shape == (2, 4, 22)
    assert len(codes.unique()) > 10
    wanted = sum(
        layer.codebook.embed[codes[:, i]].transpose(1, 2)
        for i, layer in enumerate(model.quantizer.layers[:4])
    )
    latents = codec.encode(audio)
    assert latents.shape == (2, 128, codec.frames(7000))
    assert torch.allclose(latents, wanted, atol=1e-6)


def test_decodes_latents_without_quantizing_them_again(model: Any) -> None:
    codec = EncodecCodec(model, 0.9)
    latents = 0.01 * torch.randn(1, 128, 9, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        wanted = model.decoder(latents)[:, 0, :2700]
    assert torch.equal(codec.decode(latents, 2700, [0]), wanted)


def test_roundtrip_equals_that_of_transformers(model: Any) -> None:
    codec = EncodecCodec(model, 1.8)
    audio = noise(1, 5001)
    ours = codec.decode(codec.encode(audio), 5001, [0])
    with torch.no_grad():
        theirs = model(audio[:, None], bandwidth=1.8).audio_values[:, 0, :5001]
    assert torch.equal(ours, theirs)


@pytest.mark.parametrize("samples", [1, 319, 320, 321, 4801])
def test_any_length_comes_back_exactly(model: Any, samples: int) -> None:
    codec = EncodecCodec(model)
    latents = codec.encode(noise(1, samples))
    assert latents.shape == (1, 128, codec.frames(samples))
    assert codec.decode(latents, samples, [0]).shape == (1, samples)


def test_a_clip_does_not_depend_on_its_batch(model: Any) -> None:
    codec = EncodecCodec(model)
    audio = noise(3, 4000)
    together = codec.encode(audio)
    alone = torch.cat([codec.encode(audio[i : i + 1]) for i in range(3)])
    assert torch.equal(together, alone)
    assert torch.equal(
        codec.decode(together, 4000, [0, 1, 2])[2:], codec.decode(alone[2:], 4000, [9])
    )


def test_bandwidths_differ_and_the_default_is_the_highest(model: Any) -> None:
    audio = noise(1, 4000)
    low, high, default = (EncodecCodec(model, value) for value in (0.9, 1.8, None))
    assert not torch.equal(low.encode(audio), high.encode(audio))
    assert torch.equal(default.encode(audio), high.encode(audio))
    assert low.identity() != high.identity() == default.identity()


def test_without_codebooks_latents_are_what_the_encoder_returns() -> None:
    model = small_model(sampling_rate=16000, target_bandwidths=[0.0])
    codec = EncodecCodec(model)
    audio = noise(1, 3200)
    with torch.no_grad():
        assert torch.equal(codec.encode(audio), model.encoder(audio[:, None]))
    assert codec.sample_rate == 16000
    assert codec.identity()["bandwidth"] is None
    with pytest.raises(DataError, match=r"no bandwidth of 6 kbit/s") as caught:
        EncodecCodec(model, 6.0)
    assert "no codebooks" in str(caught.value.hint)


def test_loads_what_was_saved(folder: Path, model: Any) -> None:
    loaded, original = EncodecCodec.load(folder), EncodecCodec(model)
    audio = noise(1, 4000)
    assert torch.equal(loaded.encode(audio), original.encode(audio))
    assert loaded.identity() == original.identity()
    assert str(folder) not in json.dumps(loaded.identity())


def test_saves_what_it_and_transformers_load(model: Any, tmp_path: Path) -> None:
    from transformers import EncodecModel

    codec = EncodecCodec(model, 0.9)
    codec.save(tmp_path)
    assert EncodecCodec.load(tmp_path, 0.9).identity() == codec.identity()
    loaded = EncodecModel.from_pretrained(tmp_path).state_dict()
    assert all(torch.equal(loaded[name], value) for name, value in model.state_dict().items())


def test_loading_leaves_the_global_random_state_alone(folder: Path) -> None:
    before = torch.get_rng_state()
    EncodecCodec.load(str(folder))
    assert torch.equal(torch.get_rng_state(), before)


def test_identity_changes_with_a_weight(folder: Path) -> None:
    from safetensors.torch import load_file, save_file

    before = EncodecCodec.load(folder).identity()
    state = load_file(folder / "model.safetensors")
    state["decoder.layers.0.conv.bias"][0] += 1e-3
    save_file(state, folder / "model.safetensors")
    after = EncodecCodec.load(folder).identity()
    assert after["weights"] != before["weights"]
    assert dict(after) | {"weights": before["weights"]} == dict(before)


def test_reads_names_of_older_weight_normalization(folder: Path) -> None:
    from safetensors.torch import load_file, save_file

    wanted = EncodecCodec.load(folder).identity()
    state = load_file(folder / "model.safetensors")
    older = {
        name.replace("parametrizations.weight.original0", "weight_g").replace(
            "parametrizations.weight.original1", "weight_v"
        ): tensor
        for name, tensor in state.items()
    }
    assert older.keys() != state.keys()
    save_file(older, folder / "model.safetensors")
    assert EncodecCodec.load(folder).identity() == wanted


def refusal(source: str | Path) -> WeightsError:
    with pytest.raises(WeightsError) as caught:
        EncodecCodec.load(source)
    return caught.value


def test_says_what_to_do_without_weights(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    error = refusal("facebook/encodec_24khz")
    assert "facebook/encodec_24khz is neither a local folder nor" in error.message
    assert "hf download facebook/encodec_24khz" in str(error.hint)
    assert "local folder" in str(error.hint)


def test_refuses_what_is_no_folder(tmp_path: Path) -> None:
    assert "no such folder or file" in refusal(tmp_path / "absent").message
    (tmp_path / "x.bin").touch()
    assert "is a file, and not one of Meta's" in refusal(tmp_path / "x.bin").message


def test_refuses_folders_that_hold_no_encodec(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert "config.json cannot be read" in refusal(tmp_path / "empty").message
    edit_config(folder, model_type="t5")
    assert "is no EnCodec folder" in refusal(folder).message


def test_refuses_pickled_weights(folder: Path, model: Any) -> None:
    torch.save(model.state_dict(), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    assert "pytorch_model.bin is a pickle, which is never read" in refusal(folder).message


def test_refuses_other_latents_channels_and_bandwidths(folder: Path) -> None:
    with pytest.raises(DataError, match="no bandwidth of 7 kbit/s") as caught:
        EncodecCodec.load(folder, 7.0)
    assert "0.9, 1.8" in str(caught.value.hint)
    edit_config(folder, audio_channels=2)
    assert "several channels" in refusal(folder).message
    edit_config(folder, hidden_size=64, codebook_dim=64)
    error = refusal(folder)
    assert "latents of 64 rows, not 128" in error.message
    assert str(folder) in error.message


def test_refuses_weights_of_another_shape(folder: Path) -> None:
    edit_config(folder, num_filters=3)
    assert "does not fit" in refusal(folder).message
    edit_config(folder, num_filters="many")
    assert "describes no EnCodec" in refusal(folder).message


@pytest.mark.parametrize("kept", [0, 4, 0.5, 0.999])
def test_refuses_a_truncated_file(folder: Path, kept: float) -> None:
    path = folder / "model.safetensors"
    data = path.read_bytes()
    path.write_bytes(data[: int(kept * len(data)) if kept < 1 else int(kept)])
    assert "is truncated or damaged" in refusal(folder).message


def test_refuses_weights_that_are_not_finite(folder: Path) -> None:
    from safetensors.torch import load_file, save_file

    state = load_file(folder / "model.safetensors")
    state["encoder.layers.0.conv.bias"][0] = torch.nan
    save_file(state, folder / "model.safetensors")
    assert "encoder.layers.0.conv.bias is not finite" in refusal(folder).message


def test_finds_a_hub_id_in_the_local_cache(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, model: Any
) -> None:
    kept = tmp_path / "models--someone--codec"
    snapshot = kept / "snapshots" / "0123456789abcdef0123456789abcdef01234567"
    snapshot.mkdir(parents=True)
    (kept / "refs").mkdir()
    (kept / "refs" / "main").write_text(snapshot.name)
    EncodecCodec(model).save(snapshot)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    assert EncodecCodec.load("someone/codec").identity() == EncodecCodec(model).identity()


def test_refuses_wrong_shapes_of_audio_and_latents(model: Any) -> None:
    codec = EncodecCodec(model)
    with pytest.raises(DataError, match=r"\(batch, samples\)"):
        codec.encode(noise(1, 320)[0])
    with pytest.raises(DataError, match="128, frames"):
        codec.decode(torch.zeros(1, 64, 3), 320, [0])
    with pytest.raises(DataError, match="3 frames cannot give 961 samples: 4 frames"):
        codec.decode(torch.zeros(1, 128, 3), 961, [0])


@pytest.mark.parametrize("samples", [1, 16, 159_999, 160_000, 12_347])
def test_resampling_returns_the_wanted_length(samples: int) -> None:
    audio = np.sin(np.arange(samples) * 2 * np.pi * 440 / 16000).astype(np.float32)
    there = to_codec_rate(audio, 16000, 24000)
    assert len(there) == -(-samples * 3 // 2)
    back = from_codec_rate(there, 24000, 16000, samples)
    assert back.shape == (samples,)
    assert back.dtype == np.float32
    if samples > 1000:
        inner = slice(200, -200)
        assert np.abs(back - audio)[inner].max() < 1e-3
        level = np.sqrt(np.mean(there[300:-300] ** 2) / np.mean(audio[inner] ** 2))
        assert level == pytest.approx(1.0, abs=2e-3)


def test_equal_rates_change_nothing() -> None:
    audio = noise(1, 500)[0].numpy()
    assert np.array_equal(to_codec_rate(audio, 16000, 16000), audio)
    assert np.array_equal(from_codec_rate(audio, 16000, 16000, 500), audio)
