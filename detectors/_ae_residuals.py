"""What the scores need of residuals: their mean square and their mean row, clip by clip."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray

from asdbench.features import Windows

from ._ae_batches import WindowGather
from ._ae_network import FoldedNetwork

_CHUNK = 4096
"""Windows reconstructed at once: bounds the memory that a long clip takes."""


def summarize(residual: torch.Tensor, bands: int) -> tuple[float, NDArray[np.float64]]:
    """Return the mean square of a residual (batch, width), and its mean row (bands,)."""
    mean_square = float(residual.square().mean(1).double().mean())
    return mean_square, residual.reshape(-1, bands).mean(0).double().cpu().numpy()


def summarize_clips(
    network: FoldedNetwork, gather: WindowGather, windows: Windows, clips: int, bands: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the mean square (clips,) and the mean row (clips, bands) of each clip's residual.

    Each clip is computed by itself, so that its score does not depend, in any bit, on the clips
    around it. Every clip must have a window.
    """
    mean_square, mean_row = np.zeros(clips), np.zeros((clips, bands))
    for clip, share, x in _chunks(gather, windows, clips):
        square, row = summarize(network.residual(x), bands)
        mean_square[clip] += share * square
        mean_row[clip] += share * row
    return mean_square, mean_row


def mean_latents(
    network: FoldedNetwork, gather: WindowGather, windows: Windows, clips: int
) -> NDArray[np.float64]:
    """Return what each clip is reconstructed from, averaged over its windows, (clips, latents)."""
    means: list[NDArray[np.float64]] = []
    for clip, share, x in _chunks(gather, windows, clips):
        part = share * network.latent(x).double().mean(0).cpu().numpy()
        if clip < len(means):
            means[clip] += part
        else:
            means.append(part)
    return np.stack(means)


def _chunks(
    gather: WindowGather, windows: Windows, clips: int
) -> Iterator[tuple[int, float, torch.Tensor]]:
    """Yield clip, share of the clip's windows, and windows (batch, width), clip after clip."""
    starts = torch.from_numpy(windows.starts)
    bounds = np.searchsorted(windows.clip, np.arange(clips + 1))
    for clip, (first, last) in enumerate(pairwise(bounds)):
        for chunk in torch.split(starts[first:last], _CHUNK):
            yield clip, len(chunk) / (last - first), gather(chunk)
