"""What there is to say of one cell."""

from __future__ import annotations

from dataclasses import dataclass, field

from asdbench.explain.places import Place
from asdbench.report.arm_schema import ArmGap, ArmValue, ArtifactFinding
from asdbench.report.audit_schema import FidelityRow, LeakageRow, MemorizationRow
from asdbench.report.quality_schema import QualityRow
from asdbench.report.schema import Comparison, GridFacts, PluginUse
from asdbench.report.trust_schema import (
    ComponentRow,
    LadderRow,
    ScoreDistanceRow,
    VerdictRow,
)


@dataclass(frozen=True)
class ArmLine:
    """One arm of the cell."""

    arm: str
    """``real``, ``matched``, ``paper``, ``artifact``, ``coded`` or ``codec``."""
    negative: str
    """What stands in the place of normals."""
    positive: str
    """What stands in the place of anomalies."""
    value: ArmValue
    """Its AUC, interval and sizes."""
    gap: ArmGap | None
    """Its AUC less that of the real arm; None where that is not a gap."""


@dataclass(frozen=True)
class Headline:
    """The gap to read first."""

    gap: str
    """``matched``, or ``paper`` where no normals were generated."""
    value: float | None
    """AUC of the arm less that of the real arm."""
    low: float | None
    """Lower end of the interval."""
    high: float | None
    """Upper end of the interval."""
    verdict: VerdictRow | None
    """The gap against its margin; None where the report has no verdicts."""
    reason: str | None = None
    """Why values are null."""


@dataclass(frozen=True)
class Spread:
    """The scores of one pool in short."""

    name: str
    """e.g. ``real normals``."""
    n: int
    """Clips."""
    quantiles: tuple[float, ...]
    """At :data:`asdbench.explain.distributions.LEVELS`."""
    shares: tuple[float, ...]
    """Share of its clips in each bin of the histogram."""


@dataclass(frozen=True)
class Distance:
    """How far the scores of generated clips lie from those of real ones with the same label."""

    label: str
    """``normals`` or ``anomalies``."""
    ks: float
    """Kolmogorov-Smirnov distance."""
    ks_p: float
    """Probability of at least that distance between two samples of one distribution."""
    wasserstein: float | None
    """Wasserstein-1 distance in standard deviations of the real normals' scores; null where these
    do not vary."""


@dataclass(frozen=True)
class Distributions:
    """The scores of all pools of the cell on one axis."""

    edges: tuple[float, ...]
    """Of the bins, one more than there are; the first and last bin hold what lies beyond."""
    pools: tuple[Spread, ...]
    """Real normals and anomalies, generated normals and anomalies, as far as there are any."""
    distances: tuple[Distance, ...]
    """Of generated from real clips."""


@dataclass(frozen=True)
class ClipLine:
    """One clip that deserves to be listened to."""

    clip: str
    """Its name in the score table."""
    condition: str
    """Attributes as text."""
    domain: str | None
    """Its domain."""
    score: float
    """Its score; with several fits of the detector, their mean."""
    standing: float
    """Missed: share of the real normals that score higher. False alarm: share of the real
    anomalies that score lower. Generated: standard deviations from the mean of the real clips
    with the same label."""
    audio: str | None = None
    """Where it can be heard, relative to the run folder; null where that does not hold it."""


@dataclass(frozen=True)
class ConditionLine:
    """The anomalies of one condition alone, against the normals of the cell."""

    condition: str
    """Attributes as text."""
    domain: str | None
    """Domain of its clips."""
    n_real: int
    """Real anomalies."""
    n_generated: int
    """Generated anomalies."""
    auc_real: float | None
    """AUC of the real normals against its real anomalies."""
    auc_generated: float | None
    """The same by the headline protocol."""
    gap: float | None = None
    """generated - real."""
    low: float | None = None
    """Lower end of its interval."""
    high: float | None = None
    """Upper end of its interval."""
    status: str | None = None
    """On the report's map: ``validated`` or ``measured``; null where it has no map."""


@dataclass(frozen=True)
class Clips:
    """The clips that the cell's numbers hang on."""

    missed: tuple[ClipLine, ...]
    """Real anomalies with the lowest scores."""
    false_alarms: tuple[ClipLine, ...]
    """Real normals with the highest scores."""
    far: tuple[ClipLine, ...]
    """Generated clips that score least like real clips of their label."""


@dataclass(frozen=True)
class Audits:
    """What the report's audits say of the generator, for this machine."""

    leakage: tuple[LeakageRow, ...] = ()
    memorization: tuple[MemorizationRow, ...] = ()
    fidelity: tuple[FidelityRow, ...] = ()
    quality: tuple[QualityRow, ...] = ()


@dataclass(frozen=True)
class Provenance:
    """What the cell was computed from."""

    suite: str
    """Name and version."""
    suite_digest: str
    data_digest: str
    split_digest: str
    dataset: PluginUse
    simulated: bool
    """Whether the real clips are simulated."""
    detector: PluginUse
    generator: PluginUse | None
    grids: dict[str, GridFacts]
    """The generator's grids, by name."""
    repeats: int
    """Fits of the detector."""
    n_detector_train: int
    """Normal clips that detectors learned from, over all machines."""
    n_generator_train_normal: int
    """Normal clips that generators learned from, over all machines."""
    n_generator_train_anomaly: int
    """Anomalous clips that generators learned from, over all machines."""
    asdbench: str
    """Version of the program."""
    seeds: dict[str, int] = field(default_factory=dict)
    """Of the suite; empty where the run folder does not hold ``suite.lock.yaml``."""


@dataclass(frozen=True)
class Explanation:
    """One cell in full."""

    place: Place
    status: str
    """``ok``, ``error`` or ``empty``."""
    reason: str | None
    """Why the status is not ``ok``."""
    confidence: float
    """Level of the intervals."""
    arms: tuple[ArmLine, ...]
    """AUCs side by side."""
    pauc: Comparison
    """The paper's protocol by pAUC."""
    headline: Headline | None
    """None where nothing was generated."""
    artifact: ArtifactFinding | None
    """What the artifact arm says of the machine and detector."""
    ladder: LadderRow | None
    """The paper's gap of the machine taken apart."""
    component: ComponentRow | None
    """Where the uncertainty of the machine's headline gap comes from."""
    score_distance: ScoreDistanceRow | None
    """The report's distance of the scores of generated from those of real anomalies."""
    warnings: tuple[str, ...]
    """What else speaks against the cell, in words."""
    distributions: Distributions | None
    """None without scores."""
    clips: Clips | None
    """None without scores."""
    conditions: tuple[ConditionLine, ...]
    """By how far the two AUCs lie apart; empty without scores."""
    audits: Audits
    provenance: Provenance
    missing: tuple[str, ...]
    """What cannot be shown, why, and how to get it."""
    others: tuple[Place, ...] = ()
    """The same cell with the other grids."""
    pools_domains: bool = False
    """Whether the clips of several domains enter one AUC, where a machine's rows average theirs."""
