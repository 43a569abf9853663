"""The denoiser: a U-Net with cross-attention to the prompt (MIMII-Gen, section III-B).

``attention_head_dim`` of diffusers' class is the number of heads. There is no attention at the
first level, whose 8 x T positions are too many; text reaches every level through the time
embedding too where ``pooled`` is set.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import nn

from .latents import Layout, channels

PresetName = Literal["mini", "small", "base"]


@dataclass(frozen=True)
class UNetPreset:
    """Size of a U-Net."""

    widths: tuple[int, ...]
    """Channels of each level; each level halves rows and frames of the one before."""
    layers: int
    """Residual blocks a level."""
    attention: tuple[bool, ...]
    """Whether a level has cross-attention."""
    heads: tuple[int, ...]
    """Heads of each level."""
    pooled: bool
    """Whether the mean of the prompt's tokens is added to the time embedding."""


PRESETS: dict[PresetName, UNetPreset] = {
    "mini": UNetPreset((64, 96, 128), 1, (False, False, True), (1, 1, 4), True),
    "small": UNetPreset((64, 128, 192), 2, (False, True, True), (1, 2, 3), True),
    "base": UNetPreset((128, 256, 384, 512), 2, (False, True, True, True), (2, 4, 6, 8), False),
}
"""5.4, 17 and 145 M parameters (with 768-dimensional text for ``base``, 128 otherwise)."""


def build_unet(preset: PresetName, layout: Layout, text_dim: int) -> nn.Module:
    """Return a ``diffusers.UNet2DConditionModel`` with weights drawn from torch's global state."""
    import diffusers

    make: Any = diffusers.UNet2DConditionModel  # typed in some versions only
    size = PRESETS[preset]
    down = ["CrossAttnDownBlock2D" if attends else "DownBlock2D" for attends in size.attention]
    up = ["CrossAttnUpBlock2D" if attends else "UpBlock2D" for attends in size.attention[::-1]]
    pooled = (
        {"class_embed_type": "projection", "projection_class_embeddings_input_dim": text_dim}
        if size.pooled
        else {}
    )
    count = channels(layout)
    unet: nn.Module = make(
        sample_size=None,
        in_channels=count,
        out_channels=count,
        block_out_channels=size.widths,
        layers_per_block=size.layers,
        down_block_types=tuple(down),
        up_block_types=tuple(up),
        mid_block_type="UNetMidBlock2DCrossAttn",
        attention_head_dim=size.heads,
        cross_attention_dim=text_dim,
        norm_num_groups=16,
        resnet_time_scale_shift="scale_shift",
        **pooled,
    )
    return unet


def denoise(
    unet: nn.Module, image: torch.Tensor, steps: torch.Tensor, text: torch.Tensor
) -> torch.Tensor:
    """Return what the network says.

    Parameters
    ----------
    unet
        Of :func:`build_unet`.
    image
        (B, C, H, T).
    steps
        Timesteps, (B,).
    text
        Embeddings of the prompts, (B, L, d).
    """
    network: Any = unet
    pooled = text.mean(1) if network.config.class_embed_type == "projection" else None
    prediction: torch.Tensor = network(image, steps, text, class_labels=pooled).sample
    return prediction
