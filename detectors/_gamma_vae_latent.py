"""Gamma distributions in the latent space: posterior, divergence, sampling."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch.nn import functional

PRIOR_SHAPE, PRIOR_SCALE = 2.0, 1.0
"""The paper names no values; those of a public implementation of the same loss."""
_FLOOR = 1e-2
"""Smallest shape and rate: at smaller shapes float32 samples are all but zero."""
_TINY = torch.finfo(torch.float32).tiny


@dataclass(frozen=True)
class GammaPosterior:
    """A gamma distribution for every latent variable of every window, (batch, latents)."""

    shape: torch.Tensor
    scale: torch.Tensor

    def mean(self) -> torch.Tensor:
        """Return shape * scale."""
        return self.shape * self.scale

    def sample(self, generator: torch.Generator) -> torch.Tensor:
        """Return a sample whose gradient is implicit reparameterization's.

        References
        ----------
        M. Figurnov, S. Mohamed and A. Mnih, "Implicit reparameterization gradients", NeurIPS 2018.
        """
        # What torch.distributions.Gamma.rsample() calls, which takes no generator.
        standard: torch.Tensor = torch._standard_gamma(self.shape, generator=generator)
        return standard * self.scale


def softplus_posterior(first: torch.Tensor, second: torch.Tensor) -> GammaPosterior:
    """Return the posterior whose shape and rate are the softplus of the two heads."""
    shape, rate = (functional.softplus(head) + _FLOOR for head in (first, second))
    return GammaPosterior(shape, 1 / rate)


def softmax_posterior(first: torch.Tensor, second: torch.Tensor) -> GammaPosterior:
    """Return the posterior whose shape and scale are the softmax of the two heads (Table 1)."""
    shape, scale = (functional.softmax(head, 1).clamp_min(_TINY) for head in (first, second))
    return GammaPosterior(shape, scale)


def kl_divergence(posterior: GammaPosterior) -> torch.Tensor:
    """Return KL(Q||P) of each latent variable from the prior P, in nats, (batch, latents).

    With shapes k and rates b: (k_q - k_p) psi(k_q) - ln G(k_q) + ln G(k_p) + k_p (ln b_q - ln b_p)
    + k_q (b_p - b_q) / b_q.
    """
    shape, scale = posterior.shape, posterior.scale
    return (
        (shape - PRIOR_SHAPE) * torch.digamma(shape)
        - torch.lgamma(shape)
        + math.lgamma(PRIOR_SHAPE)
        - PRIOR_SHAPE * torch.log(scale / PRIOR_SCALE)
        + shape * (scale / PRIOR_SCALE - 1)
    )


def printed_divergence(posterior: GammaPosterior) -> torch.Tensor:
    """Return what equation 2 of the paper sums, (batch, latents); it is not a KL divergence.

    c d / a + b log a - log(c d) - b + (b - 1) (psi(d) + log c), with a and b the shape and scale
    of the prior, c and d those of the posterior.
    """
    a, b = PRIOR_SHAPE, PRIOR_SCALE
    c, d = posterior.shape, posterior.scale
    return (
        c * d / a
        + b * math.log(a)
        - torch.log(c)
        - torch.log(d)
        - b
        + (b - 1) * (torch.digamma(d) + torch.log(c))
    )
