"""Drawing latents: from noise (the paper) or from a normal clip that is noised part of the way.

Few steps of DDPM, DDIM or Euler shrink the variance of noise-like latents, and an autoencoder then
finds the clips *more* normal than real ones; UniPC of order 2 keeps it within 0.5 % at 16 steps.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from .diffusion import STOCHASTIC, TIMESTEPS, SamplerName, add_noise, alphas_cumprod, make_scheduler
from .latents import from_image, pad, padded_frames, to_image
from .model import LatentDiffusion
from .prompt import Prompt
from .unet import denoise


@dataclass(frozen=True)
class Sampling:
    """How latents are drawn."""

    sampler: SamplerName = "unipc"
    steps: int = 20
    spacing: float = 2.0
    """See :func:`.diffusion.make_scheduler`."""
    guidance: float = 1.0
    """Classifier-free guidance; 1 is none."""
    severity: float = 1.0
    """Where between the normal (0) and the anomalous prompt (1) anomalies are; more exaggerates."""
    strength: float = 1.0
    """Share of the timesteps that a given normal clip is noised by; 1 starts from pure noise."""


@torch.no_grad()
def sample(
    model: LatentDiffusion,
    prompts: Sequence[Prompt],
    frames: int,
    seeds: Sequence[int],
    how: Sampling,
    normals: torch.Tensor | None = None,
) -> torch.Tensor:
    """Return latents of one batch, not yet calibrated.

    Parameters
    ----------
    model
        On its device, in eval mode.
    prompts, seeds
        One a clip. A clip's noise, at the start and in every step, is drawn from its seed alone.
    frames
        Of every clip.
    how
        Sampler and strength of everything.
    normals
        Latents (B, 128, frames) to start from, where ``how.strength`` is below 1.

    Returns
    -------
    torch.Tensor
        float32 (B, 128, frames), on the CPU.
    """
    device = next(model.unet.parameters()).device
    conditions = [prompt.condition for prompt in prompts]
    layout, width = model.settings.layout, padded_frames(frames)
    shape = to_image(torch.empty(1, 128, width), layout).shape[1:]
    generators = [torch.Generator().manual_seed(seed % 2**63) for seed in seeds]
    noise = torch.stack([torch.randn(shape, generator=g) for g in generators]).to(device)
    scheduler = make_scheduler(how.sampler, how.steps, model.settings.prediction, how.spacing)
    first = 0
    image = noise
    if normals is not None and how.strength < 1:
        late = scheduler.timesteps < how.strength * TIMESTEPS
        first = int(late.long().argmax()) if bool(late.any()) else len(late) - 1
        begun = pad(model.statistics.normalize(normals, conditions), width)[0].to(device)
        level = alphas_cumprod()[scheduler.timesteps[first]].to(device)
        image = add_noise(to_image(begun, layout), noise, level.repeat(len(prompts)))
        if hasattr(scheduler, "set_begin_index"):
            scheduler.set_begin_index(first)
    predict = _Predictor(model, prompts, how, device)
    for step in scheduler.timesteps[first:]:
        said = predict(image, step)
        if how.sampler in STOCHASTIC:
            image = scheduler.step(said, step, image, generator=generators).prev_sample
        else:
            image = scheduler.step(said, step, image).prev_sample
    latents = from_image(image)[:, :, :frames].float().cpu()
    return model.statistics.denormalize(latents, conditions)


class _Predictor:
    """The network's prediction, with severity and guidance, in one forward pass a step."""

    def __init__(
        self,
        model: LatentDiffusion,
        prompts: Sequence[Prompt],
        how: Sampling,
        device: torch.device,
    ) -> None:
        texts = [model.embed(prompts)]
        self._normal = how.severity != 1 and any(p.label == "anomaly" for p in prompts)
        self._guided = how.guidance != 1
        if self._normal:
            texts.append(
                model.embed([model.prompt(prompt.condition, "normal") for prompt in prompts])
            )
        if self._guided:
            texts.append(torch.zeros_like(texts[0]))
        self._text = torch.cat([text.to(device) for text in texts])
        self._copies = len(texts)
        self._how = how
        self._unet = model.unet

    def __call__(self, image: torch.Tensor, step: torch.Tensor) -> torch.Tensor:
        steps = step.to(image.device).repeat(self._copies * len(image))
        said = denoise(self._unet, torch.cat([image] * self._copies), steps, self._text)
        parts = list(said.chunk(self._copies))
        prediction = parts[0]
        if self._normal:
            prediction = parts[1] + self._how.severity * (prediction - parts[1])
        if self._guided:
            prediction = parts[-1] + self._how.guidance * (prediction - parts[-1])
        return prediction
