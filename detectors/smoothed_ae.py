"""Anomaly scores smoothed over neighbors in a discriminative feature space."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from asdbench.api import (
    Audio,
    ClipSet,
    Context,
    Detector,
    DetectorInfo,
    Embedded,
    EmbeddingPart,
    Params,
    Part,
    SupportsEmbedding,
)
from asdbench.errors import PluginError

from ._neighborhoods import Metric, smooth
from ._segments import cut


class SmoothedAEParams(Params):
    """Parameters of ``smoothed-ae``."""

    generative: Part = Part(use="dcase-ae")
    """The detector whose scores are smoothed."""
    discriminative: EmbeddingPart = EmbeddingPart(use="serial-oe")
    """The detector in whose embedding neighbors are sought; it must have `embed()`."""
    neighbors: int = Field(16, ge=1)
    """K: a score becomes the mean of itself and its K - 1 nearest neighbors; 1 changes nothing."""
    pool: Literal["all", "source"] = "all"
    """Which scored clips may be neighbors: all, or those of the source domain."""
    metric: Metric = "euclidean"
    """Distance in the embedding."""
    level: Literal["segment", "clip"] = "clip"
    """Whether segments of clips are smoothed, and a clip's score is their mean, or whole clips."""
    segment_seconds: float = Field(4.0, gt=0.0)
    """Length of a segment, s; the whole clip where that is shorter."""
    segment_hop_seconds: float = Field(1.0, gt=0.0)
    """Step between segments, s."""
    share: float = Field(1.0, gt=0.0, le=1.0)
    """Share of the pool, drawn at random, that may be neighbors."""
    trial: int = Field(0, ge=0)
    """Which draw of that share."""


class SmoothedAE(Detector):
    """Discriminative neighborhood smoothing of a generative detector's scores.

    The score of a clip is averaged with those of its nearest neighbors among the clips that are
    scored with it, in the embedding of a detector that was trained to tell machines apart. A
    normal clip with a high score by accident is mended by its normal neighbors; how far the
    clips lie from the training data does not matter.

    Any detector can stand in the place of the autoencoder, and any one with ``embed()`` in that
    of SerialOE. Scores depend on the clips that are scored together (transductive).

    References
    ----------
    T. Fujimura, K. Imoto, T. Toda, "Discriminative Neighborhood Smoothing for Generative Anomalous
    Sound Detection", EUSIPCO 2024, section III, equation 7.

    Deviations
    ----------
    Where fewer than K - 1 neighbors exist, the divisor is their number plus one. The paper does
    not state the distance (Euclidean here, or cosine), nor whether clips or segments are smoothed:
    its largest K, 2,048, fits segments alone (``level="segment"``). ``pool="source"`` needs the
    domain of the scored clips. In its study of the number of samples (Figure 5) the paper scores
    a part of the test data; here all clips are scored, and a part of them (``share``) may be
    neighbors, drawn without knowledge of labels.
    """

    info: ClassVar[DetectorInfo] = DetectorInfo(
        id="smoothed-ae",
        version="1",
        params=SmoothedAEParams,
        description="Neighborhood smoothing: any detector's scores, averaged in another's space.",
        paper="Fujimura et al., EUSIPCO 2024",
        scope="section",
        score_params=frozenset(
            {
                "neighbors",
                "pool",
                "metric",
                "level",
                "segment_seconds",
                "segment_hop_seconds",
                "share",
                "trial",
            }
        ),
        transductive=True,
        needs=frozenset({"test_domain"}),
    )
    check_params: ClassVar[Mapping[str, Any]] = {"neighbors": 2}
    params: SmoothedAEParams

    def fit(self, train: ClipSet, context: Context) -> None:
        """Check the parts, which were fitted before; there is nothing else to learn."""
        self._parts(context)

    def score(self, clips: ClipSet, context: Context) -> NDArray[np.float64]:
        """Return the smoothed scores; each depends on all ``clips``."""
        if len(clips) == 0:
            return np.zeros(0)
        generative, discriminative = self._parts(context)
        params = self.params
        items: ClipSet = clips
        owners = np.arange(len(clips))
        if params.level == "segment":
            rate = clips.sample_rate
            length = max(1, round(params.segment_seconds * rate))
            items, owners = cut(clips, length, max(1, round(params.segment_hop_seconds * rate)))
        scores = generative.score(items, context)
        features = discriminative.embed(items, context).clip_means()
        smoothed = smooth(
            scores, features, params.neighbors, params.metric, self._candidates(clips)[owners]
        )
        return Embedded(smoothed[:, None], owners).clip_means()[:, 0]

    def _candidates(self, clips: ClipSet) -> NDArray[np.bool_]:
        """Return which clips may be neighbors."""
        allowed = np.ones(len(clips), dtype=bool)
        if self.params.pool == "source":
            domains = [condition.domain for condition in clips.conditions]
            if None in domains:
                raise PluginError(
                    "smoothed-ae: 'pool: source' needs the domain of every scored clip",
                    "Take 'pool: all' for data without domains.",
                )
            allowed = np.array([domain == "source" for domain in domains])
        if self.params.share < 1.0:
            drawn = [_uniform(clips.audio(i), self.params.trial) for i in range(len(clips))]
            allowed &= np.array(drawn) < self.params.share
        return allowed

    def _parts(self, context: Context) -> tuple[Detector, SupportsEmbedding]:
        try:
            generative = context.parts["generative"]
            discriminative = context.parts["discriminative"]
        except KeyError as error:
            raise PluginError(
                f"smoothed-ae: nobody lent it its part {error}",
                "Fitted detectors come with the context: Context(parts={'generative': ..., "
                "'discriminative': ...}). Suites do so by themselves.",
            ) from error
        if not isinstance(discriminative, SupportsEmbedding):
            raise PluginError(
                f"smoothed-ae: '{self.params.discriminative.use}' has no embedding to look for "
                "neighbors in",
                "As 'discriminative' name a detector that has embed(), e.g. serial-oe.",
            )
        return generative, discriminative

    def save(self, folder: Path) -> None:
        """Write that it was fitted; what was learned is in its parts."""
        parts = {"generative": self.params.generative.use}
        parts["discriminative"] = self.params.discriminative.use
        (folder / "parts.json").write_text(json.dumps(parts) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, folder: Path, params: Any, context: Context) -> Self:
        """Return the detector; its parts come with the context of every call."""
        json.loads((folder / "parts.json").read_text(encoding="utf-8"))
        return cls(params)


def _uniform(audio: Audio, trial: int) -> float:
    """Return a number in [0, 1) that a clip and a trial determine, whatever the other clips."""
    drawn = hashlib.sha256(audio.tobytes() + trial.to_bytes(8, "little")).digest()
    return int.from_bytes(drawn[:6], "little") / 2**48
