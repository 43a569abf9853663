"""Gates: what a suite demands of its results (docs/gates.md)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from asdbench.suite.base import Identifier, Model, ResultMetric

AskedGap = Literal["headline", "matched", "paper", "coded"]
Multiplicity = Literal["holm", "none"]
Ids = Annotated[tuple[str, ...], Field(min_length=1)]
Share = Annotated[float, Field(ge=0.0, le=1.0)]
Margin = Annotated[float, Field(gt=0.0, le=0.5)]


class NamedGate(Model):
    """A gate has a name of its own."""

    id: Identifier
    """Name in tables."""


class GateOfGenerators(NamedGate):
    """A gate that looks at rows of generators."""

    generators: Ids | None = None
    """`id`s of generators; all where it is left out."""


class GateOfGrids(GateOfGenerators):
    """A gate that looks at rows of grids."""

    grids: Ids | None = None
    """Names of grids; all where it is left out."""


class GateOfDetectors(GateOfGenerators):
    """A gate that looks at rows of detectors and generators."""

    detectors: Ids | None = None
    """`id`s of detectors; all where it is left out."""


class GateOfGaps(GateOfDetectors):
    """A gate that looks at rows of detectors and grids."""

    grids: Ids | None = None
    """Names of grids of anomalies; all where it is left out."""


class EquivalenceGateModel(GateOfGaps):
    """A gate: every gap lies within a margin of 0, or every AUC of an arm within one of 0.5."""

    check: Literal["equivalence"]
    """What is checked."""
    metric: Literal["auc", "pauc"] = "auc"
    """Of which metric."""
    gap: AskedGap | None = None
    """Which arm less the real one: `headline` (the default) is `matched` where normals are
    generated, else `paper`. Not beside `arm`."""
    arm: Literal["artifact", "codec"] | None = None
    """Instead of a gap: the AUC of an arm that sets normals against normals."""
    target: Share | None = None
    """The AUC that `arm` ought to have; 0.5 where it is left out."""
    over: Literal["section", "machine", "suite"] = "machine"
    """What each number is a mean over; `section`: one domain of one section."""
    margin: Margin
    """How far from none a gap counts as none, in either direction."""
    multiplicity: Multiplicity = "holm"
    """How the number of rows counts when one is said to fail."""

    @model_validator(mode="after")
    def _check_arm(self) -> Self:
        if self.arm is None:
            if self.target is not None:
                raise ValueError("target: belongs to an arm; a gap's target is 0")
            return self
        if self.gap is not None:
            raise ValueError("gap: beside arm; a gate looks at one of the two")
        if self.grids is not None:
            raise ValueError("grids: beside arm; an arm of normals belongs to a generator")
        if self.metric != "auc":
            raise ValueError("metric: an arm of normals is judged by its auc")
        if self.over == "suite":
            raise ValueError(
                "over: a mean of an arm over machines hides deviations in both directions; "
                "with arm write machine or section"
            )
        return self


class ArtifactGateModel(GateOfDetectors):
    """A gate: no detector tells generated normals from real ones (AUC near 0.5)."""

    check: Literal["artifact"]
    """What is checked."""
    over: Literal["section", "machine"] = "machine"
    """What each AUC is a mean over; `section`: one domain of one section."""
    margin: Margin
    """How far an AUC may lie from 0.5, in either direction."""
    multiplicity: Multiplicity = "holm"
    """How the number of rows counts when one is said to fail."""


class SignGateModel(GateOfGaps):
    """A gate: the gaps of a detector do not all lean the same way."""

    check: Literal["sign"]
    """What is checked."""
    metric: Literal["auc", "pauc"] = "auc"
    """Of which metric."""
    gap: AskedGap = "headline"
    """Which arm less the real one."""
    over: Literal["section", "machine"] = "machine"
    """What each sign belongs to; `section`: the mean over its domains."""
    alpha: float = Field(0.05, gt=0.0, le=0.5)
    """How often a gate of detectors without bias may fail."""
    multiplicity: Multiplicity = "holm"
    """How the number of detectors and grids counts."""


class RankAgreementGateModel(GateOfGrids):
    """A gate: generated anomalies rank the detectors as real ones do."""

    check: Literal["rank_agreement"]
    """What is checked."""
    gap: AskedGap = "headline"
    """Which arm gives the generated ranking."""
    over: Literal["machine", "suite"] = "suite"
    """Ranking within each machine, or of means over all."""
    min_tau: float | None = Field(None, ge=-1.0, le=1.0)
    """Least Kendall's tau-b. Left out: no lower than a second set of real clips would reach."""
    multiplicity: Multiplicity = "holm"
    """How the number of rows counts when one is said to fail."""


