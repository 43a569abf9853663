"""The part of the report's schema on the audio of generated clips."""

from __future__ import annotations

from typing import Literal

from asdbench.report.model import Model


class QualityRow(Model):
    """How far one grid's clips of one machine lie from the real ones of the evaluation.

    Values of different `digest` are not comparable; see docs/quality.md.
    """

    grid: str
    """Name of the grid."""
    machine: str
    """Machine type."""
    label: Literal["normal", "anomaly"]
    """Label of both sides."""
    embedding: str | None = None
    """Embedding of the distances."""
    digest: str | None = None
    """Identifies the embedding's weights or settings."""
    real_clips: int = 0
    """Real test clips of that label."""
    generated_clips: int
    """Clips of the grid."""
    fad: float | None = None
    """Fréchet audio distance; grows as clips get fewer."""
    floor_clips: int | None = None
    """Clips on either side of the two values that follow."""
    fad_matched: float | None = None
    """FAD of that many generated clips and half of the real ones."""
    fad_floor: float | None = None
    """FAD of the two halves of the real clips."""
    fad_infinity: float | None = None
    """FAD extrapolated to infinitely many clips."""
    kad: float | None = None
    """Kernel audio distance, unbiased: 0 for equal distributions."""
    kad_low: float | None = None
    """Lower end of its 95 % interval."""
    kad_high: float | None = None
    """Upper end of its 95 % interval."""
    kad_p: float | None = None
    """Permutation p-value of equal distributions."""
    kad_floor: float | None = None
    """95 % of random halves of the real clips are nearer to each other than this."""
    train_clips: int = 0
    """The generator's training clips among which copies were sought; 0 for round trips."""
    copied_share: float | None = None
    """Generated clips nearer to a training clip than 99 % of real clips are (log-mel)."""
    copied_share_expected: float | None = None
    """The same where nothing is copied."""
    copied_p: float | None = None
    """Probability of at least that share where nothing is copied."""
    copied_p_least: float | None = None
    """The same if every generated clip were beyond the limit: so few clips show no more."""
    copied_share_embedding: float | None = None
    """As `copied_share`, by distance in the embedding."""
    nearness: float | None = None
    """Median log-mel correlation of a generated clip with its nearest training clip."""
    nearness_real: float | None = None
    """The same of the real test clips."""
    suspects: tuple[str, ...] = ()
    """Generated clips beyond the limit (log-mel), nearest first, each with its neighbor."""
    notes: tuple[str, ...] = ()
    """Why values are null, and what limits them."""
