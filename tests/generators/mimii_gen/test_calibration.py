"""Calibration gives generated latents the statistics of training clips, and no more."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny_diffusion
import torch

from asdbench.api import Condition, no_progress
from asdbench.generators.mimii_gen import calibrating
from asdbench.generators.mimii_gen.calibrating import Cell, calibrate, combine
from asdbench.generators.mimii_gen.calibration import ROWS, Calibration
from asdbench.generators.mimii_gen.latent_cache import LatentSet
from asdbench.generators.mimii_gen.latents import Statistics
from asdbench.generators.mimii_gen.model import LatentDiffusion
from asdbench.generators.mimii_gen.moments import Moments
from asdbench.generators.mimii_gen.prompt import Prompt
from asdbench.generators.mimii_gen.sampling import Sampling

FRAMES, CLIPS = 160, 40
HOW = Sampling("unipc", 16)
UNIT = Statistics("dimension", ("*",), torch.zeros(1, 128), torch.ones(1, 128))
Maker = Callable[[int], torch.Tensor]


def maker(number: int, scale: float = 1.0) -> Maker:
    """Return a source of clips (128, FRAMES): clip means, slow and fast parts of its own kind."""
    rng = np.random.default_rng(number)
    mean, between = -40 + 5 * rng.standard_normal(128), 0.5 + 0.2 * rng.random(128)
    slow = scale * (1.0 + 0.2 * rng.random(128))
    mixing = scale * (2 * np.eye(128) + 2 * rng.standard_normal((128, 128)) / np.sqrt(128))

    def make(seed: int) -> torch.Tensor:
        draw = np.random.default_rng([number, seed])
        drift = np.cumsum(draw.standard_normal((128, FRAMES)), axis=1) / 12
        drift -= drift.mean(axis=1, keepdims=True)
        noise = mixing @ draw.standard_normal((128, FRAMES))
        level = mean + between * draw.standard_normal(128)
        made = level[:, None] + slow[:, None] * drift + noise
        return torch.from_numpy(made.astype(np.float32))

    return make


def training_set(makers: Sequence[Maker]) -> LatentSet:
    """Return :data:`CLIPS` clips of each maker: normals, then anomalies, of one section."""
    clips = [make(seed) for make in makers for seed in range(CLIPS)]
    labels = tuple(label for label in ("normal", "anomaly")[: len(makers)] for _ in range(CLIPS))
    return LatentSet(
        torch.stack(clips).numpy().astype(np.float16),
        np.full(len(clips), FRAMES),
        (tiny_diffusion.CONDITIONS[0],) * len(clips),
        labels,  # type: ignore[arg-type]
        ("",) * len(clips),
        np.zeros(len(clips)),
    )


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> LatentDiffusion:
    tiny_diffusion.use_tiny(monkeypatch)
    made = tiny_diffusion.tiny_model(tiny_diffusion.latent_set(tmp_path / "latents"))
    return replace(made, statistics=UNIT)


@pytest.fixture
def measure(
    model: LatentDiffusion, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Callable[..., tuple[Calibration, list[torch.Tensor], list[Prompt]]]:
    """Calibrate with makers in the place of the model; also return what they made."""

    def run(real: Sequence[Maker], made: Sequence[Maker]) -> Any:
        drawn: list[torch.Tensor] = []
        asked: list[Prompt] = []

        def sample(
            _: LatentDiffusion,
            prompts: Sequence[Prompt],
            frames: int,
            seeds: Sequence[int],
            how: Any,
        ) -> torch.Tensor:
            assert frames == FRAMES
            assert how == HOW
            clips = [made[p.label == "anomaly"](s) for p, s in zip(prompts, seeds, strict=True)]
            drawn.extend(clips)
            asked.extend(prompts)
            return torch.stack(clips)

        monkeypatch.setattr(calibrating, "sample", sample)
        train = training_set(real)
        kept = tmp_path / "calibration"
        return calibrate(model, train, HOW, CLIPS, 0, kept, no_progress), drawn, asked

    return run


def variances(clips: Sequence[torch.Tensor]) -> Any:
    """Return the variance of every row over all frames, (128,)."""
    return torch.cat([clip.double() for clip in clips], dim=-1).var(-1).numpy()


def off(found: Any, wanted: Any) -> float:
    """Return the distance relative to the size of ``wanted``."""
    return float(np.linalg.norm(found - wanted) / np.linalg.norm(wanted))


def test_generated_latents_get_mean_and_covariance_of_training_clips(measure: Any) -> None:
    real, made = [maker(1), maker(2)], [maker(3, 0.9), maker(4, 1.1)]
    found, drawn, asked = measure(real, made)
    train = training_set(real)
    applied = found.apply(torch.stack(drawn), asked, UNIT)
    for label in ("normal", "anomaly"):
        mine = [i for i, p in enumerate(asked) if p.label == label]
        wanted = [train.clip(i) for i in range(len(train)) if train.labels[i] == label]
        before, after, goal = (
            Moments.of(clips)
            for clips in ([drawn[i] for i in mine], [applied[i] for i in mine], wanted)
        )
        assert off(variances([applied[i] for i in mine]), variances(wanted)) < 0.05
        assert off(variances([drawn[i] for i in mine]), variances(wanted)) > 0.1
        assert np.abs(before.mean - goal.mean).max() > 5
        assert np.abs(after.mean - goal.mean).max() < 0.05
        along = torch.linalg.svd(torch.from_numpy(goal.means - goal.mean))[2][:8].numpy()
        spread = [((m.means - m.mean) @ along.T).std(axis=0) for m in (before, after, goal)]
        assert off(spread[1], spread[2]) < 0.02
        assert off(spread[0], spread[2]) > 0.1
        assert off(after.slow, goal.slow) < 0.05
        assert off(after.fast, goal.fast) < 0.05
        assert off(before.fast, goal.fast) > 0.1


def test_what_matches_already_is_left_as_it_is(measure: Any, model: LatentDiffusion) -> None:
    source = maker(1)
    seeds = iter(range(CLIPS))

    def same(_: int) -> torch.Tensor:
        return source(next(seeds)).half().float()

    found, drawn, asked = measure([source], [same])
    latents = torch.stack(drawn)
    for factors in (found.rows["normal"].values[0, 2:], found.gains):
        assert torch.allclose(factors, torch.ones_like(factors), atol=1e-3)
    assert (found.apply(latents, asked, UNIT) - latents).abs().max() < 0.01


def test_factors_are_limited(measure: Any) -> None:
    found, _, _ = measure([maker(1)], [maker(2, 0.2)])
    factors = found.rows["normal"].values[:, 2:]
    assert factors.max() == 2.0
    assert factors.min() >= 0.5


def test_groups_that_were_not_measured_are_left_alone(measure: Any, model: LatentDiffusion) -> None:
    found, _, _ = measure([maker(1)], [maker(2)])
    other = [
        model.prompt(tiny_diffusion.CONDITIONS[0], "anomaly"),
        model.prompt(tiny_diffusion.CONDITIONS[2], "normal"),
        model.prompt(tiny_diffusion.CONDITIONS[1], "normal"),
    ]
    latents = torch.stack([maker(2)(seed) for seed in range(3)])
    applied = found.apply(latents, other, UNIT)
    assert torch.equal(applied[:2], latents[:2])
    assert (applied[2] - latents[2]).abs().max() > 1  # vel is no part of a group


def test_a_clip_is_calibrated_on_its_own(measure: Any) -> None:
    found, drawn, asked = measure([maker(1), maker(2)], [maker(3), maker(4)])
    together = found.apply(torch.stack(drawn[36:44]), asked[36:44], UNIT)
    for index in range(8):
        alone = found.apply(drawn[36 + index][None], asked[36 + index : 37 + index], UNIT)
        assert torch.allclose(alone[0], together[index], atol=1e-3)
    longer = found.apply(torch.cat([drawn[0]] * 2, dim=-1)[None], asked[:1], UNIT)
    assert longer.shape == (1, 128, 2 * FRAMES)


def test_clips_made_from_normals_keep_their_means(measure: Any) -> None:
    found, drawn, asked = measure([maker(1)], [maker(2)])
    latents, whole = torch.stack(drawn), found.apply(torch.stack(drawn), asked, UNIT)
    texture = found.apply(latents, asked, UNIT, texture_only=True)
    means = [clips.mean(-1, keepdim=True) for clips in (latents, texture, whole)]
    assert torch.allclose(means[0], means[1], atol=0.05)
    assert (means[2] - means[0]).abs().max() > 5
    assert torch.allclose(texture - means[1], whole - means[2], atol=1e-3)


def test_it_belongs_to_the_sampler_it_was_measured_with(measure: Any) -> None:
    found, _, _ = measure([maker(1)], [maker(2)])
    assert found.fits(HOW)
    assert found.fits(replace(HOW, steps=25))
    assert not found.fits(replace(HOW, steps=8))
    assert not found.fits(replace(HOW, sampler="ddim"))
    assert not found.fits(replace(HOW, guidance=2.0))


def test_it_can_be_stored_and_read_back(measure: Any) -> None:
    import json

    found, drawn, asked = measure([maker(1), maker(2)], [maker(3), maker(4)])
    tensors = found.tensors()
    shapes = {name: value.shape for name, value in tensors.items()}
    assert shapes == Calibration.shapes(found.facts())
    again = Calibration.of(json.loads(json.dumps(found.facts())), tensors)
    assert again.facts() == found.facts()
    latents = torch.stack(drawn)
    assert torch.allclose(
        again.apply(latents, asked, UNIT), found.apply(latents, asked, UNIT), atol=0.1
    )
    for name, value in again.tensors().items():
        assert torch.equal(value, tensors[name]), name


def test_it_works_on_normalized_latents(measure: Any, model: LatentDiffusion) -> None:
    """Clips of other levels are calibrated as much as their deviations are larger."""
    found, drawn, asked = measure([maker(1)], [maker(3)])
    scaled = Statistics("dimension", ("*",), torch.full((1, 128), -40.0), torch.full((1, 128), 3.0))
    latents = torch.stack(drawn[:4])
    plain = found.apply(latents, asked[:4], UNIT)
    moved = found.apply(3 * latents - 40, asked[:4], scaled)
    assert torch.allclose(moved, 3 * plain - 40, atol=1e-2)


def cell(speed: str, real: float, made: float, clips: int = 8, shift: float = 0.0) -> Cell:
    """A condition whose real and generated clips fluctuate by these deviations."""
    condition = Condition("fan", "00", None, (("vel", speed),))
    rng = np.random.default_rng(int(speed))

    def drawn(deviation: float, level: float) -> Moments:
        noise = deviation * rng.standard_normal((clips, 128, FRAMES))
        means = level + 0.5 * rng.standard_normal((clips, 1, 1))
        return Moments.of(torch.from_numpy(noise + means).float())

    return Cell(condition, "normal", drawn(real, shift), drawn(made, 0.0))


def texture(found: Calibration, speed: str) -> float:
    """The deviation that ``found`` gives to noise of deviation 1."""
    noise = torch.randn(1, 128, 2000, generator=torch.Generator().manual_seed(0))
    condition = Condition("fan", "00", "source", (("vel", speed),))
    prompt = Prompt(condition, "normal", "")
    return float(found.apply(noise, [prompt], UNIT).std())


def test_each_condition_is_corrected_by_its_own_and_one_between_by_its_neighbors() -> None:
    found = combine([cell("10", 1.2, 1.0), cell("30", 0.8, 1.0)], HOW, 8)
    assert texture(found, "10") == pytest.approx(1.2, abs=0.03)
    assert texture(found, "30") == pytest.approx(0.8, abs=0.03)
    assert texture(found, "20") == pytest.approx(1.0, abs=0.03)
    assert texture(found, "90") == pytest.approx(0.8, abs=0.03)


def test_a_difference_of_means_counts_as_far_as_chance_does_not_explain_it() -> None:
    def shift(size: float, clips: int) -> float:
        made = combine([cell(str(10 * i), 1.0, 1.0, clips, size) for i in range(1, 9)], HOW, clips)
        return float(made.rows["normal"].values[:, ROWS.index("shift")].square().mean().sqrt())

    assert shift(3.0, 8) == pytest.approx(3.0, rel=0.1)
    assert shift(0.0, 3) < 0.15  # of 0.41, which chance makes
    assert shift(0.0, 60) < 0.1


def test_clip_means_deviate_as_in_training_along_their_main_directions_only() -> None:
    rng = np.random.default_rng(0)
    level = np.ones(128) / np.sqrt(128)
    flat = np.ones(128)

    def moments(size: float, rest: float) -> Moments:
        means = size * rng.standard_normal((400, 1)) * level
        return Moments(means + rest * rng.standard_normal((400, 128)), flat, flat)

    condition = Condition("fan", "00", None, ())
    found = combine([Cell(condition, "normal", moments(3.0, 0.1), moments(1.5, 0.1))], HOW, 400)
    assert float(found.gains[0, 0]) == pytest.approx(2.0, rel=0.1)
    assert abs(float(found.directions[0, 0] @ torch.from_numpy(level).float())) > 0.99
    tilt = torch.linspace(-1, 1, 128)[None, :, None].expand(1, 128, FRAMES)
    prompt = Prompt(condition, "normal", "")
    plain = found.apply(torch.zeros(1, 128, FRAMES), [prompt], UNIT)
    assert (found.apply(tilt, [prompt], UNIT) - plain - tilt).abs().max() < 0.2
    louder = found.apply(torch.ones(1, 128, FRAMES), [prompt], UNIT) - plain
    assert louder.mean() == pytest.approx(2.0, rel=0.1)


def test_what_was_measured_is_not_measured_again(
    model: LatentDiffusion, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    calls: list[int] = []

    def sample(
        _: LatentDiffusion, prompts: Sequence[Prompt], frames: int, seeds: Sequence[int], how: Any
    ) -> torch.Tensor:
        calls.append(len(prompts))
        return torch.stack([maker(2)(seed) for seed in seeds])

    monkeypatch.setattr(calibrating, "sample", sample)
    train = training_set([maker(1), maker(3)])
    first = calibrate(model, train, HOW, 3, 0, tmp_path, no_progress)
    assert calls == [3, 3]
    again = calibrate(model, train, HOW, 3, 0, tmp_path, no_progress)
    assert calls == [3, 3]
    for name, value in again.tensors().items():
        assert torch.equal(value, first.tensors()[name])
    damaged = sorted(tmp_path.glob("*.safetensors"))[0]
    damaged.write_bytes(damaged.read_bytes()[:50])
    calibrate(model, train, HOW, 3, 0, tmp_path, no_progress)
    assert calls == [3, 3, 3]
    with torch.no_grad():
        next(model.unet.parameters()).add_(1.0)
    calibrate(model, train, HOW, 3, 0, tmp_path, no_progress)
    assert calls == [3] * 5