class LeakageGateModel(GateOfGenerators):
    """A gate: no generator learned from the clips that it is evaluated on."""

    check: Literal["leakage"]
    """What is checked."""
    max_overlap: int = Field(0, ge=0)
    """Most evaluation clips that a generator may have learned from."""
    unknown: Literal["fail", "inconclusive", "allow"] = "inconclusive"
    """Verdict of a generator that does not say what it learned from; `allow`: pass."""


class MemorizationGateModel(GateOfGrids):
    """A gate: generated clips are not copies of training clips."""

    check: Literal["memorization"]
    """What is checked."""
    max_excess: Share | None = None
    """Largest share of copies beyond what chance explains; left out: none is tolerated."""
    multiplicity: Multiplicity = "holm"
    """How the number of rows counts when one is said to fail."""


class FidelityGateModel(GateOfGrids):
    """A gate: generated clips have the attributes that were asked for."""

    check: Literal["fidelity"]
    """What is checked."""
    weak: Literal["fail", "allow"] = "fail"
    """Verdict of attributes that are kept less well than on real clips; `allow`: pass."""


class CoverageGateModel(GateOfDetectors):
    """A gate: the map of conditions is validated by real clips, near enough everywhere."""

    check: Literal["coverage"]
    """What is checked."""
    min_validated: Share = 0.0
    """Least share of the conditions with real clips that must be validated."""
    max_distance: float | None = Field(None, gt=0.0)
    """How far a condition without real clips may lie from the nearest validated one."""

    @model_validator(mode="after")
    def _check_demand(self) -> Self:
        if self.min_validated == 0.0 and self.max_distance is None:
            raise ValueError("demands nothing: give min_validated, max_distance or both")
        return self


class ReferenceGateModel(NamedGate):
    """A gate: published numbers are met."""

    check: Literal["reference"]
    """What is checked."""
    reference: str
    """`id` of a reference under `references`."""
    metric: ResultMetric
    """Which of its numbers."""
    over: Literal["section", "machine", "all"]
    """Whether every published number of a section counts, means by machine, or means over all."""
    tolerance: float = Field(gt=0.0, le=1.0)
    """How far a number may lie from the published one, in either direction."""


Gate = Annotated[
    EquivalenceGateModel
    | SignGateModel
    | ArtifactGateModel
    | RankAgreementGateModel
    | LeakageGateModel
    | MemorizationGateModel
    | FidelityGateModel
    | CoverageGateModel
    | ReferenceGateModel,
    Field(discriminator="check"),
]

GATE_MODELS: Mapping[str, type[Gate]] = {
    "equivalence": EquivalenceGateModel,
    "sign": SignGateModel,
    "artifact": ArtifactGateModel,
    "rank_agreement": RankAgreementGateModel,
    "leakage": LeakageGateModel,
    "memorization": MemorizationGateModel,
    "fidelity": FidelityGateModel,
    "coverage": CoverageGateModel,
    "reference": ReferenceGateModel,
}
"""The form of a gate by its ``check``."""


class GateFile(Model):
    """A file with gates for runs of a suite that has none, or others."""

    gates: Annotated[tuple[Gate, ...], Field(min_length=1)]
    """What must hold of the results."""
