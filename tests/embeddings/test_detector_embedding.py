from __future__ import annotations

import numpy as np

from asdbench.api import ClipSet, Context, Embedded, SupportsEmbedding
from asdbench.clips import ClipPool
from asdbench.embeddings.detector import DetectorEmbedding


class Loudness:
    """A detector's inner representation: the level of each clip."""

    def embed(self, clips: ClipSet, context: Context) -> Embedded:
        levels = [[np.std(clips.audio(i)), 1.0] for i in range(len(clips))]
        return Embedded.one_per_clip(np.array(levels))


def test_it_is_the_detector_s_own(clips: ClipPool, context: Context) -> None:
    detector = Loudness()
    assert isinstance(detector, SupportsEmbedding)
    embedding = DetectorEmbedding(detector, digest="fit-key")
    assert embedding.digest() == "fit-key"
    assert embedding.refuses() is None
    rows = embedding.embed(clips, context).rows
    assert rows[2, 0] > rows[1, 0] > rows[0, 0]
