"""The level of training clips, as an offset of their log-mel frames."""

from __future__ import annotations

import math

import numpy as np

from asdbench.api import ClipSet


def standardizing_offset(clips: ClipSet) -> float:
    """Return what scaling all samples of ``clips`` to variance 1 adds to log-mel values, dB.

    Scaling audio by a factor adds the same number of dB to every frame and band, whatever the
    exponent of the magnitude. Subtracting the mean of the audio is left out: it changes the bins
    at and beside 0 Hz, below the lowest band of the smoothing paper. Silence gives 0.
    """
    count, total, squares = 0, 0.0, 0.0
    for index in range(len(clips)):
        audio = clips.audio(index).astype(np.float64)
        count += len(audio)
        total += float(audio.sum())
        squares += float(audio @ audio)
    variance = squares / count - (total / count) ** 2
    return -10.0 * math.log10(variance) if variance > 0 else 0.0
