from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tiny_diffusion import CONDITIONS, PARAMS, RATE, SAMPLES, clip_pool, sound, use_tiny

from asdbench.api import Context, Request
from asdbench.errors import PluginError, WeightsError
from asdbench.features import LogMelSpec, mel_filters
from asdbench.generators.mel_ldm import MelLDM
from asdbench.generators.mel_ldm.generator import MelLDMParams
from asdbench.generators.mel_ldm.mel_patches import MelPatchCodec, from_patches, to_patches
from asdbench.generators.mel_ldm.vocoder import HiFiGAN
from asdbench.generators.mimii_gen import MIMIIGen
from asdbench.generators.mimii_gen.latents import Statistics, to_image
from asdbench.generators.mimii_gen.params import MIMIIGenParams


@pytest.fixture(autouse=True)
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    use_tiny(monkeypatch)


@pytest.fixture
def context(tmp_path: Path) -> Context:
    (tmp_path / "scratch").mkdir()
    return Context(seed=4, scratch=tmp_path / "scratch")


def waves(count: int = 2, samples: int = SAMPLES) -> torch.Tensor:
    return torch.from_numpy(np.stack([sound(i, samples) for i in range(count)]))


def save_vocoder(folder: Path, **changed: Any) -> Path:
    from transformers import SpeechT5HifiGan, SpeechT5HifiGanConfig

    settings: dict[str, Any] = {
        "model_in_dim": 64,
        "upsample_initial_channel": 8,
        "upsample_rates": [10, 4, 4],
        "upsample_kernel_sizes": [20, 8, 8],
        "resblock_kernel_sizes": [3],
        "resblock_dilation_sizes": [[1]],
        "initializer_range": 0.2,
        "normalize_before": False,
    }
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        SpeechT5HifiGan(SpeechT5HifiGanConfig(**settings | changed)).save_pretrained(folder)
    return folder


# Latents


def test_a_patch_is_8_bands_by_2_frames_and_rows_are_in_order_of_frequency():
    bands, frames = torch.meshgrid(torch.arange(64), torch.arange(6), indexing="ij")
    image = to_image(to_patches((100 * bands + frames)[None].float()), "16x8")
    assert image.shape == (1, 16, 8, 3)
    for row in range(8):
        for band in range(8):
            for frame in range(2):
                wanted = 100 * (8 * row + band) + torch.tensor([0, 2, 4]) + frame
                assert torch.equal(image[0, 2 * band + frame, row], wanted.float())


@pytest.mark.parametrize("frames", [6, 7])
def test_patches_are_undone(frames):
    mel = torch.randn(2, 64, frames)
    back = from_patches(to_patches(mel))
    assert back.shape == (2, 64, frames + frames % 2)
    assert torch.equal(back[:, :, :frames], mel)


def test_latents_are_audioldm_s_log_magnitude_mel_spectrogram():
    """Written out with NumPy: Hann window 1024, hop 160, magnitudes, floor 1e-5."""
    audio = sound(3, 1600)
    padded = np.pad(audio.astype(np.float64), 512)
    window = np.hanning(1025)[:-1]
    frames = [padded[t * 160 : t * 160 + 1024] * window for t in range(11)]
    magnitude = np.abs(np.fft.rfft(frames, axis=1)).T
    filters = mel_filters(16_000, LogMelSpec(n_fft=1024, hop_length=160, n_mels=64))
    wanted = 20 * np.log10(np.maximum(filters @ magnitude, 1e-5))
    latents = MelPatchCodec().encode(torch.from_numpy(audio)[None])
    assert latents.shape == (1, 128, 6)
    np.testing.assert_allclose(from_patches(latents)[0, :, :11], wanted, atol=0.01)


def test_silence_is_at_the_floor():
    latents = MelPatchCodec().encode(torch.zeros(1, 3200))
    assert latents.min() == latents.max() == pytest.approx(-100.0)


@pytest.mark.parametrize("samples", [1600, 1601, 1759, 1760, SAMPLES])
def test_frames_are_those_of_encode_and_enough_to_decode(samples):
    codec = MelPatchCodec()
    latents = codec.encode(waves(1, samples))
    assert latents.shape == (1, 128, codec.frames(samples))
    assert codec.decode(latents, samples, [1]).shape == (1, samples)


def test_decoded_audio_has_nearly_the_latents_it_was_made_of():
    codec = MelPatchCodec()
    latents = codec.encode(waves())
    again = codec.encode(codec.decode(latents, SAMPLES, [1, 2]))
    error = (again - latents)[:, :, 2:-2]
    assert error.square().mean().sqrt() < 0.5 * latents.std()
    assert error.mean().abs() < 0.3  # dB


