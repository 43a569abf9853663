"""The report: what every table, page and comparison is a pure function of.

``report.json`` holds no time, host or path, so the same suite on the same data gives the same
bytes. Readers of version 1 must be able to read every later version 1: fields are only added.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from asdbench.report.arm_schema import ArmMean, ArmRow, ArtifactFinding
from asdbench.report.audit_schema import (
    CoverageRow,
    FidelityRow,
    LeakageRow,
    MemorizationRow,
    SeenRow,
)
from asdbench.report.model import Model
from asdbench.report.outcome_schema import GateResult, PublishedRow, ReferenceFacts, SelectionRow
from asdbench.report.quality_schema import QualityRow
from asdbench.report.trust_schema import (
    AgreementRow,
    BelowChanceRow,
    ComponentRow,
    LadderRow,
    ScoreDistanceRow,
    VerdictRow,
)

SchemaId = Literal["asdbench/report@1"]
SCHEMA_ID: SchemaId = "asdbench/report@1"


class Comparison(Model):
    """One metric on the real and on the generated clips, and their difference."""

    real: float | None
    """Metric of real normals against real anomalies."""
    generated: float | None
    """Metric of the same real normals against generated anomalies."""
    gap: float | None
    """generated - real."""
    gap_low: float | None = None
    """Lower end of the gap's interval."""
    gap_high: float | None = None
    """Upper end of the gap's interval."""
    method: str | None = None
    """How the interval was computed."""
    note: str | None = None
    """A known weakness of the interval."""
    reason: str | None = None
    """Why a value above is null."""


class Decisions(Model):
    """Precision, recall and F1 on the real clips of one domain, at the detector's threshold."""

    precision: float
    """True positives / flagged."""
    recall: float
    """True positives / anomalies."""
    f1: float
    """Harmonic mean of the two."""


class Cell(Model):
    """One machine x section x domain x detector x grid."""

    machine: str
    """Machine type."""
    section: str
    """Section."""
    domain: Literal["source", "target", "all"]
    """Whose normals enter; `all` is the whole section."""
    detector: str
    """`id` in the suite."""
    generator: str | None
    """`id` in the suite; null where nothing was generated."""
    grid: str | None
    """Name of the grid that asked for the clips."""
    n_normal: int
    """Real normal clips that entered the AUC."""
    n_anomaly_real: int
    """Real anomalous clips that entered the AUC."""
    n_anomaly_generated: int
    """Generated anomalous clips that entered the AUC, of each fit of the generator."""
    repeats: int
    """Fits of the detector that were averaged."""
    auc: Comparison
    """See `definitions`."""
    pauc: Comparison
    """See `definitions`."""
    decisions: Decisions | None = None
    """Null where the detector decides nothing, or for `all`."""
    status: Literal["ok", "error", "empty"] = "ok"
    """`error`: a task failed; `empty`: no clips."""
    reason: str | None = None
    """Why the status is not `ok`."""


class Mean(Model):
    """Averages over a group of cells."""

    over: Literal["machine and domain", "machine", "domain", "detector"]
    """What the group shares; `detector`: all cells of a detector and grid."""
    machine: str | None
    """Machine type, where the group shares it."""
    domain: str | None
    """Domain, where the group shares it."""
    detector: str
    """`id` in the suite."""
    generator: str | None
    """`id` in the suite."""
    grid: str | None
    """Name of the grid."""
    n_cells: int
    """Cells that entered each AUC mean."""
    n_gaps_not_zero: int
    """Those of them whose interval of the AUC gap excludes 0."""
    auc_real: float | None
    """Arithmetic mean of the AUCs on real clips."""
    auc_generated: float | None
    """Arithmetic mean of the AUCs on generated clips."""
    auc_gap: float | None
    """Mean of the signed gaps."""
    auc_abs_gap: float | None
    """Mean of the absolute gaps."""
    auc_hmean_real: float | None
    """Harmonic mean of the AUCs on real clips."""
    auc_hmean_generated: float | None
    """Harmonic mean of the AUCs on generated clips."""
    pauc_real: float | None
    """Arithmetic mean of the sections' pAUCs on real clips."""
    pauc_generated: float | None
    """Arithmetic mean of the sections' pAUCs on generated clips."""
    pauc_gap: float | None
    """Mean of the signed gaps."""
    reason: str | None = None
    """Why values are null: a mean over an incomplete set is not given."""


