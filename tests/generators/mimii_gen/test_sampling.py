"""Sampling keeps the variance of noise, and a clip depends on its prompt and seed alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import tiny_diffusion
import torch
from torch import nn

from asdbench.generators.mimii_gen.diffusion import SamplerName, alphas_cumprod
from asdbench.generators.mimii_gen.latents import Statistics
from asdbench.generators.mimii_gen.model import LatentDiffusion
from asdbench.generators.mimii_gen.sampling import Sampling, sample

FRAMES = 21
Rule = Callable[[torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]


class Denoiser(nn.Module):
    """Says what ``rule`` says of the image, the timesteps (B, 1, 1, 1) and the text (B, L, d)."""

    config = SimpleNamespace(class_embed_type=None)

    def __init__(self, rule: Rule) -> None:
        super().__init__()
        self._rule = rule
        self._anchor = nn.Parameter(torch.zeros(1))  # tells the device
        self.calls: list[tuple[int, ...]] = []

    def forward(
        self, image: torch.Tensor, steps: torch.Tensor, text: torch.Tensor, **_: Any
    ) -> SimpleNamespace:
        self.calls.append(tuple(image.shape))
        return SimpleNamespace(sample=self._rule(image, steps.reshape(-1, 1, 1, 1), text))


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> LatentDiffusion:
    """A tiny random model whose statistics leave latents as they are."""
    tiny_diffusion.use_tiny(monkeypatch)
    made = tiny_diffusion.tiny_model(tiny_diffusion.latent_set(tmp_path / "latents"))
    groups = made.statistics.groups
    plain = Statistics("section", groups, torch.zeros(2, 128), torch.ones(2, 128))
    return replace(made, statistics=plain)


def prompts(model: LatentDiffusion, labels: str) -> list[Any]:
    """Return one prompt a letter, ``n`` or ``a``, of all conditions in turn."""
    return [
        model.prompt(tiny_diffusion.CONDITIONS[i % 3], "anomaly" if letter == "a" else "normal")
        for i, letter in enumerate(labels)
    ]


def exact(image: torch.Tensor, steps: torch.Tensor, text: torch.Tensor) -> torch.Tensor:
    """The best v for data drawn from N(0, I)."""
    return torch.zeros_like(image)


def deviation(model: LatentDiffusion, sampler: SamplerName, steps: int) -> float:
    made = sample(
        replace(model, unet=Denoiser(exact)),
        prompts(model, "nnnnnnnn"),
        160,
        list(range(8)),
        Sampling(sampler, steps),
    )
    return float(made.std())


@pytest.mark.parametrize("steps", [16, 20, 25])
def test_the_default_sampler_keeps_the_variance_of_noise(
    model: LatentDiffusion, steps: int
) -> None:
    before = torch.stack(
        [torch.randn(16, 8, 160, generator=torch.Generator().manual_seed(i)) for i in range(8)]
    )
    assert deviation(model, Sampling().sampler, steps) == pytest.approx(
        float(before.std()), rel=0.005
    )


@pytest.mark.parametrize("sampler", ["ddim", "ddpm"])
def test_few_steps_of_the_older_samplers_shrink_it(
    model: LatentDiffusion, sampler: SamplerName
) -> None:
    """What makes generated clips too smooth; the test above could not fail otherwise."""
    assert deviation(model, sampler, 16) < 0.95


def common_offset(frames: int, deviation: float) -> Callable[..., torch.Tensor]:
    """Return the best v for white noise of deviation 0.6 with an offset that a clip's pixels share.

    All is Gaussian: the mean of the pixels has one variance, what is orthogonal to it another.
    """
    pixels = 128 * frames
    levels = alphas_cumprod()

    def rule(image: torch.Tensor, steps: torch.Tensor, text: torch.Tensor) -> torch.Tensor:
        signal = levels[steps].reshape(-1, 1, 1, 1)
        clean = torch.zeros_like(image)
        shared = image.mean((1, 2, 3), keepdim=True).expand_as(image)
        for part, variance in (
            (shared, 0.36 + pixels * deviation**2),
            (image - shared, 0.36),
        ):
            gain = signal.sqrt() * variance / (signal * variance + 1 - signal)
            clean = clean + gain * part
        noise = (image - signal.sqrt() * clean) / (1 - signal).sqrt()
        return signal.sqrt() * noise - (1 - signal).sqrt() * clean

    return rule


def test_uneven_steps_keep_what_the_frames_of_a_clip_share(model: LatentDiffusion) -> None:
    """Level and color differ from clip to clip; they are decided at very low SNR."""
    clips, frames = 48, 160
    unet = replace(model, unet=Denoiser(common_offset(frames, 0.5)))

    def between(how: Sampling) -> float:
        seeds = list(range(clips))
        made = sample(unet, prompts(model, "n" * clips), frames, seeds, how)
        plain = model.statistics.normalize(made, [prompts(model, "n")[0].condition] * clips)
        return float(plain.mean((1, 2)).std())

    even, many = between(Sampling(steps=16, spacing=1.0)), between(Sampling(steps=400, spacing=1.0))
    assert even < 0.5 * many
    assert between(Sampling()) == pytest.approx(many, rel=0.15)


@pytest.mark.slow
def test_a_thousand_steps_of_ddpm_keep_it(model: LatentDiffusion) -> None:
    """The paper's sampler."""
    assert deviation(model, "ddpm", 1000) == pytest.approx(1.0, abs=0.01)


