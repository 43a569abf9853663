"""MIMII-Gen: text-conditioned latent diffusion of machine sound (Purohit et al., 2024)."""
