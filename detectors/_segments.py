"""Clips cut into overlapping segments, each of which is a clip again."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from asdbench.api import Audio, ClipSet
from asdbench.clips import ClipPool


def segment_starts(samples: int, length: int, hop: int) -> list[int]:
    """Return where segments of ``length`` begin: every ``hop``, the last one flush with the end.

    A clip that is no longer than ``length`` is one segment.
    """
    if samples <= length:
        return [0]
    count = 1 + math.ceil((samples - length) / hop)
    return [min(i * hop, samples - length) for i in range(count)]


def cut(clips: ClipSet, length: int, hop: int) -> tuple[ClipPool, NDArray[np.int64]]:
    """Return the segments of all clips, read on demand, and the clip that each is from.

    Parameters
    ----------
    clips
        Of any lengths; one that is shorter than ``length`` is a segment as it is.
    length, hop
        Of segments, samples.
    """
    starts = [segment_starts(len(clips.audio(i)), length, hop) for i in range(len(clips))]
    places = [(clip, start) for clip, found in enumerate(starts) for start in found]
    last: dict[int, Audio] = {}

    def read(index: int) -> Audio:
        clip, start = places[index]
        if clip not in last:  # segments are read clip by clip
            last.clear()
            last[clip] = clips.audio(clip)
        return last[clip][start : start + length]

    owners = np.array([clip for clip, _ in places], dtype=np.int64)
    conditions = [clips.conditions[clip] for clip in owners]
    return ClipPool(conditions, clips.sample_rate, read), owners
