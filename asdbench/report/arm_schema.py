"""The part of the report's schema that sets real, coded and generated clips side by side."""

from __future__ import annotations

from typing import Literal

from asdbench.report.model import Model

Over = Literal["machine and domain", "machine", "domain", "detector"]


class ArmValue(Model):
    """AUC and pAUC of one arm: clips in the place of normals against clips in that of anomalies."""

    auc: float | None
    """Share of the pairs in which the clip in the place of an anomaly scores higher."""
    auc_low: float | None = None
    """Lower end of the AUC's interval."""
    auc_high: float | None = None
    """Upper end of the AUC's interval."""
    pauc: float | None = None
    """pAUC of the same arm; under definitions with domains, of one domain's anomalies only."""
    n_negative: int = 0
    """Clips in the place of normals that entered the AUC."""
    n_positive: int = 0
    """Clips in the place of anomalies that entered the AUC."""
    method: str | None = None
    """How the interval was computed."""
    note: str | None = None
    """Why there is no interval, or a known weakness of it."""
    reason: str | None = None
    """Why values above are null."""


class ArmGap(Model):
    """The AUC of one arm less that of the `real` arm."""

    value: float | None
    """AUC of the arm - AUC of the `real` arm."""
    low: float | None = None
    """Lower end of the interval."""
    high: float | None = None
    """Upper end of the interval."""
    method: str | None = None
    """How the interval was computed."""
    note: str | None = None
    """Why there is no interval, or a known weakness of it."""
    reason: str | None = None
    """Why the value is null."""


class ArmRow(Model):
    """All arms of one machine x section x domain x detector x generator."""

    machine: str
    """Machine type."""
    section: str
    """Section."""
    domain: Literal["source", "target", "all"]
    """Whose normals enter; `all` is the whole section."""
    detector: str
    """`id` in the suite."""
    generator: str
    """`id` in the suite."""
    grid: str | None
    """Name of the grid that asked for anomalies; null where none did."""
    repeats: int
    """Fits of the detector that were averaged."""
    real: ArmValue
    """Real normals against real anomalies."""
    coded: ArmValue
    """Coded normals against coded anomalies: the clips of `real` through the codec and back."""
    paper: ArmValue
    """Real normals against generated anomalies."""
    matched: ArmValue
    """Generated normals against generated anomalies."""
    artifact: ArmValue
    """Real normals against generated normals of the same domain; ideal 0.5."""
    codec: ArmValue
    """Real normals against the same clips through the codec and back; ideal 0.5."""
    matched_gap: ArmGap
    """matched - real: the headline where the suite generates normals."""
    paper_gap: ArmGap
    """paper - real: the gap of `cells`."""
    coded_gap: ArmGap
    """coded - real: what the codec alone changes."""


class ArmMean(Model):
    """Averages over a group of rows of `arms`; null where a row lacks the value."""

    over: Over
    """What the group shares; `detector`: all rows of a detector and grid."""
    machine: str | None
    """Machine type, where the group shares it."""
    domain: str | None
    """Domain, where the group shares it."""
    detector: str
    """`id` in the suite."""
    generator: str
    """`id` in the suite."""
    grid: str | None
    """Name of the grid that asked for anomalies."""
    n_cells: int
    """Rows that entered each AUC mean."""
    auc_real: float | None
    """Mean AUC of the arm."""
    auc_coded: float | None
    """Mean AUC of the arm."""
    auc_paper: float | None
    """Mean AUC of the arm."""
    auc_matched: float | None
    """Mean AUC of the arm."""
    auc_artifact: float | None
    """Mean AUC of the arm; a mean of 0.5 can hide 0.1 and 0.9."""
    auc_codec: float | None
    """Mean AUC of the arm; a mean of 0.5 can hide 0.1 and 0.9."""
    matched_gap: float | None
    """Mean of the signed gaps."""
    matched_abs_gap: float | None
    """Mean of the absolute gaps."""
    paper_gap: float | None
    """Mean of the signed gaps."""
    paper_abs_gap: float | None
    """Mean of the absolute gaps."""
    coded_gap: float | None
    """Mean of the signed gaps."""
    coded_abs_gap: float | None
    """Mean of the absolute gaps."""
    artifact_deviation: float | None
    """Mean of |AUC - 0.5| of the artifact arm."""
    codec_deviation: float | None
    """Mean of |AUC - 0.5| of the codec arm."""
    pauc_real: float | None
    """Mean of the sections' pAUCs."""
    pauc_matched: float | None
    """Mean of the sections' pAUCs."""
    pauc_paper: float | None
    """Mean of the sections' pAUCs."""


class ArtifactFinding(Model):
    """Whether a detector tells generated normals from real ones, for one machine."""

    machine: str
    """Machine type."""
    detector: str
    """`id` in the suite."""
    generator: str
    """`id` in the suite."""
    finding: Literal["separated", "not separated", "not measured"]
    """`separated`: the AUC differs from 0.5 by more than chance explains."""
    auc: float | None
    """Mean AUC of the artifact arm over the machine's sections and domains."""
    auc_low: float | None = None
    """Lower end of the mean's interval."""
    auc_high: float | None = None
    """Upper end of the mean's interval."""
    deviation: float | None = None
    """Mean of |AUC - 0.5|."""
    sentence: str
    """The same in words, with what follows for the paper's protocol."""
