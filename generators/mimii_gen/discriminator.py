"""A discriminator on complex spectra of several resolutions, for training a codec."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn
from torch.nn.utils.parametrizations import weight_norm

from .codec_losses import WINDOWS


class SpectrumDiscriminator(nn.Module):
    """Tells real from decoded audio by one complex short-time Fourier transform.

    Convolutions over (frames, bins), the bins halved three times while the dilation over frames
    doubles.

    References
    ----------
    A. Défossez et al., "High Fidelity Neural Audio Compression", 2022, section 3.4 and figure 2.
    """

    def __init__(self, length: int, filters: int) -> None:
        super().__init__()
        self.length = length
        self.register_buffer("window", torch.hann_window(length), persistent=False)
        layers = [_convolution(2, filters, (3, 9))]
        layers += [
            _convolution(filters, filters, (3, 9), stride=2, dilation=dilation)
            for dilation in (1, 2, 4)
        ]
        layers.append(_convolution(filters, filters, (3, 3)))
        self.layers = nn.ModuleList(layers)
        self.last = _convolution(filters, 1, (3, 3))

    def forward(self, audio: torch.Tensor) -> tuple[torch.Tensor, list[torch.Tensor]]:
        """Return logits (batch, 1, frames, bins / 8) of ``audio`` (batch, samples), and features.

        The features are the outputs of all layers but the last.
        """
        window = self.get_buffer("window")
        spectrum = torch.stft(
            audio,
            self.length,
            self.length // 4,
            window=window,
            pad_mode="constant",
            return_complex=True,
        )
        scaled = torch.view_as_real(spectrum) / window.square().sum().sqrt()
        hidden = scaled.permute(0, 3, 2, 1)  # (batch, 2, frames, bins)
        features = []
        for layer in self.layers:
            hidden = nn.functional.leaky_relu(layer(hidden), 0.2)
            features.append(hidden)
        return self.last(hidden), features


class Discriminator(nn.Module):
    """One :class:`SpectrumDiscriminator` for each window.

    Parameters
    ----------
    filters
        Of every convolution.
    windows
        Lengths of the windows, samples.
    """

    def __init__(self, filters: int = 32, windows: Sequence[int] = WINDOWS) -> None:
        super().__init__()
        self.scales = nn.ModuleList(SpectrumDiscriminator(length, filters) for length in windows)

    def forward(self, audio: torch.Tensor) -> tuple[list[torch.Tensor], list[list[torch.Tensor]]]:
        """Return logits and features of every scale; positive logits mean real."""
        outputs = [scale(audio) for scale in self.scales]
        return [logits for logits, _ in outputs], [features for _, features in outputs]


def _convolution(
    inputs: int, outputs: int, kernel: tuple[int, int], stride: int = 1, dilation: int = 1
) -> nn.Module:
    """Stride is over bins, dilation over frames; sizes are kept but for the stride."""
    padding = ((kernel[0] - 1) * dilation // 2, (kernel[1] - 1) // 2)
    layer = nn.Conv2d(inputs, outputs, kernel, (1, stride), padding, dilation=(dilation, 1))
    weight_norm(layer)
    return layer
