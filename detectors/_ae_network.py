"""The autoencoder of the DCASE Task 2 baselines, and the blocks that it is made of."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from itertools import pairwise

import torch
from torch import nn

from ._ae_params import Init

HIDDEN, BOTTLENECK, LAYERS = 128, 8, 4
BN_MOMENTUM = 0.01  # weight of the new batch; Keras counts the other way: 0.99
_ONEDNN = hasattr(torch.ops.mkldnn, "_linear_pointwise")


Block = tuple[nn.Linear, nn.BatchNorm1d]
"""A linear layer and its batch normalization; ReLU follows."""


class ReconstructionNetwork(nn.Module, ABC):
    """A network that reconstructs its input from a few values."""

    @abstractmethod
    def folded(self, device: torch.device) -> FoldedNetwork:
        """Return the fitted network for scoring, on ``device``."""

    def initialize(self, init: Init, generator: torch.Generator) -> None:
        """Draw all weights from ``generator``.

        ``glorot``: uniform in ±sqrt(6 / (fan_in + fan_out)), biases 0 (Keras);
        ``torch``: weights and biases uniform in ±1 / sqrt(fan_in) (PyTorch).
        """
        for module in self.modules():
            if isinstance(module, nn.BatchNorm1d):
                module.reset_parameters()
            if not isinstance(module, nn.Linear):
                continue
            fan_out, fan_in = module.weight.shape
            if init == "glorot":
                bound = math.sqrt(6 / (fan_in + fan_out))
                nn.init.zeros_(module.bias)
            else:
                bound = 1 / math.sqrt(fan_in)
                nn.init.uniform_(module.bias, -bound, bound, generator=generator)
            nn.init.uniform_(module.weight, -bound, bound, generator=generator)


class Autoencoder(ReconstructionNetwork):
    """``width`` -> 4 x 128 -> 8 -> 4 x 128 -> ``width``, fully connected.

    Every layer but the last, the bottleneck included, is followed by batch normalization and ReLU.
    State-dict names are those of the official PyTorch baseline (``encoder.0.weight`` ...).

    Parameters
    ----------
    width
        Inputs and outputs: frames of a window times mel bands.
    bn_eps
        Added to the variance in batch normalization.
    """

    def __init__(self, width: int, bn_eps: float = 1e-3) -> None:
        super().__init__()
        # "meta" leaves the values out: nn.Linear would draw them from the global generator.
        with torch.device("meta"):
            self.encoder = stack([width, *[HIDDEN] * LAYERS, BOTTLENECK], bn_eps)
            self.decoder = stack([BOTTLENECK, *[HIDDEN] * LAYERS], bn_eps)
            self.decoder.append(nn.Linear(HIDDEN, width))
        self.to_empty(device="cpu")

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the reconstruction of ``x``, (batch, width)."""
        reconstruction: torch.Tensor = self.decoder(self.encoder(x))
        return reconstruction

    def blocks(self) -> tuple[list[Block], nn.Linear]:
        """Return the layers that have a batch normalization, with it, and the last layer."""
        return blocks(self.encoder) + blocks(self.decoder), last_layer(self.decoder)

    def folded(self, device: torch.device) -> FoldedAutoencoder:
        """Return the fitted network for scoring, on ``device``."""
        return FoldedAutoencoder(self, device)


def stack(sizes: list[int], bn_eps: float) -> nn.Sequential:
    """Return blocks of linear layer, batch normalization and ReLU."""
    layers: list[nn.Module] = []
    for fan_in, fan_out in pairwise(sizes):
        norm = nn.BatchNorm1d(fan_out, eps=bn_eps, momentum=BN_MOMENTUM)
        layers += [nn.Linear(fan_in, fan_out), norm, nn.ReLU()]
    return nn.Sequential(*layers)


def blocks(modules: nn.Sequential) -> list[Block]:
    """Return the blocks that :func:`stack` made."""
    return [
        (layer, norm)
        for layer, norm in pairwise(modules)
        if isinstance(layer, nn.Linear) and isinstance(norm, nn.BatchNorm1d)
    ]


def last_layer(modules: nn.Sequential) -> nn.Linear:
    """Return the linear layer that ``modules`` end with."""
    last = modules[-1]
    assert isinstance(last, nn.Linear)
    return last


class FoldedNetwork(ABC):
    """A fitted network for scoring: batch normalization folded into the weights."""

    @abstractmethod
    def latent(self, x: torch.Tensor) -> torch.Tensor:
        """Return the values that ``x``, (batch, width), is reconstructed from."""

    @abstractmethod
    def decode(self, latent: torch.Tensor) -> torch.Tensor:
        """Return the reconstruction, (batch, width)."""

    @torch.no_grad()
    def residual(self, x: torch.Tensor) -> torch.Tensor:
        """Return ``x``, (batch, width), less its reconstruction."""
        return x - self.decode(self.latent(x))


class FoldedAutoencoder(FoldedNetwork):
    """A fitted :class:`Autoencoder` for scoring."""

    def __init__(self, network: Autoencoder, device: torch.device) -> None:
        self.encoder = FoldedBlocks(blocks(network.encoder), device)
        self.decoder = FoldedBlocks(blocks(network.decoder), device)
        self.last = folded_layer(last_layer(network.decoder), device)

    def latent(self, x: torch.Tensor) -> torch.Tensor:
        """Return the bottleneck, (batch, 8)."""
        return self.encoder(x)

    def decode(self, latent: torch.Tensor) -> torch.Tensor:
        """Return the reconstruction, (batch, width)."""
        return linear(self.decoder(latent), *self.last)


class FoldedBlocks:
    """Blocks whose batch normalization, with its running statistics, is part of the weights."""

    def __init__(self, of: list[Block], device: torch.device) -> None:
        self.layers = [_fold(layer, norm, device) for layer, norm in of]

    @torch.no_grad()
    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        """Return the output for ``x``, (batch, inputs)."""
        for weight, bias in self.layers:
            x = linear(x, weight, bias).relu_()
        return x


def folded_layer(layer: nn.Linear, device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    """Return weight and bias, float32."""
    return (
        layer.weight.detach().to(device, torch.float32),
        layer.bias.detach().to(device, torch.float32),
    )


def _fold(
    layer: nn.Linear, norm: nn.BatchNorm1d, device: torch.device
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return weight and bias of a layer with its batch normalization in it."""
    state = {name: value.double() for name, value in norm.state_dict().items()}
    scale = state["weight"] / (state["running_var"] + norm.eps).sqrt()
    weight = layer.weight.detach().double() * scale[:, None]
    bias = (layer.bias.detach().double() - state["running_mean"]) * scale + state["bias"]
    return weight.to(device, torch.float32), bias.to(device, torch.float32)


def linear(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None = None) -> torch.Tensor:
    """Return ``x @ weight.T + bias``, without a gradient.

    Products of this size take nearly all of the training time. PyTorch hands float32 ones to MKL,
    which on AMD processors is half as fast as oneDNN; where that is built in, it is asked for.
    """
    if _ONEDNN and x.dtype == torch.float32 and x.device.type == "cpu":
        product: torch.Tensor = torch.ops.mkldnn._linear_pointwise(x, weight, bias, "none", [], "")
        return product
    return nn.functional.linear(x, weight, bias)
