"""MobileNetV2 at half width, as Keras has it.

Written here rather than taken from ``transformers``, whose network has the same layers and the
same output for the same weights: there, batch normalization forgets all but the last batch, the
input must be three copies of one channel, and every 3 x 3 convolution copies its input to pad it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import nn
from torch.nn import functional

BN_EPS = 1e-3
"""Added to the variance in batch normalization."""
STEM, FEATURES = 16, 1280
"""Channels of the first convolution, and of the last, which the width multiplier leaves alone."""
STAGES = (
    (1, 8, 1, 1),
    (6, 16, 2, 2),
    (6, 16, 3, 2),
    (6, 32, 4, 2),
    (6, 48, 3, 1),
    (6, 80, 3, 2),
    (6, 160, 1, 1),
)
"""Expansion, channels, blocks and stride of the first block (Sandler et al., table 2, with its
channels halved and rounded to multiples of 8)."""


class ConvNorm(nn.Module):
    """Convolution without bias, batch normalization and, unless ``linear``, ReLU6."""

    def __init__(
        self,
        channels_in: int,
        channels_out: int,
        kernel: int = 1,
        stride: int = 1,
        *,
        depthwise: bool = False,
        linear: bool = False,
    ) -> None:
        super().__init__()
        groups = channels_in if depthwise else 1
        self.conv = nn.Conv2d(
            channels_in, channels_out, kernel, stride, kernel // 2, groups=groups, bias=False
        )
        self.norm = nn.BatchNorm2d(channels_out, eps=BN_EPS, momentum=None)
        self.stride = stride
        self.linear = linear

    def weight(self) -> torch.Tensor:
        """Return the kernel, (out, in / groups, height, width)."""
        return self.conv.weight

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the layer's output, (batch, channels_out, rows, columns)."""
        x, padding = pad_same(x, self.conv)
        x = functional.conv2d(
            x, self.weight(), None, self.conv.stride, padding, groups=self.conv.groups
        )
        x = self.norm(x)
        return x if self.linear else functional.relu6(x, inplace=True)


class Stem(ConvNorm):
    """The first convolution: its three input channels are copies of one, which it is given."""

    def weight(self) -> torch.Tensor:
        """Return the kernel for one channel: the sum over the three."""
        return self.conv.weight.sum(1, keepdim=True)


class Block(nn.Module):
    """Inverted residual with linear bottleneck (Sandler et al., section 3.3)."""

    def __init__(self, channels_in: int, channels_out: int, expansion: int, stride: int) -> None:
        super().__init__()
        inner = channels_in * expansion
        expand = [ConvNorm(channels_in, inner)] if expansion > 1 else []
        self.layers = nn.Sequential(
            *expand,
            ConvNorm(inner, inner, 3, stride, depthwise=True),
            ConvNorm(inner, channels_out, linear=True),
        )
        self.residual = stride == 1 and channels_in == channels_out

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the block's output, (batch, channels_out, rows, columns)."""
        y: torch.Tensor = self.layers(x)
        return y + x if self.residual else y


class MobileNetV2Network(nn.Module):
    """MobileNetV2 with width multiplier 0.5 and a linear classifier.

    Parameters
    ----------
    classes
        Classes to tell apart.

    References
    ----------
    M. Sandler et al., "MobileNetV2: Inverted residuals and linear bottlenecks", CVPR 2018,
    table 2; padding, batch normalization and initial weights as in ``keras.applications``.
    """

    def __init__(self, classes: int) -> None:
        super().__init__()
        # "meta" leaves the values out: the layers would draw them from the global generator.
        with torch.device("meta"):
            self.stem = Stem(3, STEM, 3, 2)
            blocks: list[Block] = []
            channels = STEM
            for expansion, channels_out, repeats, stride in STAGES:
                for repeat in range(repeats):
                    step = stride if repeat == 0 else 1
                    blocks.append(Block(channels, channels_out, expansion, step))
                    channels = channels_out
            self.blocks = nn.Sequential(*blocks)
            self.last = ConvNorm(channels, FEATURES)
            self.classifier = nn.Linear(FEATURES, classes)
        self.to_empty(device="cpu")

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return logits, (batch, classes), of windows ``x``, (batch, 1, frames, bands)."""
        features = self.last(self.blocks(self.stem(x))).mean((2, 3))
        logits: torch.Tensor = self.classifier(features)
        return logits

    def norms(self) -> Iterator[nn.BatchNorm2d]:
        """Yield the batch normalizations."""
        return (module for module in self.modules() if isinstance(module, nn.BatchNorm2d))

    def initialize(self, generator: torch.Generator) -> None:
        """Draw all weights from ``generator``, uniform in ±sqrt(6 / (fan_in + fan_out)).

        For a depthwise convolution Keras takes fan_in to be 9 times the channels, fan_out 9.
        """
        for module in self.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.reset_parameters()
            elif isinstance(module, nn.Conv2d):
                depth, fan_in = module.weight.shape[:2]
                fans = module.groups + 1 if module.groups > 1 else depth + fan_in
                drawn = _uniform(module.weight, fans * module.weight[0, 0].numel(), generator)
                # On a CPU, convolutions take half the time with the channels last in memory.
                module.weight.data = drawn.to(memory_format=torch.channels_last)
            elif isinstance(module, nn.Linear):
                module.weight.data = _uniform(module.weight, sum(module.weight.shape), generator)
                nn.init.zeros_(module.bias)


def _uniform(weight: torch.Tensor, fans: int, generator: torch.Generator) -> torch.Tensor:
    """Return values for ``weight``, uniform in ±sqrt(6 / fans)."""
    bound = math.sqrt(6 / fans)
    return torch.empty(weight.shape).uniform_(-bound, bound, generator=generator)


def pad_same(x: torch.Tensor, conv: nn.Conv2d) -> tuple[torch.Tensor, tuple[int, int]]:
    """Return ``x`` and the padding to convolve it with, together TensorFlow's ``same``.

    At stride 2 an axis of even length gets one zero after it and none before, which PyTorch's
    convolution cannot do; one of odd length gets one on either side.
    """
    if conv.stride == (1, 1) or conv.kernel_size == (1, 1):
        return x, (conv.kernel_size[0] // 2, conv.kernel_size[1] // 2)
    height, width = x.shape[2:]
    return functional.pad(x, (width % 2, 1, height % 2, 1)), (0, 0)
