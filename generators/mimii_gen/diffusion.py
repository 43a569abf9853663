"""Forward process and objective of the latent diffusion model (MIMII-Gen, equations 1 to 3).

The cosine schedule ends at a signal-to-noise ratio of 2e-9, so that sampling may start from pure
noise. The paper predicts the noise (``epsilon``); the default predicts the velocity
``v = alpha noise - sigma x`` (Salimans and Ho 2022), weighted as in min-SNR (Hang et al. 2023).
"""

from __future__ import annotations

from typing import Literal

import torch

Prediction = Literal["v", "epsilon"]
SamplerName = Literal["unipc", "dpm-solver++", "sde-dpm-solver++", "ddim", "ddpm"]
TIMESTEPS = 1000
_SCHEDULE = "squaredcos_cap_v2"
_TYPES = {"v": "v_prediction", "epsilon": "epsilon"}


def alphas_cumprod() -> torch.Tensor:
    """Return the squared signal amplitude at each of :data:`TIMESTEPS` steps."""
    from diffusers import DDPMScheduler

    scheduler = DDPMScheduler(num_train_timesteps=TIMESTEPS, beta_schedule=_SCHEDULE)
    levels: torch.Tensor = scheduler.alphas_cumprod
    return levels


def make_scheduler(sampler: SamplerName, steps: int, prediction: Prediction) -> object:
    """Return diffusers' scheduler for ``sampler``, set to ``steps`` steps, trailing spacing."""
    import diffusers

    common = {
        "num_train_timesteps": TIMESTEPS,
        "beta_schedule": _SCHEDULE,
        "prediction_type": _TYPES[prediction],
        "timestep_spacing": "trailing",
    }
    if sampler == "unipc":
        scheduler = diffusers.UniPCMultistepScheduler(solver_order=2, **common)
    elif sampler in ("dpm-solver++", "sde-dpm-solver++"):
        algorithm = sampler.replace("-solver", "solver")
        scheduler = diffusers.DPMSolverMultistepScheduler(
            solver_order=2, algorithm_type=algorithm, **common
        )
    elif sampler == "ddim":
        scheduler = diffusers.DDIMScheduler(clip_sample=False, **common)
    else:
        scheduler = diffusers.DDPMScheduler(clip_sample=False, **common)
    scheduler.set_timesteps(steps)
    return scheduler


def add_noise(
    image: torch.Tensor, noise: torch.Tensor, alpha_squared: torch.Tensor
) -> torch.Tensor:
    """Return ``alpha image + sigma noise`` for squared amplitudes (B,)."""
    level = alpha_squared.reshape(-1, 1, 1, 1)
    return level.sqrt() * image + (1 - level).sqrt() * noise


def target(
    image: torch.Tensor, noise: torch.Tensor, alpha_squared: torch.Tensor, prediction: Prediction
) -> torch.Tensor:
    """Return what the network should say."""
    if prediction == "epsilon":
        return noise
    level = alpha_squared.reshape(-1, 1, 1, 1)
    return level.sqrt() * noise - (1 - level).sqrt() * image


def weights(
    alpha_squared: torch.Tensor, prediction: Prediction, min_snr: float | None
) -> torch.Tensor:
    """Return the weight of each sample's squared error, (B,): min-SNR with limit ``min_snr``.

    The formula of Hang et al. for the loss on x divided by what the parametrization adds:
    ``min(snr, limit) / snr`` for the noise, ``min(snr, limit) / (snr + 1)`` for v.
    """
    if min_snr is None:
        return torch.ones_like(alpha_squared)
    snr = alpha_squared / (1 - alpha_squared)
    return snr.clamp(max=min_snr) / (snr + 1 if prediction == "v" else snr)


def stratified_timesteps(count: int, generator: torch.Generator) -> torch.Tensor:
    """Return ``count`` uniform timesteps, one from each of as many equal parts, in random order."""
    offsets = torch.rand(count, generator=generator)
    order = torch.randperm(count, generator=generator)
    return ((order + offsets) / count * TIMESTEPS).long().clamp_(max=TIMESTEPS - 1)
