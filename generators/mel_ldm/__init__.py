"""A latent diffusion model on log-mel spectrograms: the baseline of MIMII-Gen's Table III."""

from .generator import MelLDM

__all__ = ["MelLDM"]
