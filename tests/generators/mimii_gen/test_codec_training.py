from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from asdbench.api import Condition, Context
from asdbench.clips import ClipPool
from asdbench.errors import DataError
from asdbench.generators.mimii_gen import codec_quantizer
from asdbench.generators.mimii_gen.codec_losses import (
    Balancer,
    SpectralLoss,
    adversarial_loss,
    discriminator_loss,
    feature_loss,
)
from asdbench.generators.mimii_gen.codec_training import CodecSettings, train_codec
from asdbench.generators.mimii_gen.discriminator import Discriminator
from asdbench.generators.mimii_gen.encodec_codec import EncodecCodec

RATE = 4000
TINY = CodecSettings(
    filters=2, ratios=(4, 2), steps=6, batch=2, seconds=0.1, save_every=2, validate_every=3
)
ADVERSARIAL = replace(TINY, adversarial_from=2, discriminator_filters=2)
QUANTIZED = replace(TINY, codebooks=3, codebook_size=16)


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Tensors this small only wait for a second thread."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def clips(count: int = 6, samples: int = 2000, seed: int = 0) -> ClipPool:
    """Hums of several speeds in noise."""
    rng = np.random.default_rng(seed)
    time = np.arange(samples) / RATE
    audio = [
        (0.3 * np.sin(2 * np.pi * 60 * (1 + i) * time) + 0.02 * rng.normal(size=samples)).astype(
            np.float32
        )
        for i in range(count)
    ]
    conditions = [Condition("fan", f"{i:02d}") for i in range(count)]
    return ClipPool.from_arrays(audio, RATE, conditions, ["normal"] * count)


def context(folder: Path, **settings: Any) -> Context:
    return Context(seed=5, scratch=folder, **settings)


def train(folder: Path, settings: CodecSettings, **lent: Any) -> Any:
    return train_codec(clips(), clips(2, seed=1), folder, settings, context(folder, **lent))


class KilledError(Exception):
    """Stands for a kill: nothing is cleaned up on the way out."""


def killed_after(folder: Path, settings: CodecSettings, steps: int) -> None:
    def progress(done: int, total: int, what: str) -> None:
        if done == steps:
            raise KilledError

    with pytest.raises(KilledError):
        train(folder, settings, progress=progress)


@pytest.mark.slow
@pytest.mark.parametrize("settings", [TINY, ADVERSARIAL, QUANTIZED])
def test_a_killed_training_gives_the_same_bits(tmp_path: Path, settings: CodecSettings) -> None:
    through = train(tmp_path / "through", settings)
    for steps in (1, 3, 5):  # before any state, between two, in the last stretch
        killed_after(tmp_path / "killed", settings, steps)
    resumed = train(tmp_path / "killed", settings)
    weights = [
        (tmp_path / name / "model.safetensors").read_bytes() for name in ("through", "killed")
    ]
    assert weights[0] == weights[1]
    assert resumed["log"] == through["log"]
    assert sorted(path.name for path in (tmp_path / "killed").iterdir()) == [
        "card.json",
        "config.json",
        "model.safetensors",
    ]


@pytest.mark.parametrize("settings", [TINY, QUANTIZED])
def test_the_folder_is_a_codec(tmp_path: Path, settings: CodecSettings) -> None:
    card = train(tmp_path / "codec", settings)
    codec = EncodecCodec.load(tmp_path / "codec")
    assert codec.identity() == card["codec"]
    assert codec.sample_rate == RATE
    assert codec.hop == 8
    audio = torch.from_numpy(clips().audio(0))[None]
    latents = codec.encode(audio)
    assert latents.shape == (1, 128, 250)
    assert torch.isfinite(codec.decode(latents, 2000, [0])).all()
    if settings.codebooks:
        assert codec.bandwidth == pytest.approx(3 * 4 * 500 / 1000)
        assert len(codec.model.quantizer.layers) == 3
        assert codec.model.quantizer.layers[0].codebook.embed.std() > 0
    else:
        assert codec.bandwidth is None


def test_the_card_says_what_was_done(tmp_path: Path) -> None:
    card = train(tmp_path / "codec", ADVERSARIAL)
    assert card == json.loads((tmp_path / "codec" / "card.json").read_text())
    assert card["seed"] == 5
    assert card["settings"]["steps"] == 6
    assert card["data"]["clips"] == 6
    assert card["data"]["seconds"] == 3.0
    assert [entry["step"] for entry in card["log"]] == [3, 6]
    assert {"held_out_spectrum", "spectrum", "waveform", "adversarial", "features"} <= card["log"][
        -1
    ].keys()
    assert {"torch", "transformers", "python"} == card["versions"].keys()
    assert str(tmp_path) not in json.dumps(card)