@pytest.mark.parametrize("sampler", ["unipc", "dpm-solver++", "ddim", "ddpm"])
def test_data_of_one_point_is_found(model: LatentDiffusion, sampler: SamplerName) -> None:
    """With v that always points at the image 3, every sampler ends there."""
    levels = alphas_cumprod()

    def rule(image: torch.Tensor, steps: torch.Tensor, text: torch.Tensor) -> torch.Tensor:
        level = levels[steps]
        noise = (image - level.sqrt() * 3.0) / (1 - level).sqrt()
        return level.sqrt() * noise - (1 - level).sqrt() * 3.0

    one = replace(model, unet=Denoiser(rule))
    made = sample(one, prompts(model, "na"), FRAMES, [1, 2], Sampling(sampler, 20))
    assert (made - 3.0).abs().max() < 0.2
    assert (made.mean() - 3.0).abs() < 0.02


@pytest.mark.parametrize("sampler", ["unipc", "sde-dpm-solver++", "ddpm"])
def test_a_clip_depends_on_its_prompt_and_seed_alone(
    model: LatentDiffusion, sampler: SamplerName
) -> None:
    how = Sampling(sampler, 4, guidance=1.5, severity=0.7)
    asked = prompts(model, "nanaa")
    seeds = [3, 2**64 - 1, 2**63, 8, 3]
    together = sample(model, asked, FRAMES, seeds, how)
    assert torch.equal(together, sample(model, asked, FRAMES, seeds, how))
    assert together.std() > 0.1
    for index in range(5):
        alone = sample(model, asked[index : index + 1], FRAMES, seeds[index : index + 1], how)
        assert torch.allclose(alone[0], together[index], atol=1e-5)
    pair = sample(model, [asked[4], asked[1]], FRAMES, [seeds[4], seeds[1]], how)
    assert torch.allclose(pair, together[[4, 1]], atol=1e-5)
    other = sample(model, asked[:1], FRAMES, [4], how)
    assert (other[0] - together[0]).abs().max() > 0.1


def test_the_global_random_state_is_left_alone(model: LatentDiffusion) -> None:
    torch.manual_seed(1)
    state = torch.get_rng_state()
    for sampler in ("unipc", "ddpm", "sde-dpm-solver++"):
        sample(model, prompts(model, "na"), FRAMES, [1, 2], Sampling(sampler, 3))  # type: ignore[arg-type]
    assert torch.equal(torch.get_rng_state(), state)


def by_text(image: torch.Tensor, steps: torch.Tensor, text: torch.Tensor) -> torch.Tensor:
    """Differs with the text in more than the size."""
    return torch.tanh(image + text.sum((1, 2)).reshape(-1, 1, 1, 1))


def test_guidance_in_one_batch_is_two_passes(model: LatentDiffusion) -> None:
    """In one step of DDIM the latents are linear in the prediction."""
    asked, seeds = prompts(model, "na"), [1, 2]
    guided = Denoiser(by_text)
    how = Sampling("ddim", 2, guidance=3.0)
    told = sample(replace(model, unet=guided), asked, FRAMES, seeds, how)
    assert guided.calls == [(4, 16, 8, 32)] * 2

    texts = model.embed(asked)

    def combined(image: torch.Tensor, steps: torch.Tensor, text: torch.Tensor) -> torch.Tensor:
        without = by_text(image, steps, torch.zeros_like(texts))
        return without + 3.0 * (by_text(image, steps, texts) - without)

    separate = sample(
        replace(model, unet=Denoiser(combined)), asked, FRAMES, seeds, replace(how, guidance=1.0)
    )
    assert torch.allclose(told, separate, atol=1e-5)
    plain = sample(
        replace(model, unet=Denoiser(by_text)), asked, FRAMES, seeds, replace(how, guidance=1.0)
    )
    assert (told - plain).abs().max() > 0.1


