"""Windows of log-mel frames, where every clip has one."""

from __future__ import annotations

import numpy as np

from asdbench.api import ClipSet
from asdbench.errors import DataError
from asdbench.features import Frames, LogMelSpec, Windows


def windows_of(
    detector: str, clips: ClipSet, spec: LogMelSpec, length: int, hop: int
) -> tuple[Frames, Windows]:
    """Return the frames of ``clips`` and their windows of ``length`` frames, every ``hop``.

    Raises
    ------
    DataError
        When a clip is too short for a window.
    """
    frames = clips.features(spec)
    windows = frames.windows(length, hop)
    short = np.flatnonzero(np.bincount(windows.clip, minlength=len(clips)) == 0)
    if len(short):
        least = (length - 1) * spec.hop_length / clips.sample_rate
        raise DataError(
            f"{detector}: {len(short)} of {len(clips)} clips are too short, the first of "
            f"{clips.conditions[short[0]]} with {len(frames.clip(int(short[0])))} frames",
            f"{length} frames are needed, that is {least:.3g} s: leave these clips out, or lower "
            "'frames' or 'hop_length'",
        )
    return frames, windows
