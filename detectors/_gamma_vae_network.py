"""The network of GammaVAE."""

from __future__ import annotations

import torch
from torch import nn

from ._ae_network import (
    BOTTLENECK,
    HIDDEN,
    LAYERS,
    FoldedBlocks,
    FoldedNetwork,
    ReconstructionNetwork,
    blocks,
    folded_layer,
    last_layer,
    linear,
    stack,
)
from ._gamma_vae_latent import GammaPosterior, softmax_posterior, softplus_posterior


class GammaVAENetwork(ReconstructionNetwork):
    """``width`` -> 4 x 128 -> two heads of 8 -> 4 x 128 -> ``width`` (Table 1 of the paper).

    The layers of 128 are followed by batch normalization and ReLU, as in the DCASE autoencoder.
    The heads are the paper's ``fc_mu`` and ``fc_var``.

    Parameters
    ----------
    width
        Inputs and outputs: frames of a window times mel bands.
    paper
        Whether the heads are softmaxes as in Table 1; otherwise softplus.
    bn_eps
        Added to the variance in batch normalization.
    """

    def __init__(self, width: int, paper: bool, bn_eps: float = 1e-3) -> None:
        super().__init__()
        self.posterior = softmax_posterior if paper else softplus_posterior
        # "meta" leaves the values out: nn.Linear would draw them from the global generator.
        with torch.device("meta"):
            self.encoder = stack([width, *[HIDDEN] * LAYERS], bn_eps)
            self.fc_mu = nn.Linear(HIDDEN, BOTTLENECK)
            self.fc_var = nn.Linear(HIDDEN, BOTTLENECK)
            self.decoder = stack([BOTTLENECK, *[HIDDEN] * LAYERS], bn_eps)
            self.decoder.append(nn.Linear(HIDDEN, width))
        self.to_empty(device="cpu")

    def encode(self, x: torch.Tensor) -> GammaPosterior:
        """Return the posterior given ``x``, (batch, width)."""
        hidden = self.encoder(x)
        return self.posterior(self.fc_mu(hidden), self.fc_var(hidden))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the reconstruction of ``x``, (batch, width), from the posterior mean."""
        reconstruction: torch.Tensor = self.decoder(self.encode(x).mean())
        return reconstruction

    def folded(self, device: torch.device) -> FoldedGammaVAE:
        """Return the fitted network for scoring, on ``device``."""
        return FoldedGammaVAE(self, device)


class FoldedGammaVAE(FoldedNetwork):
    """A fitted :class:`GammaVAENetwork` for scoring."""

    def __init__(self, network: GammaVAENetwork, device: torch.device) -> None:
        self.posterior = network.posterior
        self.encoder = FoldedBlocks(blocks(network.encoder), device)
        self.heads = [folded_layer(head, device) for head in (network.fc_mu, network.fc_var)]
        self.decoder = FoldedBlocks(blocks(network.decoder), device)
        self.last = folded_layer(last_layer(network.decoder), device)

    def latent(self, x: torch.Tensor) -> torch.Tensor:
        """Return the posterior means, (batch, 8)."""
        hidden = self.encoder(x)
        first, second = (linear(hidden, *head) for head in self.heads)
        return self.posterior(first, second).mean()

    def decode(self, latent: torch.Tensor) -> torch.Tensor:
        """Return the reconstruction, (batch, width)."""
        return linear(self.decoder(latent), *self.last)
