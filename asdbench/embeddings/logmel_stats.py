"""Statistics of log-mel bands: an embedding that needs no weights."""

from __future__ import annotations

import hashlib
import json
from typing import ClassVar

import numpy as np

from asdbench.api import ClipSet, Context, Embedded, Embedding, EmbeddingInfo, Params
from asdbench.features import LogMelSpec

SPEC = LogMelSpec()
"""Frames of the DCASE baselines: a run has them at hand already."""
BANDS = 32
"""Bands after averaging neighbors: 32 bands and three statistics are 96 dimensions."""


class LogMelStats(Embedding):
    """Mean, deviation and deviation of the change of 32 log-mel bands: 96 numbers a clip.

    The 128 bands of the DCASE baselines are averaged by fours, in dB; over the frames of a clip
    each band then gives its mean, its standard deviation, and the standard deviation of the
    difference between consecutive frames (0 for a clip of one frame). Distances are in dB.
    """

    info: ClassVar[EmbeddingInfo] = EmbeddingInfo(
        id="logmel-stats",
        version="1",
        params=Params,
        description="Mean, deviation and delta deviation of 32 log-mel bands; no weights. "
        "Comparable with no published FAD.",
    )

    def embed(self, clips: ClipSet, context: Context) -> Embedded:
        """Return one vector a clip, (clips, 96): means, deviations, delta deviations, in dB."""
        frames = clips.features(SPEC)
        rows = np.empty((len(frames), 3 * BANDS))
        for index in range(len(frames)):
            bands = frames.clip(index).astype(np.float64)
            bands = bands.reshape(len(bands), BANDS, -1).mean(axis=2)  # (frames, 32)
            change = np.diff(bands, axis=0).std(axis=0) if len(bands) > 1 else np.zeros(BANDS)
            rows[index] = np.concatenate([bands.mean(axis=0), bands.std(axis=0), change])
            context.progress(index + 1, len(frames), "clip")
        return Embedded.one_per_clip(rows)

    def digest(self) -> str:
        """Return a SHA-256 of the settings: there are no weights."""
        settings = {"version": self.info.version, "bands": BANDS, "spec": SPEC.canonical()}
        return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()
