"""What the autoencoder's scores need of residuals: their mean square and their mean row."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray

from asdbench.features import Windows

from ._ae_network import Reconstructor
from ._ae_training import WindowGather

_CHUNK = 4096
"""Windows reconstructed at once: bounds the memory that a long clip takes."""


def summarize(residual: torch.Tensor, bands: int) -> tuple[float, NDArray[np.float64]]:
    """Return the mean square of a residual (batch, width), and its mean row (bands,)."""
    mean_square = float(residual.square().mean(1).double().mean())
    return mean_square, residual.reshape(-1, bands).mean(0).double().cpu().numpy()


def summarize_clips(
    reconstruct: Reconstructor, gather: WindowGather, windows: Windows, clips: int, bands: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the mean square (clips,) and the mean row (clips, bands) of each clip's residual.

    Each clip is computed by itself, so that its score does not depend, in any bit, on the clips
    around it. Every clip must have a window.
    """
    mean_square, mean_row = np.zeros(clips), np.zeros((clips, bands))
    starts = torch.from_numpy(windows.starts)
    bounds = np.searchsorted(windows.clip, np.arange(clips + 1))
    for clip, (first, last) in enumerate(pairwise(bounds)):
        for chunk in torch.split(starts[first:last], _CHUNK):
            share = len(chunk) / (last - first)
            square, row = summarize(reconstruct.residual(gather(chunk)), bands)
            mean_square[clip] += share * square
            mean_row[clip] += share * row
    return mean_square, mean_row
