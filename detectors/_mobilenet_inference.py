"""A fitted MobileNetV2 for scoring: batch normalization folded in, ReLU6 fused."""

from __future__ import annotations

import torch
from torch.nn import functional

from ._mobilenet_network import Block, ConvNorm, MobileNetV2Network, pad_same

_ONEDNN = hasattr(torch.ops.mkldnn, "_convolution_pointwise")


class Classifier:
    """Gives windows their features and logits.

    Takes half the time of the network it is made from, and agrees with it to rounding.

    Parameters
    ----------
    network
        Trained; only read.
    device
        Where to compute.
    """

    def __init__(self, network: MobileNetV2Network, device: torch.device) -> None:
        self._stem = _Layer(network.stem, device)
        blocks = [block for block in network.blocks if isinstance(block, Block)]
        self._blocks = [
            (
                [_Layer(layer, device) for layer in block.layers if isinstance(layer, ConvNorm)],
                block.residual,
            )
            for block in blocks
        ]
        self._last = _Layer(network.last, device)
        self._weight = network.classifier.weight.detach().to(device)
        self._bias = network.classifier.bias.detach().to(device)

    @torch.no_grad()
    def features(self, x: torch.Tensor) -> torch.Tensor:
        """Return pooled features, (batch, 1280), of windows ``x``, (batch, 1, frames, bands)."""
        x = self._stem(x)
        for layers, residual in self._blocks:
            y = x
            for layer in layers:
                y = layer(y)
            x = y.add_(x) if residual else y
        return self._last(x).mean((2, 3))

    def logits(self, features: torch.Tensor) -> torch.Tensor:
        """Return logits, (batch, classes), of what :meth:`features` returned."""
        return functional.linear(features, self._weight, self._bias)


class _Layer:
    """A convolution with its batch normalization in it, and ReLU6 unless linear."""

    def __init__(self, layer: ConvNorm, device: torch.device) -> None:
        norm = {name: value.double() for name, value in layer.norm.state_dict().items()}
        scale = norm["weight"] / (norm["running_var"] + layer.norm.eps).sqrt()
        weight = layer.weight().detach().double() * scale[:, None, None, None]
        bias = norm["bias"] - norm["running_mean"] * scale
        self._conv = layer.conv
        self._linear = layer.linear
        self._weight = weight.to(device, torch.float32, memory_format=torch.channels_last)
        self._bias = bias.to(device, torch.float32)

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        x, padding = pad_same(x, self._conv)
        stride, groups = self._conv.stride, self._conv.groups
        if _ONEDNN and x.device.type == "cpu":
            # One pass over memory instead of two.
            fused = ("none", [], "") if self._linear else ("hardtanh", [0.0, 6.0], "")
            y: torch.Tensor = torch.ops.mkldnn._convolution_pointwise(
                x, self._weight, self._bias, padding, stride, (1, 1), groups, *fused
            )
            return y
        y = functional.conv2d(x, self._weight, self._bias, stride, padding, groups=groups)
        return y if self._linear else functional.relu6(y, inplace=True)
