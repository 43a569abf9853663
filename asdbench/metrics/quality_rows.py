"""What the table of audio quality is made of: pools of clips in, rows of plain values out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from asdbench.api import ClipSet, Label

Group = tuple[str, Label | None]
"""Machine and label."""

ALL_MACHINES = "all"
"""Machine of a row that pools the clips of all machines."""
LOG_MEL = "log-mel"
"""Space of a memorization row that compares spectrograms, not vectors."""


@dataclass(frozen=True)
class Pool:
    """Clips of one machine and label."""

    machine: str
    label: Label | None
    """None where nobody knows."""
    clips: ClipSet
    names: Sequence[str]
    """One a clip, for the list of suspicious clips."""
    captions: Sequence[str] = ()
    """One a clip, or none at all."""

    @property
    def group(self) -> Group:
        """Machine and label."""
        return self.machine, self.label


@dataclass(frozen=True)
class DistanceRow:
    """Distances between the real and the generated clips of one machine and label.

    Values of different ``digest`` are not comparable. A value is None where these clips cannot
    give it; ``notes`` says why.
    """

    machine: str
    label: Label | None
    embedding: str
    digest: str
    """SHA-256 of the embedding's weights or settings."""
    real_clips: int
    generated_clips: int
    fad: float | None
    """Fréchet audio distance of all these clips."""
    floor_clips: int | None
    """Clips on either side of the two values that follow."""
    fad_matched: float | None
    """FAD of that many generated clips and half of the real ones."""
    fad_floor: float | None
    """FAD of the two halves of the real clips: what no generator can be expected to beat."""
    fad_infinity: float | None
    """FAD extrapolated to infinitely many clips."""
    fad_infinity_r2: float | None
    """Share of variance that the extrapolation's fit explains."""
    kad: float | None
    """Kernel audio distance: 100 MMD^2, unbiased."""
    kad_low: float | None
    kad_high: float | None
    kad_p: float | None
    """Permutation p-value of equal distributions."""
    kad_floor: float | None
    """95 % of random halves of the real clips are nearer to each other than this."""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class ClassifierRow:
    """What a classifier makes of the clips: ``kl_<classifier>`` and ``is_<classifier>``."""

    machine: str
    label: Label | None
    classifier: str
    digest: str
    pairs: int
    """Generated clips with a real clip of the same caption or condition."""
    kl: float | None
    """Mean KL(real || generated) over the pairs, nats."""
    is_real: float
    """Inception score of the real clips."""
    is_generated: float
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class CaptionRow:
    """Mean cosine of caption and clip (CLAP score)."""

    machine: str
    label: Label | None
    embedding: str
    digest: str
    clap_real: float | None
    """Of real clips and their captions; None without captions."""
    clap_generated: float | None


@dataclass(frozen=True)
class Suspect:
    """A generated clip that is nearer to one training clip than real clips are."""

    clip: str
    neighbor: str
    """The training clip."""
    nearness: float
    margin: float
    """How much nearer than the second nearest."""
    shift_seconds: float | None
    """Where in the training clip it begins; None for vectors."""


@dataclass(frozen=True)
class MemorizationRow:
    """Nearness to training clips of the generated clips of one machine and label."""

    machine: str
    label: Label | None
    space: str
    """``log-mel`` (correlation) or an embedding (minus the standardized distance)."""
    digest: str | None
    generated_clips: int
    baseline_clips: int
    """Real clips that are not in the training set."""
    train_clips: int
    limit: float
    """Nearness that 1 % of the real clips exceed."""
    share: float
    """Of the generated clips that exceed it."""
    margin_limit: float
    """Margin to the second nearest that 1 % of the real clips exceed."""
    margin_share: float
    """Of the generated clips that exceed it."""
    expected_share: float
    """Either share where nothing is memorized."""
    median: float
    median_baseline: float
    suspects: tuple[Suspect, ...]
    """Beyond a limit, widest margin first."""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class QualityTable:
    """All rows, machine by machine, the pooled ones last."""

    distances: tuple[DistanceRow, ...]
    classifiers: tuple[ClassifierRow, ...] = ()
    captions: tuple[CaptionRow, ...] = ()
    memorization: tuple[MemorizationRow, ...] = ()
    notes: tuple[str, ...] = ()
    """What holds of the whole table."""

    def to_json(self) -> dict[str, Any]:
        """Return the table as JSON values."""
        return asdict(self)
