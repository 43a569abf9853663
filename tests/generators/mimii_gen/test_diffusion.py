"""The forward process: schedule, targets, weights, timesteps."""

from __future__ import annotations

import math

import pytest
import torch

from asdbench.generators.mimii_gen.diffusion import (
    TIMESTEPS,
    Prediction,
    SamplerName,
    add_noise,
    alphas_cumprod,
    make_scheduler,
    stratified_timesteps,
    target,
    weights,
)


def noise(seed: int) -> torch.Tensor:
    return torch.randn(5, 16, 8, 4, generator=torch.Generator().manual_seed(seed)).double()


LEVELS = torch.tensor([0.999, 0.9, 0.5, 0.1, 0.001], dtype=torch.float64)


def test_the_schedule_is_the_cosine_and_ends_in_pure_noise() -> None:
    levels = alphas_cumprod().double()
    assert levels.shape == (TIMESTEPS,)
    assert (levels.diff() < 0).all()
    time = torch.arange(1, TIMESTEPS + 1, dtype=torch.float64) / TIMESTEPS

    def cosine(t: torch.Tensor) -> torch.Tensor:
        return torch.cos((t + 0.008) / 1.008 * math.pi / 2) ** 2

    wanted = cosine(time) / cosine(torch.zeros(1, dtype=torch.float64))
    assert torch.allclose(levels[:-5], wanted[:-5], rtol=1e-3)  # the last steps are capped
    snr = levels / (1 - levels)
    assert snr[-1] < 1e-8
    assert snr[0] > 1e4


@pytest.mark.parametrize("prediction", ["v", "epsilon"])
def test_the_image_can_be_recovered_from_the_target(prediction: Prediction) -> None:
    image, eps = noise(0), noise(1)
    noisy = add_noise(image, eps, LEVELS)
    said = target(image, eps, LEVELS, prediction)
    alpha, sigma = (part.sqrt().reshape(-1, 1, 1, 1) for part in (LEVELS, 1 - LEVELS))
    found = alpha * noisy - sigma * said if prediction == "v" else (noisy - sigma * said) / alpha
    assert torch.allclose(found, image, atol=1e-10)


@pytest.mark.parametrize("sampler", ["ddim", "ddpm"])
@pytest.mark.parametrize("prediction", ["v", "epsilon"])
def test_schedulers_read_the_target_as_it_is_meant(
    sampler: SamplerName, prediction: Prediction
) -> None:
    """One step from the right prediction recovers the image."""
    scheduler = make_scheduler(sampler, 10, prediction)
    image, eps = noise(0)[:1].float(), noise(1)[:1].float()
    step = scheduler.timesteps[4]
    level = alphas_cumprod()[step].reshape(1)
    noisy = add_noise(image, eps, level)
    said = target(image, eps, level, prediction)
    found = scheduler.step(said, step, noisy).pred_original_sample
    assert torch.allclose(found, image, atol=1e-4)


def test_velocity_has_unit_variance_at_every_level() -> None:
    generator = torch.Generator().manual_seed(0)
    image, eps = (torch.randn(4, 16, 8, 400, generator=generator) for _ in range(2))
    level = torch.tensor([0.999, 0.7, 0.3, 0.001])
    variances = target(image, eps, level, "v").var((1, 2, 3))
    assert (variances - 1).abs().max() < 0.05


def test_min_snr_weights_are_those_of_the_paper() -> None:
    snr = LEVELS / (1 - LEVELS)
    limited = torch.tensor([min(float(value), 5.0) for value in snr], dtype=torch.float64)
    assert torch.allclose(weights(LEVELS, "epsilon", 5.0), limited / snr)
    assert torch.allclose(weights(LEVELS, "v", 5.0), limited / (snr + 1))
    assert torch.equal(weights(LEVELS, "v", None), torch.ones(5, dtype=torch.float64))
    floored = weights(LEVELS, "v", 5.0, 0.25)
    assert torch.equal(floored, weights(LEVELS, "v", 5.0).clamp(min=0.25))
    assert float(weights(LEVELS, "v", 5.0).min()) < 0.25


def test_both_weightings_are_one_loss_on_the_image() -> None:
    """The same error of the image costs the same, however it is parametrized."""
    image, eps, wrong = noise(0), noise(1), noise(2)
    off = image + 0.1 * wrong
    alpha, sigma = (part.sqrt().reshape(-1, 1, 1, 1) for part in (LEVELS, 1 - LEVELS))
    noisy = add_noise(image, eps, LEVELS)
    heard = (noisy - alpha * off) / sigma  # the noise that belongs to the wrong image
    losses = []
    for prediction in ("v", "epsilon"):
        errors = target(off, heard, LEVELS, prediction) - target(image, eps, LEVELS, prediction)
        squared = errors.square().mean((1, 2, 3))
        losses.append(weights(LEVELS, prediction, 5.0) * squared)
    assert torch.allclose(losses[0], losses[1], rtol=1e-6)


def test_timesteps_are_stratified_and_uniform() -> None:
    generator = torch.Generator().manual_seed(0)
    drawn = torch.stack([stratified_timesteps(8, generator) for _ in range(4000)])
    assert drawn.dtype == torch.int64
    assert (drawn.sort(1).values // (TIMESTEPS // 8) == torch.arange(8)).all()  # one in each part
    assert drawn.min() == 0
    assert drawn.max() == TIMESTEPS - 1
    counts = torch.bincount(drawn.flatten(), minlength=TIMESTEPS).double()
    expected = drawn.numel() / TIMESTEPS
    chi2 = float(((counts - expected) ** 2 / expected).sum())
    assert chi2 < TIMESTEPS + 5 * math.sqrt(2 * TIMESTEPS)
    first = torch.bincount(drawn[:, 0] // 125, minlength=8)  # the order is random too
    assert (first > 400).all()


@pytest.mark.parametrize("sampler", ["unipc", "dpm-solver++", "sde-dpm-solver++", "ddim", "ddpm"])
def test_every_sampler_begins_at_pure_noise(sampler: SamplerName) -> None:
    for steps in (2, 16, 25):
        scheduler = make_scheduler(sampler, steps, "v")
        assert int(scheduler.timesteps[0]) == TIMESTEPS - 1
        assert len(scheduler.timesteps) == steps
        assert torch.allclose(scheduler.alphas_cumprod, alphas_cumprod())