def test_decoding_draws_from_each_clip_s_seed_alone():
    codec = MelPatchCodec()
    latents = codec.encode(waves())
    both = codec.decode(latents, SAMPLES, [1, 2])
    alone = codec.decode(latents[1:], SAMPLES, [2])
    torch.testing.assert_close(both[1:], alone, atol=1e-5, rtol=0)
    assert not torch.allclose(alone, codec.decode(latents[1:], SAMPLES, [3]), atol=1e-3)


def test_global_statistics_are_one_mean_and_one_deviation():
    clips = [torch.randn(128, 50) * 3 + row for row in (0.0, 10.0)]
    measured = Statistics.measure(clips, CONDITIONS[:2], "global")
    values = torch.cat(clips, dim=1)
    assert measured.mean.shape == (1, 128)
    torch.testing.assert_close(measured.mean, values.mean().expand(1, 128))
    torch.testing.assert_close(
        measured.std, values.std(correction=0).expand(1, 128), rtol=1e-4, atol=0
    )


# The vocoder


def test_the_vocoder_is_transformers_own_half_a_hop_earlier(tmp_path):
    from transformers import SpeechT5HifiGan

    folder = save_vocoder(tmp_path / "vocoder")
    audio = waves()
    codec = MelPatchCodec(HiFiGAN(folder, 64, 160, 16_000))
    made = codec.decode(codec.encode(audio), SAMPLES, [0, 0])
    # natural logarithm of magnitudes, frames first
    mel = from_patches(codec.encode(audio))[:, :, :51].transpose(1, 2) * np.log(10) / 20
    wanted = SpeechT5HifiGan.from_pretrained(folder)(mel).detach()
    assert made.shape == audio.shape
    assert made.std() > 1e-3
    # the end differs: a frame is repeated behind it
    torch.testing.assert_close(made[:, :7000], wanted[:, 80:7080], atol=1e-5, rtol=0)


def test_a_vocoder_needs_no_seed_and_does_not_mix_clips(tmp_path):
    codec = MelPatchCodec(HiFiGAN(save_vocoder(tmp_path / "vocoder"), 64, 160, 16_000))
    latents = codec.encode(waves(3))
    many = codec.decode(latents, SAMPLES, [1, 2, 3])
    assert torch.equal(many[2:], codec.decode(latents[2:], SAMPLES, [9]))


@pytest.mark.parametrize(
    "changed",
    [{"model_in_dim": 80}, {"sampling_rate": 22050}, {"upsample_rates": [4, 4, 4]}],
    ids=["bands", "rate", "hop"],
)
def test_a_vocoder_for_other_spectrograms_is_refused(changed, tmp_path):
    if "upsample_rates" in changed:
        changed = {**changed, "upsample_kernel_sizes": [8, 8, 8]}
    folder = save_vocoder(tmp_path / "vocoder", **changed)
    with pytest.raises(WeightsError, match="64, 160 and 16000"):
        HiFiGAN(folder, 64, 160, 16_000)


def pickled(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    torch.save({}, folder / "pytorch_model.bin")


def truncated(folder: Path) -> None:
    file = folder / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-100])


def incomplete(folder: Path) -> None:
    from safetensors.torch import load_file, save_file

    tensors = load_file(folder / "model.safetensors")
    del tensors["conv_post.weight"]
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})


@pytest.mark.parametrize("harm", [pickled, truncated, incomplete])
def test_a_vocoder_that_cannot_be_used_is_refused(harm, tmp_path):
    folder = save_vocoder(tmp_path / "vocoder")
    harm(folder)
    with pytest.raises(WeightsError, match="vocoder in") as error:
        HiFiGAN(folder, 64, 160, 16_000)
    assert "hf download" in str(error.value)


def test_an_absent_vocoder_is_named_when_the_generator_is_fitted(context):
    generator = MelLDM(MelLDMParams(vocoder=Path("/no/vocoder"), **PARAMS))
    with pytest.raises(WeightsError, match="no folder /no/vocoder with a vocoder"):
        generator.fit(clip_pool(6), context)


# The generator


def request(seed: int = 1, label: Any = "anomaly", samples: int = SAMPLES) -> Request:
    return Request(CONDITIONS[0], label, seed, samples)


def generated(generator: MelLDM, requests: list[Request], context: Context) -> list[Any]:
    pool = clip_pool(6)
    return [clip for batch in generator.generate(requests, pool, context) for clip in batch.audio]


@pytest.fixture
def fitted(context: Context) -> MelLDM:
    generator = MelLDM(MelLDMParams(**PARAMS))
    generator.fit(clip_pool(), context)
    return generator