class OfficialScore(Model):
    """The official DCASE score of a detector over all machines and sections."""

    detector: str
    """`id` in the suite."""
    generator: str | None
    """`id` in the suite."""
    grid: str | None
    """Name of the grid."""
    real: float | None
    """On real anomalies."""
    generated: float | None
    """On generated anomalies."""
    reason: str | None = None
    """Why a value is null."""


class PluginUse(Model):
    """A plug-in as the suite used it."""

    id: str
    """Name in the suite and in the tables."""
    use: str
    """The plug-in's own name."""
    version: str
    """The plug-in's version."""
    code: str
    """Digest of the plug-in's code."""
    params: dict[str, Any]
    """All parameters, defaults included; locations as the suite's file has them."""
    paper: str = ""
    """Where the method is described."""
    needs: tuple[str, ...] = ()
    """What it was given beyond the default."""
    transductive: bool = False
    """Whether a clip's score depends on the clips scored with it; then each arm is scored alone."""


class GridFacts(Model):
    """What a generator was asked for."""

    generator: str
    """`id` in the suite."""
    label: Literal["normal", "anomaly"]
    """What was generated."""
    make: Literal["generate", "roundtrip"] = "generate"
    """Whether clips are new, or the real ones through the generator's codec and back."""
    match: str
    """What the conditions were taken from: the `real` clips, or `axes`."""
    multiplier: float
    """Generated clips for every real one; says nothing of a grid over axes."""
    axes: dict[str, dict[str, dict[str, dict[str, Any]]]] = Field(default={})
    """Machine -> section -> attribute -> values that it took; for the coverage map only."""
    clips_per_cell: int | None = None
    """Clips of each condition of `axes`."""
    refused: tuple[str, ...] = ()
    """Conditions of `axes` that the generator refused, with its reason."""
    clips: dict[str, str] = Field(default={})
    """Identifies the clips made for each `machine/section`."""

    @property
    def sweeps(self) -> bool:
        """Whether it goes over axes, and so serves the coverage map alone."""
        return bool(self.axes)


class SuiteFacts(Model):
    """Which suite was run."""

    name: str
    """Name in the suite file."""
    version: str
    """Version in the suite file."""
    description: str
    """Description in the suite file."""
    digest: str
    """Identifies all that the suite says, overrides included."""
    overrides: tuple[str, ...]
    """What the command line changed, other than where something lies."""


class FoldFacts(Model):
    """One fit of a cross-fit: what it learned from, and what it was not to learn from."""

    n_generator_train_normal: int
    """Normal clips that generators learned from."""
    n_generator_train_anomaly: int
    """Anomalous clips that generators learned from."""
    n_test_normal: int
    """Normal clips of the evaluation that its clips were made like."""
    n_test_anomaly: int
    """Anomalous clips of the evaluation that its clips were made like, and that it did not see."""


class DataFacts(Model):
    """Which data it was run on."""

    dataset: PluginUse
    """The data set plug-in."""
    simulated: bool
    """Whether the "real" clips are themselves simulated."""
    digest: str
    """Identifies the clips, their audio and what is said about them."""
    split_digest: str
    """Identifies which clip serves which purpose."""
    sections: dict[str, str] = Field(default={})
    """Identifies the clips of each `machine/section`, and which of them serves which purpose."""
    n_detector_train: int
    """Normal clips that detectors learned from."""
    n_generator_train_normal: int
    """Normal clips that generators learned from."""
    n_generator_train_anomaly: int
    """Anomalous clips that generators learned from; with `folds`, in any fit."""
    n_test_normal: int
    """Normal clips of the evaluation."""
    n_test_anomaly: int
    """Anomalous clips of the evaluation. No generator saw them; with `folds`, none saw those that
    its own clips were made like."""
    n_test_unlabelled: int
    """Clips of the evaluation without a label: scored, in no metric."""
    normals_shared: bool
    """Whether generators and detectors learned from the same normal clips."""
    folds: tuple[FoldFacts, ...] = ()
    """The fits of a cross-fit; empty where each generator was fitted once."""
    folds_by: Literal["clip", "condition"] | None = None
    """Whether a fit saw none of the clips that its own are made like, or no anomaly of their
    condition."""
    skipped: dict[str, str]
    """Clips that could not be used: id -> why (with `on_bad_clip: skip`)."""


