"""What a detector returned, checked before anything is made of it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from asdbench.errors import PluginError


def checked_scores(scores: Any, clips: int, plugin: str) -> NDArray[np.float64]:
    """Return ``scores`` as float64 (clips,).

    Raises
    ------
    PluginError
        When they are of another shape or not finite.
    """
    found = np.asarray(scores, dtype=np.float64)
    if found.shape != (clips,) or not np.isfinite(found).all():
        bad = int((~np.isfinite(found)).sum())
        raise PluginError(
            f"'{plugin}' returned scores of shape {found.shape} for {clips} clips"
            f", {bad} of them not finite",
            "score() must return one finite float64 for every clip.",
        )
    return found