def test_a_finished_training_is_not_repeated(tmp_path: Path) -> None:
    card = train(tmp_path / "codec", TINY)
    before = (tmp_path / "codec" / "model.safetensors").stat().st_mtime_ns
    assert train(tmp_path / "codec", TINY) == card
    assert (tmp_path / "codec" / "model.safetensors").stat().st_mtime_ns == before


def test_a_kill_while_the_result_is_written_is_mended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "codec"
    replace_file = os.replace

    def killed(source: Path, target: Path) -> None:
        if Path(target).name == "card.json":
            raise KilledError
        replace_file(source, target)

    monkeypatch.setattr(os, "replace", killed)
    with pytest.raises(KilledError):
        train(folder, TINY)
    assert not (folder / "card.json").exists()
    monkeypatch.undo()
    train(folder, TINY)
    assert sorted(path.name for path in folder.iterdir()) == [
        "card.json",
        "config.json",
        "model.safetensors",
    ]


@pytest.mark.slow
def test_the_loss_falls(tmp_path: Path) -> None:
    settings = replace(TINY, filters=4, steps=100, validate_every=10)
    log = train(tmp_path / "codec", settings)["log"]
    distances = [entry["held_out_spectrum"] for entry in log]
    assert distances[-1] < 0.85 * distances[0]
    assert log[-1]["spectrum"] < log[0]["spectrum"]


def test_seeds_and_data_make_a_difference(tmp_path: Path) -> None:
    first = train(tmp_path / "a", TINY)
    other = train_codec(
        clips(seed=9), clips(2), tmp_path / "b", TINY, Context(seed=5, scratch=tmp_path)
    )
    seed = train_codec(clips(), clips(2), tmp_path / "c", TINY, Context(seed=6, scratch=tmp_path))
    assert len({card["codec"]["weights"] for card in (first, other, seed)}) == 3
    assert first["data"]["sha256"] == seed["data"]["sha256"] != other["data"]["sha256"]


def test_global_random_state_is_left_alone(tmp_path: Path) -> None:
    before = torch.get_rng_state()
    train(tmp_path / "codec", QUANTIZED)
    assert torch.equal(torch.get_rng_state(), before)


def test_refuses_the_work_of_another_call(tmp_path: Path) -> None:
    killed_after(tmp_path / "codec", TINY, 5)
    with pytest.raises(DataError, match="training with other settings"):
        train(tmp_path / "codec", replace(TINY, batch=3))
    train(tmp_path / "codec", TINY)
    with pytest.raises(DataError, match="other seed, data"):
        train_codec(
            clips(seed=9),
            clips(2),
            tmp_path / "codec",
            TINY,
            Context(seed=6, scratch=tmp_path),
        )


def test_refuses_a_truncated_state(tmp_path: Path) -> None:
    killed_after(tmp_path / "codec", TINY, 3)
    state = tmp_path / "codec" / "state.safetensors"
    state.write_bytes(state.read_bytes()[:-10])
    with pytest.raises(DataError, match="is truncated or damaged"):
        train(tmp_path / "codec", TINY)


def test_refuses_short_clips_and_none(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"clip 0 \(fan/00/-/-\) has 300 samples, fewer than"):
        train_codec(clips(1, 300), clips(1), tmp_path / "a", TINY, context(tmp_path))
    with pytest.raises(DataError, match="no held-out clip"):
        train_codec(clips(1), clips(1, 300), tmp_path / "b", TINY, context(tmp_path))
    with pytest.raises(DataError, match="no clip to train"):
        train_codec(clips().subset([]), clips(1), tmp_path / "c", TINY, context(tmp_path))
    with pytest.raises(DataError, match="has no sample at 4000 Hz"):
        train(tmp_path / "d", replace(TINY, seconds=1e-5))


def test_stops_when_a_loss_is_not_finite(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="not finite at step"):
        train(tmp_path / "codec", replace(TINY, learning_rate=1e30))
    assert not (tmp_path / "codec" / "card.json").exists()


