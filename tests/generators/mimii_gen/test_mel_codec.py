"""The mel codec keeps band levels, the level of a clip and its length."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from asdbench.features import LogMelSpec, log_mel
from asdbench.generators.mimii_gen.mel_codec import MelCodec

RATE = 16_000


def waves(samples: int = 2 * RATE) -> dict[str, torch.Tensor]:
    """Noise, a tone in noise, and clicks in faint noise, each (1, samples)."""
    rng = np.random.default_rng(0)
    time = np.arange(samples) / RATE
    noise = rng.standard_normal(samples)
    clicks = 0.01 * rng.standard_normal(samples)
    for start in range(2000, samples - 200, 4000):
        clicks[start : start + 200] += 0.5 * np.exp(-np.arange(200) / 30) * noise[:200]
    made = {
        "noise": 0.05 * noise,
        "quiet noise": 0.0005 * noise,
        "tone": 0.05 * np.sin(2 * np.pi * 440 * time) + 0.01 * noise,
        "clicks": clicks,
    }
    return {name: torch.from_numpy(wave.astype(np.float32))[None] for name, wave in made.items()}


def level_db(audio: torch.Tensor) -> float:
    return 10 * float(audio.square().mean().log10())


def test_latents_are_the_frames_of_the_baselines() -> None:
    for wave in waves().values():
        frames = log_mel([wave[0].numpy()], RATE, LogMelSpec()).values.T
        np.testing.assert_allclose(MelCodec().encode(wave)[0].numpy(), frames, atol=1e-3)


@pytest.mark.parametrize("kind", ["noise", "quiet noise", "tone", "clicks"])
def test_a_round_trip_keeps_the_level_of_every_band_and_of_the_clip(kind: str) -> None:
    codec, wave = MelCodec(), waves()[kind]
    latents = codec.encode(wave)
    decoded = codec.decode(latents, wave.shape[1], [3])
    change = codec.encode(decoded) - latents
    assert change.mean(-1).abs().mean() < 0.5  # dB, averages over time
    assert change.abs().mean() < 1.0
    assert abs(level_db(decoded) - level_db(wave)) < 0.3


@pytest.mark.parametrize("kind", ["noise", "quiet noise", "clicks"])
def test_a_round_trip_keeps_the_fluctuations_of_noise(kind: str) -> None:
    """An autoencoder hears clips that are smoother than real ones, and calls them normal."""
    codec, wave = MelCodec(), waves(10 * RATE)[kind]
    latents = codec.encode(wave)
    again = codec.encode(codec.decode(latents, wave.shape[1], [3]))
    ratio = again.std(-1) / latents.std(-1)  # of each band, over time
    assert float(ratio.mean()) == pytest.approx(1.0, abs=0.02)
    assert (ratio - 1).abs().max() < 0.06
    plain = MelCodec(sharpen=0.0)
    smooth = codec.encode(plain.decode(latents, wave.shape[1], [3])).std(-1) / latents.std(-1)
    assert smooth.mean() < ratio.mean() - 0.01


def test_nothing_is_left_of_the_noise_in_bins_that_no_band_reaches() -> None:
    """The bins at 0 Hz and at half the rate are in no mel filter."""
    codec, wave = MelCodec(), waves()["quiet noise"]
    decoded = codec.decode(codec.encode(wave), wave.shape[1], [3])
    before, after = (codec._spectrum(w).abs().square().mean(-1)[0] for w in (wave, decoded))
    change = 10 * (after / before).log10()
    assert change[[0, 1, -2, -1]].max() < 6.0


@pytest.mark.parametrize("samples", [700, 8192, 8192 + 256, 8192 + 430, 8192 + 500, 8192 + 511])
def test_any_length_comes_back_without_a_click_at_its_end(samples: int) -> None:
    """The last window alone reaches the last samples; dividing by it would blow them up."""
    codec, wave = MelCodec(), waves()["noise"][:, :samples]
    latents = codec.encode(wave)
    assert latents.shape == (1, 128, codec.frames(samples))
    decoded = codec.decode(latents, samples, [3])
    assert decoded.shape == (1, samples)
    assert decoded[0, -20:].abs().max() < 6 * 0.05
    assert abs(level_db(decoded) - level_db(wave)) < 0.3


def test_a_decoded_clip_depends_on_its_latents_and_seed_alone() -> None:
    codec, made = MelCodec(), waves()
    latents = torch.cat([codec.encode(wave) for wave in made.values()])
    seeds = [5, 2**64 - 1, 7, 2**63 + 5]
    together = codec.decode(latents, 2 * RATE, seeds)
    assert torch.equal(together, codec.decode(latents, 2 * RATE, seeds))
    for index, seed in enumerate(seeds):
        alone = codec.decode(latents[index : index + 1], 2 * RATE, [seed])
        assert torch.allclose(alone[0], together[index], atol=1e-5)
    other = codec.decode(latents[:1], 2 * RATE, [6])
    assert (other - together[:1]).abs().max() > 0.05


def test_the_global_random_state_is_left_alone() -> None:
    codec, wave = MelCodec(), waves()["noise"]
    torch.manual_seed(1)
    state = torch.get_rng_state()
    codec.decode(codec.encode(wave), wave.shape[1], [3])
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("level", [0.0, 1e-9, 1.0])
def test_silence_and_full_scale_stay_finite(level: float) -> None:
    codec = MelCodec()
    wave = level * waves()["noise"] / 0.25
    latents = codec.encode(wave)
    assert latents.isfinite().all()
    decoded = codec.decode(latents, wave.shape[1], [1])
    assert decoded.isfinite().all()
    if level < 1.0:
        assert level_db(decoded) < -80
    half_silent = torch.cat([wave[:, :RATE], torch.zeros(1, RATE)], dim=1)
    assert codec.decode(codec.encode(half_silent), 2 * RATE, [1]).isfinite().all()


def test_other_settings_are_another_codec_that_can_be_made_again() -> None:
    codec = MelCodec(8000, n_fft=512, hop=160, iterations=3)
    again = MelCodec(**codec.settings())
    assert again.identity() == codec.identity() != MelCodec().identity()
    wave = waves()["noise"][:, :4000]
    assert codec.encode(wave).shape == (1, 128, 26)
    decoded = codec.decode(codec.encode(wave), 4000, [1])
    assert torch.equal(decoded, again.decode(again.encode(wave), 4000, [1]))
