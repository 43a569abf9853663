"""The part of the report's schema that says how far a gap can be trusted."""

from __future__ import annotations

from typing import Literal

from asdbench.report.model import Model

GapKind = Literal["matched", "paper", "coded"]
GapVerdict = Literal["equivalent", "negligible", "different", "inconclusive"]


class VerdictRow(Model):
    """One gap against its margin: of a section and domain, of a machine, or of the suite."""

    over: Literal["section", "machine", "suite"]
    """What the gap is a mean over; `section`: one domain of one section."""
    machine: str | None
    """Machine type; null: over all machines."""
    section: str | None
    """Section; null: over several."""
    domain: Literal["source", "target", "all"] | None
    """Domain; null: over several."""
    detector: str
    """`id` in the suite."""
    generator: str
    """`id` in the suite."""
    grid: str | None
    """Name of the grid that asked for anomalies."""
    gap: GapKind
    """Which arm is compared with the real one."""
    headline: bool
    """Whether this gap is the one to read first: `matched`, or `paper` where no normals were
    generated."""
    metric: Literal["auc", "pauc"]
    """Of which metric."""
    value: float | None
    """Metric of the arm - metric of the real arm."""
    low: float | None = None
    """Lower end of the interval at the report's confidence."""
    high: float | None = None
    """Upper end of the interval at the report's confidence."""
    se: float | None = None
    """Standard error of the gap."""
    margin: float
    """How large a gap counts as none."""
    verdict: GapVerdict | None
    """`inconclusive` is no evidence of equality; null where there is no interval."""
    certifiable: float | None = None
    """Smallest margin within which a perfect generator would be certified with 80 % power, with
    clips as many and as variable as these."""
    noise_floor: float | None = None
    """What |gap| 95 of 100 random halves of the real anomalies stay below, at these sizes."""
    p_permutation: float | None = None
    """Share of reshuffles of real and generated clips with a gap at least as large; null for pAUC,
    and where clips were cut from recordings."""
    method: str | None = None
    """How the interval was computed."""
    note: str | None = None
    """A known weakness of the interval."""
    reason: str | None = None
    """Why values are null."""


class LadderRow(Model):
    """The paper's gap taken apart: what the codec does, what the generator does, what is left."""

    machine: str
    """Machine type."""
    detector: str
    """`id` in the suite."""
    generator: str
    """`id` in the suite."""
    grid: str | None
    """Name of the grid that asked for anomalies."""
    paper_gap: float | None
    """Mean over sections and domains of AUC(paper) - AUC(real)."""
    codec: float | None
    """Part of it that coding the anomalies alone brings."""
    generation: float | None
    """Part of it that generated normals show as well."""
    rest: float | None
    """Part of it that is left: the matched gap's."""
    reads: Literal["faults", "codec", "generator", "not measured"]
    """What the AUC on generated anomalies against real normals is evidence about."""
    sentence: str
    """The same in words, with the artifact arm's AUC and interval."""


class AgreementRow(Model):
    """Whether generated anomalies rank the detectors as real ones do, beside the ceiling."""

    machine: str | None
    """Machine type; null: means over all machines."""
    generator: str
    """`id` in the suite."""
    grid: str | None
    """Name of the grid that asked for anomalies."""
    gap: GapKind
    """Which arm gives the generated ranking."""
    n_detectors: int
    """Detectors that are ranked."""
    best_real: str | None
    """Best detector on real anomalies; several that tie, with commas between."""
    best_generated: str | None
    """The same on generated ones."""
    tau: float | None
    """Kendall's tau-b of the two rankings."""
    tau_low: float | None = None
    """Lower end of its bootstrap interval."""
    tau_high: float | None = None
    """Upper end of its bootstrap interval."""
    tau_ceiling: float | None = None
    """What a second set of real clips of this size would reach on average."""
    top1: float | None = None
    """Share of bootstrap draws in which both name the same best detector."""
    top1_ceiling: float | None = None
    """The same for two sets of real clips."""
    regret: float | None = None
    """Real AUC lost by choosing the detector that is best on generated anomalies."""
    regret_ceiling: float | None = None
    """Real AUC lost by choosing on a second set of real clips, on average."""
    reason: str | None = None
    """Why values are null."""


class ScoreDistanceRow(Model):
    """How far the scores of generated anomalies lie from those of real ones."""

    machine: str
    """Machine type."""
    section: str
    """Section."""
    detector: str
    """`id` in the suite."""
    generator: str
    """`id` in the suite."""
    grid: str
    """Name of the grid that asked for anomalies."""
    n_real: int
    """Real anomalies."""
    n_generated: int
    """Generated anomalies."""
    ks: float | None
    """Kolmogorov-Smirnov distance: the largest difference of the two distribution functions."""
    ks_p: float | None = None
    """Probability of at least that distance between two samples of one distribution."""
    wasserstein: float | None = None
    """Wasserstein-1 distance in standard deviations of the real normals' scores."""
    shift: float | None = None
    """Difference of the medians (generated - real), in the same unit."""
    reason: str | None = None
    """Why values are null."""


class ComponentRow(Model):
    """Where the uncertainty of a gap comes from, and which repeats would reduce it."""

    machine: str | None
    """Machine type; null: the suite."""
    detector: str
    """`id` in the suite."""
    generator: str
    """`id` in the suite."""
    grid: str | None
    """Name of the grid that asked for anomalies."""
    gap: GapKind
    """Which gap."""
    detector_repeats: int
    """Fits of the detector."""
    generator_repeats: int
    """Fits of the generator."""
    sd_clips: float | None
    """Standard deviation that the choice of clips causes."""
    sd_detector: float | None
    """Standard deviation between fits of the detector; null with one fit."""
    sd_generator: float | None
    """Standard deviation between fits of the generator; null with one fit."""
    buy: Literal["clips", "detector repeats", "generator repeats", "unknown"]
    """What to have more of first."""
    sentence: str
    """The same in words."""


class BelowChanceRow(Model):
    """A detector that calls normal clips of a machine more anomalous than anomalous ones."""

    machine: str
    """Machine type."""
    detector: str
    """`id` in the suite."""
    auc: float
    """Mean over sections and domains of the AUC on real clips."""
    low: float | None = None
    """Lower end of its interval."""
    high: float | None = None
    """Upper end of its interval."""
    sentence: str
    """The same in words, with what it may come from."""
