"""What is withheld from training."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import torch
from numpy.typing import NDArray

from asdbench.features import Windows

from ._ae_params import Validation

_SHARES = {False: Fraction(15, 100), True: Fraction(1, 3)}
"""Share of the source and of the target clips that the smoothing paper withholds (section IV)."""


def split_windows(
    validation: Validation,
    windows: Windows,
    is_target: NDArray[np.bool_],
    generator: torch.Generator,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the indices of windows to train on, and of those withheld.

    Parameters
    ----------
    validation
        See :class:`asdbench.detectors._ae_params.Training`.
    windows
        Windows of all training clips.
    is_target
        Whether a clip is of the target domain, (clips,).
    generator
        Draws what is withheld.
    """
    count, clips = len(windows.starts), len(is_target)
    if validation in ("vectors", "none"):
        withheld = math.ceil(0.1 * count) if validation == "vectors" else 0
        order = torch.randperm(count, generator=generator)
        return order[withheld:], order[:withheld]
    if validation == "clips":
        out = np.arange(clips) >= max(1, int(0.9 * clips))
    else:
        out = np.zeros(clips, dtype=np.bool_)
        for target, share in _SHARES.items():
            of_domain = np.flatnonzero(is_target == target)
            order = torch.randperm(len(of_domain), generator=generator)
            out[of_domain[order[: int(share * len(of_domain))].numpy()]] = True
    mask = torch.from_numpy(out[windows.clip])
    return (~mask).nonzero()[:, 0], mask.nonzero()[:, 0]