def test_clips_have_the_length_asked_for_and_their_own_seed(fitted, context):
    requests = [request(1), request(2, "normal"), request(2**63 + 3, samples=5001)]
    clips = generated(fitted, requests, context)
    assert [clip.shape for clip in clips] == [(SAMPLES,), (SAMPLES,), (5001,)]
    assert all(np.isfinite(clip).all() and np.std(clip) > 1e-4 for clip in clips)
    (alone,) = generated(fitted, requests[1:2], context)
    np.testing.assert_allclose(alone, clips[1], atol=2e-3 * np.abs(alone).max())
    (other,) = generated(fitted, [request(7, "normal")], context)
    assert not np.allclose(alone, other, atol=0.1 * np.abs(alone).max())


def test_its_default_is_one_mean_and_deviation_on_patches(fitted, tmp_path):
    folder = tmp_path / "saved"
    folder.mkdir()
    fitted.save(folder)
    card = json.loads((folder / "card.json").read_text())
    assert card["codec"] == dict(MelPatchCodec().identity())
    assert card["statistics"]["normalization"] == "global"
    assert card["settings"]["layout"] == "16x8"


def test_saved_and_loaded_it_makes_the_same_clips(fitted, context, tmp_path):
    folder = tmp_path / "saved"
    folder.mkdir()
    fitted.save(folder)
    assert {path.suffix for path in folder.iterdir()} == {".json", ".safetensors", ".csv"}
    loaded = MelLDM.load(folder, fitted.params, context)
    before, after = (generated(model, [request()], context)[0] for model in (fitted, loaded))
    np.testing.assert_array_equal(before, after)
    with_checkpoint = MelLDM(MelLDMParams(checkpoint=folder, steps=2))
    with_checkpoint.fit(clip_pool(6), context)
    np.testing.assert_array_equal(after, generated(with_checkpoint, [request()], context)[0])


def test_a_checkpoint_can_be_given_a_vocoder_later(fitted, context, tmp_path):
    folder = tmp_path / "saved"
    folder.mkdir()
    fitted.save(folder)
    vocoder = save_vocoder(tmp_path / "vocoder")
    sounding = MelLDM(MelLDMParams(checkpoint=folder, vocoder=vocoder, steps=2))
    sounding.fit(clip_pool(6), context)
    plain, voiced = (generated(model, [request()], context)[0] for model in (fitted, sounding))
    assert plain.shape == voiced.shape
    assert not np.allclose(plain, voiced, atol=1e-3)


def test_training_by_command_gives_a_checkpoint(context, tmp_path):
    folder = tmp_path / "trained"
    folder.mkdir()
    params = MelLDMParams(**PARAMS)
    pool = clip_pool()
    MelLDM(params).train(
        "generator", pool.subset(range(9)), pool.subset(range(9, 12)), folder, context
    )
    generator = MelLDM(MelLDMParams(checkpoint=folder, steps=2))
    generator.fit(pool, context)
    assert generated(generator, [request()], context)[0].shape == (SAMPLES,)
    assert list(MelLDM.trainable) == ["generator"]


def test_a_round_trip_keeps_length_and_spectrum(fitted, context):
    pool = clip_pool(2, (SAMPLES, 5001))
    batches = list(fitted.roundtrip(pool, [1, 2], context))
    codec = MelPatchCodec()
    for index, batch in enumerate(batches):
        before, after = (torch.from_numpy(x)[None] for x in (pool.audio(index), batch.audio[0]))
        assert batch.sample_rate == RATE
        assert before.shape == after.shape
        change = codec.encode(after) - codec.encode(before)
        assert change.mean(-1).abs().mean() < 1.0  # dB, mean of each band


def test_the_checkpoint_of_another_generator_is_refused(fitted, context, tmp_path):
    other = MIMIIGen(MIMIIGenParams(**PARAMS))
    (context.scratch / "other").mkdir()
    other.fit(clip_pool(), Context(4, context.scratch / "other"))
    folders = [tmp_path / "mel-ldm", tmp_path / "mimii-gen"]
    for folder, generator in zip(folders, (fitted, other), strict=True):
        folder.mkdir()
        generator.save(folder)
    with pytest.raises(WeightsError, match="codec 'mel', not on the spectrograms of mel-ldm"):
        MelLDM.load(folders[1], MelLDMParams(), context)
    with pytest.raises(Exception, match="codec") as error:
        MIMIIGen.load(folders[0], MIMIIGenParams(), context)
    assert "mel-patches" in str(error.value)


def test_it_speaks_under_its_own_name(context):
    with pytest.raises(PluginError, match="mel-ldm is not fitted"):
        generated(MelLDM(MelLDMParams()), [request()], context)
