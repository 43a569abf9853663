"""The inner representation of a fitted detector as an embedding."""

from __future__ import annotations

from typing import ClassVar

from asdbench.api import (
    ClipSet,
    Context,
    Embedded,
    Embedding,
    EmbeddingInfo,
    Params,
    SupportsEmbedding,
)


class DetectorEmbedding(Embedding):
    """What a fitted detector with ``embed`` makes of the clips.

    It sees what matters to that detector and is blind to the rest. No plug-in: it takes a
    detector that has been fitted, not parameters.

    Parameters
    ----------
    detector
        Fitted, e.g. on the training normals of the suite.
    digest
        Of all that its vectors depend on, e.g. the key of its fit in the store.
    """

    info: ClassVar[EmbeddingInfo] = EmbeddingInfo(
        id="detector", version="1", description="The inner representation of a fitted detector."
    )

    def __init__(self, detector: SupportsEmbedding, digest: str) -> None:
        super().__init__(Params())
        self._detector = detector
        self._digest = digest

    def embed(self, clips: ClipSet, context: Context) -> Embedded:
        """Return the detector's vectors."""
        return self._detector.embed(clips, context)

    def digest(self) -> str:
        """Return the digest given."""
        return self._digest