def test_no_guidance_costs_one_pass(model: LatentDiffusion) -> None:
    plain = Denoiser(by_text)
    sample(replace(model, unet=plain), prompts(model, "na"), FRAMES, [1, 2], Sampling("ddim", 2))
    assert plain.calls == [(2, 16, 8, 32)] * 2


def test_severity_leads_from_the_normal_to_the_anomaly(model: LatentDiffusion) -> None:
    seeds = [5, 6, 7]

    def drawn(labels: str, severity: float) -> torch.Tensor:
        how = Sampling("unipc", 4, severity=severity)
        return sample(model, prompts(model, labels), FRAMES, seeds, how)

    normal, anomaly = drawn("nnn", 1.0), drawn("aaa", 1.0)
    assert (normal - anomaly).abs().max() > 0.01
    assert torch.allclose(drawn("aaa", 0.0), normal, atol=1e-5)
    half, double = drawn("aaa", 0.5), drawn("aaa", 2.0)
    far = [(made - normal).norm() for made in (half, anomaly, double)]
    assert 0.3 * far[1] < far[0] < 0.7 * far[1]
    assert far[2] > 1.5 * far[1]
    mixed = drawn("nan", 0.0)  # normals of a batch with anomalies stay what they are
    assert torch.allclose(mixed, normal, atol=1e-5)


def test_from_a_normal_clip_strength_decides_how_much_of_it_is_left(
    model: LatentDiffusion,
) -> None:
    generator = torch.Generator().manual_seed(9)
    normals = 2 + torch.randn(2, 128, FRAMES, generator=generator)
    exactly = replace(model, unet=Denoiser(exact))
    asked, seeds = prompts(model, "aa"), [1, 2]

    def likeness(strength: float, sampler: SamplerName = "unipc") -> float:
        how = Sampling(sampler, 50, strength=strength)
        made = sample(exactly, asked, FRAMES, seeds, how, normals)
        return float(torch.corrcoef(torch.stack([made.flatten(), normals.flatten()]))[0, 1])

    assert likeness(0.02) > 0.99
    assert likeness(0.2) > likeness(0.5) > likeness(0.8) > likeness(1.0)
    assert abs(likeness(1.0)) < 0.1
    for sampler in ("ddim", "ddpm", "dpm-solver++", "sde-dpm-solver++"):
        assert likeness(0.1, sampler) > 0.9  # type: ignore[arg-type]
    how = Sampling(steps=8)
    assert torch.equal(
        sample(model, asked, FRAMES, seeds, how, normals), sample(model, asked, FRAMES, seeds, how)
    )


@pytest.mark.parametrize("sampler", ["unipc", "dpm-solver++", "ddim"])
def test_from_a_normal_clip_of_unit_variance_it_stays_unit(
    model: LatentDiffusion, sampler: SamplerName
) -> None:
    normals = torch.randn(8, 128, 160, generator=torch.Generator().manual_seed(9))
    how = Sampling(sampler, 50, strength=0.6)
    exactly = replace(model, unet=Denoiser(exact))
    made = sample(exactly, prompts(model, "n" * 8), 160, list(range(8)), how, normals)
    assert float(made.std()) == pytest.approx(1.0, abs=0.03)


@pytest.mark.parametrize("layout", ["16x8", "1x128"])
@pytest.mark.parametrize("frames", [1, 16, 21, 50])
def test_any_length_in_both_layouts(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, frames: int, layout: str
) -> None:
    tiny_diffusion.use_tiny(monkeypatch)
    made = tiny_diffusion.tiny_model(tiny_diffusion.latent_set(tmp_path), layout=layout)
    latents = sample(made, prompts(made, "na"), frames, [1, 2], Sampling("ddpm", 2))
    assert latents.shape == (2, 128, frames)
    assert latents.dtype == torch.float32
    assert latents.isfinite().all()


def test_latents_are_brought_to_the_statistics_of_their_section(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    tiny_diffusion.use_tiny(monkeypatch)
    made = tiny_diffusion.tiny_model(tiny_diffusion.latent_set(tmp_path))
    made = replace(made, unet=Denoiser(exact))
    asked = prompts(made, "n" * 6)
    drawn = sample(made, asked, 160, list(range(6)), Sampling())
    conditions = [prompt.condition for prompt in asked]
    normal = made.statistics.normalize(drawn, conditions)
    assert float(normal.std()) == pytest.approx(1.0, abs=0.01)
    assert drawn.mean() < -5  # dB
