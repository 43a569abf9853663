"""Forward process and objective of the latent diffusion model (MIMII-Gen, equations 1 to 3).

The cosine schedule ends at a signal-to-noise ratio of 2e-9, so that sampling may start from pure
noise. The paper predicts the noise (``epsilon``); the default predicts the velocity
``v = alpha noise - sigma x`` (Salimans and Ho 2022), weighted as in min-SNR (Hang et al. 2023).
"""

from __future__ import annotations

from typing import Any, Literal

import torch

Prediction = Literal["v", "epsilon"]
SamplerName = Literal["unipc", "dpm-solver++", "sde-dpm-solver++", "ddim", "ddpm"]
TIMESTEPS = 1000
_SCHEDULE = "squaredcos_cap_v2"
_SAMPLERS: dict[SamplerName, tuple[str, dict[str, Any]]] = {
    "unipc": ("UniPCMultistepScheduler", {"solver_order": 2}),
    "dpm-solver++": (
        "DPMSolverMultistepScheduler",
        {"solver_order": 2, "algorithm_type": "dpmsolver++"},
    ),
    "sde-dpm-solver++": (
        "DPMSolverMultistepScheduler",
        {"solver_order": 2, "algorithm_type": "sde-dpmsolver++"},
    ),
    "ddim": ("DDIMScheduler", {"clip_sample": False}),
    "ddpm": ("DDPMScheduler", {"clip_sample": False}),
}
STOCHASTIC: frozenset[SamplerName] = frozenset({"ddpm", "sde-dpm-solver++"})
"""Samplers that add noise in every step."""
UNEVEN: frozenset[SamplerName] = frozenset({"unipc"})
"""Samplers whose steps need not be evenly spaced."""
_TYPES = {"v": "v_prediction", "epsilon": "epsilon"}


def alphas_cumprod() -> torch.Tensor:
    """Return the squared signal amplitude at each of :data:`TIMESTEPS` steps."""
    levels: torch.Tensor = make_scheduler("ddpm", TIMESTEPS, "v").alphas_cumprod
    return levels


def make_scheduler(
    sampler: SamplerName, steps: int, prediction: Prediction, spacing: float = 1.0
) -> Any:
    """Return diffusers' scheduler for ``sampler``, set to ``steps`` steps.

    Step i of N is at ``1 - (i / N) ** spacing`` of the timesteps: 1 is even (trailing) spacing;
    above 1, steps are denser where there is more noise (those that round to the same are one).
    There, at signal-to-noise ratios of 1e-3 and less, level and color of a whole clip are
    decided, since all of its frames share them. Few even steps jump over that, and clips then
    differ too little from each other. Only UniPC's steps need not be even.
    """
    import diffusers

    name, special = _SAMPLERS[sampler]
    scheduler = getattr(diffusers, name)(
        num_train_timesteps=TIMESTEPS,
        beta_schedule=_SCHEDULE,
        prediction_type=_TYPES[prediction],
        timestep_spacing="trailing",
        **special,
    )
    scheduler.set_timesteps(steps)
    if spacing != 1 and sampler in UNEVEN:
        share = 1 - (torch.arange(steps) / steps) ** spacing
        indices = (share * TIMESTEPS).round().long().clamp_(min=1) - 1
        scheduler.timesteps = torch.unique(indices).flip(0)  # many steps may round to the same
        levels = scheduler.alphas_cumprod[scheduler.timesteps]
        scheduler.sigmas = torch.cat([((1 - levels) / levels).sqrt(), torch.zeros(1)])
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
    alpha_squared: torch.Tensor,
    prediction: Prediction,
    min_snr: float | None,
    floor: float = 0.0,
) -> torch.Tensor:
    """Return the weight of each sample's squared error, (B,): min-SNR with limit ``min_snr``.

    The formula of Hang et al. for the loss on x divided by what the parametrization adds:
    ``min(snr, limit) / snr`` for the noise, ``min(snr, limit) / (snr + 1)`` for v. The latter
    vanishes where noise is strongest, and there the network learns what the condition means for
    the whole clip: no weight is below ``floor``.
    """
    if min_snr is None:
        return torch.ones_like(alpha_squared)
    snr = alpha_squared / (1 - alpha_squared)
    weight = snr.clamp(max=min_snr) / (snr + 1 if prediction == "v" else snr)
    return weight.clamp(min=floor)


def stratified_timesteps(count: int, generator: torch.Generator) -> torch.Tensor:
    """Return ``count`` uniform timesteps, one from each of as many equal parts, in random order."""
    offsets = torch.rand(count, generator=generator)
    order = torch.randperm(count, generator=generator)
    return ((order + offsets) / count * TIMESTEPS).long().clamp_(max=TIMESTEPS - 1)
