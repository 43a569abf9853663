"""MIMII-Gen: text-conditioned latent diffusion of machine sound (Purohit et al., 2024)."""

from .generator import MIMIIGen

__all__ = ["MIMIIGen"]
