"""Outliers made of a machine's own clips, for data of one machine."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

LEAST_SHIFT, LARGEST_SHIFT = 1.0, 4.0
"""Semitones."""


def draw_shifts(count: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Return factors on frequency, (count,): 1 to 4 semitones, up or down."""
    semitones = rng.uniform(LEAST_SHIFT, LARGEST_SHIFT, count) * rng.choice([-1.0, 1.0], count)
    factors: NDArray[np.float64] = 2 ** (semitones / 12)
    return factors


def shift_pitch(
    mel: torch.Tensor, centers: NDArray[np.float64], factors: NDArray[np.float64]
) -> torch.Tensor:
    """Return ``mel`` with all frequencies multiplied by a factor of each crop's own.

    Band values are interpolated between the two bands nearest to the frequency that they come
    from; beyond the ends, the end band is taken.

    Parameters
    ----------
    mel
        (crops, bands, frames).
    centers
        Center of each band, Hz, rising.
    factors
        (crops,); 1 changes nothing.
    """
    origin = centers[None, :] / factors[:, None]  # Hz
    position = np.interp(origin, centers, np.arange(len(centers)))
    below = np.minimum(position.astype(np.int64), len(centers) - 2)
    share = torch.from_numpy((position - below).astype(np.float32)).to(mel.device)[..., None]
    rows = torch.arange(len(mel), device=mel.device)[:, None]
    index = torch.from_numpy(below).to(mel.device)
    return torch.lerp(mel[rows, index], mel[rows, index + 1], share)