class Problem(Model):
    """A task that failed."""

    task: str
    """Title of the task."""
    error: str
    """Type of the error, or `upstream`."""
    message: str
    """What it said."""


class Report(Model):
    """The whole result of a run."""

    schema_: SchemaId = Field(SCHEMA_ID, alias="schema")
    """Version of this format."""
    asdbench: str
    """Version of the program."""
    suite: SuiteFacts
    """Which suite."""
    data: DataFacts
    """Which data."""
    definition: Literal["dcase2020", "dcase2021", "dcase2022"]
    """Which clips enter AUC and pAUC."""
    definitions: dict[str, str]
    """What each number means, in words."""
    confidence: float
    """Level of the intervals."""
    detectors: tuple[PluginUse, ...]
    """Detectors under test."""
    generators: tuple[PluginUse, ...]
    """Generators under test."""
    grids: dict[str, GridFacts]
    """What they were asked for, by name."""
    cells: tuple[Cell, ...]
    """One row for each machine x section x domain x detector x grid: the paper's protocol."""
    means: tuple[Mean, ...]
    """Averages over cells."""
    official: tuple[OfficialScore, ...]
    """Official scores."""
    arms: tuple[ArmRow, ...] = ()
    """Real, coded and generated clips side by side; empty where nothing was generated."""
    arm_means: tuple[ArmMean, ...] = ()
    """Averages over `arms`."""
    artifacts: tuple[ArtifactFinding, ...] = ()
    """One sentence for each machine, detector and generator: what the artifact arm says."""
    below_chance: tuple[BelowChanceRow, ...] = ()
    """Detectors that call normal clips of a machine more anomalous than anomalous ones."""
    verdicts: tuple[VerdictRow, ...] = ()
    """Every gap against its margin, with how far it can be trusted."""
    ladder: tuple[LadderRow, ...] = ()
    """The paper's gap taken apart."""
    agreement: tuple[AgreementRow, ...] = ()
    """Rankings of the detectors by real and by generated anomalies."""
    score_distances: tuple[ScoreDistanceRow, ...] = ()
    """Scores of generated against scores of real anomalies."""
    components: tuple[ComponentRow, ...] = ()
    """Where the uncertainty of each gap comes from."""
    leakage: tuple[LeakageRow, ...] = ()
    """Whether generators learned from evaluation clips."""
    memorization: tuple[MemorizationRow, ...] = ()
    """Whether generated clips are copies."""
    fidelity: tuple[FidelityRow, ...] = ()
    """Whether generated clips have the attributes that were asked for."""
    coverage: tuple[CoverageRow, ...] = ()
    """Which conditions are validated, measured, extrapolated."""
    seen: tuple[SeenRow, ...] = ()
    """Gaps by whether the generator saw the condition in training."""
    quality: tuple[QualityRow, ...] = ()
    """How far generated clips lie from real ones, by grid and machine."""
    selections: tuple[SelectionRow, ...] = ()
    """Detectors chosen on some sections and reported on others."""
    references: tuple[ReferenceFacts, ...] = ()
    """Publications whose numbers are compared with."""
    published: tuple[PublishedRow, ...] = ()
    """Their numbers beside this run's."""
    gates: tuple[GateResult, ...] = ()
    """What the suite demands of the results, and whether it holds."""
    problems: tuple[Problem, ...] = ()
    """Tasks that failed."""

    @property
    def complete(self) -> bool:
        """Whether every cell has its numbers and no task failed."""
        return bool(self.cells) and not self.problems and all(c.status == "ok" for c in self.cells)