@pytest.mark.parametrize(
    "wrong",
    [{"steps": 0}, {"codebook_size": 100}, {"ema": 1.0}, {"ratios": ()}, {"seconds": 0.0}],
)
def test_refuses_settings_out_of_range(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        replace(TINY, **wrong)


@pytest.mark.parametrize("codebooks", range(1, 33))
def test_bandwidths_name_every_number_of_codebooks(codebooks: int) -> None:
    from transformers import EncodecConfig

    bandwidth = codebooks * 10 * 50 / 1000
    config = EncodecConfig(sampling_rate=16000, target_bandwidths=[bandwidth])
    assert config.num_quantizers == codebooks


# Losses


def wave(seed: int, scale: float = 0.1) -> torch.Tensor:
    return scale * torch.randn(2, 6000, generator=torch.Generator().manual_seed(seed))


def test_spectral_distance_is_zero_for_equal_sound_and_blind_to_sign() -> None:
    loss = SpectralLoss(16000)
    assert float(loss(wave(1), wave(1))) == 0.0
    assert float(loss(-wave(1), wave(1))) < 1e-5
    assert float(loss(wave(2), wave(1))) > 0.5


def test_spectral_distance_of_levels_is_their_log_ratio() -> None:
    # Each window gives convergence |1 - g|, and |ln g| for magnitudes and again for mel bands.
    gain = 0.5
    distance = float(SpectralLoss(16000)(gain * wave(1), wave(1)))
    assert distance == pytest.approx((1 - gain) - 2 * np.log(gain), rel=1e-3)


def test_spectral_distance_has_a_finite_slope_for_silence() -> None:
    silent = torch.zeros(1, 4000, requires_grad=True)
    SpectralLoss(16000)(silent, wave(1)[:1, :4000]).backward()
    assert torch.isfinite(silent.grad).all()


def test_hinge_losses() -> None:
    real, decoded = [torch.tensor([2.0, 0.5])], [torch.tensor([-3.0, 0.0])]
    assert float(discriminator_loss(real, decoded)) == pytest.approx(0.25 + 0.5)
    assert float(adversarial_loss(decoded)) == pytest.approx(2.5)
    features = [[torch.tensor([2.0, -2.0])]]
    assert float(feature_loss(features, [[torch.tensor([2.0, -1.0])]])) == pytest.approx(0.25)


def test_a_discriminator_learns_to_tell_noise_from_a_tone() -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = Discriminator(4, windows=(256, 128))
    tone = torch.sin(torch.arange(4000) * 0.3).expand(2, -1)
    optimizer = torch.optim.Adam(network.parameters(), 1e-2)
    logits, features = network(tone)
    assert [len(layers) for layers in features] == [5, 5]
    assert logits[0].shape == (2, 1, 63, 17)  # frames, and 129 bins halved three times
    for step in range(30):
        optimizer.zero_grad()
        loss = discriminator_loss(network(tone)[0], network(wave(step, 1.0)[:, :4000])[0])
        loss.backward()
        optimizer.step()
        if step == 0:
            first = float(loss.detach())
    assert float(loss.detach()) < 0.5 * first


def test_balanced_gradients_have_the_shares_of_their_weights() -> None:
    balancer = Balancer({"a": 3.0, "b": 1.0})
    output = torch.zeros(1, 2, requires_grad=True)
    slope = torch.tensor([[1000.0, 0.0]]), torch.tensor([[0.0, 1e-4]])
    losses = {"a": (output * slope[0]).sum(), "b": (output * slope[1]).sum()}
    assert torch.allclose(balancer.gradient(losses, output), torch.tensor([[0.75, 0.25]]))
    # A loss whose slope doubles counts for more than its share until the running mean follows.
    losses = {"a": (output * 2 * slope[0]).sum(), "b": (output * slope[1]).sum()}
    mixed = balancer.gradient(losses, output)
    assert float(mixed[0, 0]) == pytest.approx(0.75 * 2 / 1.5, rel=1e-3)
    # Alone, a loss takes all.
    assert torch.allclose(balancer.gradient({"b": losses["b"]}, output), torch.tensor([[0.0, 1.0]]))


def test_codebooks_approach_what_they_quantize_and_gradients_pass() -> None:
    from transformers import EncodecConfig

    from asdbench.generators.mimii_gen.encodec_meta import new_model

    model = new_model(EncodecConfig(num_filters=2, codebook_size=16, target_bandwidths=[0.6]))
    layers = model.quantizer.layers
    assert len(layers) == 2
    codec_quantizer.prepare(layers)
    generator, rng = torch.Generator().manual_seed(1), np.random.default_rng(1)
    centers = 5 * torch.randn(16, 128, generator=generator)
    errors = []
    for _ in range(60):
        picked = torch.randint(16, (2, 40), generator=generator)
        noise = 0.1 * torch.randn(2, 128, 40, generator=generator)
        latents = (centers[picked].transpose(1, 2) + noise).requires_grad_()
        quantized, commitment = codec_quantizer.straight_through(layers, latents, rng)
        errors.append(float((quantized - latents).detach().square().mean()))
    assert errors[-1] < 0.3 * errors[0]
    (slope,) = torch.autograd.grad((3 * quantized).sum() + 0 * commitment, latents)
    assert torch.allclose(slope, torch.full_like(slope, 3.0))
    assert commitment.requires_grad
