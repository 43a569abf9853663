"""The suite: what a YAML file may say, as frozen pydantic models.

A suite holds only what can change a number. Device, batch size, workers and folders belong to
the command line.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from asdbench.api import Label
from asdbench.suite.base import DefinitionName, Identifier, Model
from asdbench.suite.gate_models import Gate
from asdbench.suite.outcome_models import ReferenceUseModel, SelectionModel

SchemaId = Literal["asdbench/suite@1"]
SCHEMA_ID: SchemaId = "asdbench/suite@1"

REAL = "real"
"""What score tables call the pool of real clips; no grid may bear this name."""


class AudioModel(Model):
    """How audio files are read."""

    sample_rate: int = Field(16000, ge=1000, le=384000)
    """Sample rate of the benchmark, Hz."""
    channel: int = Field(0, ge=0)
    """Channel taken from files with several."""
    resample: bool = False
    """Whether a file of another rate is resampled; otherwise it is an error."""


class DatasetModel(Model):
    """Which clips. Other keys than these are the data set plug-in's parameters."""

    model_config = ConfigDict(extra="allow", frozen=True, use_attribute_docstrings=True)

    use: str
    """A data set plug-in: `simulated`, `dcase`, `manifest` or anybody's own."""
    machines: tuple[str, ...] | None = None
    """Keep these machine types only."""
    sections: tuple[str, ...] | None = None
    """Keep these sections only."""

    @property
    def params(self) -> dict[str, Any]:
        """The plug-in's own parameters."""
        return dict(self.__pydantic_extra__ or {})


class SplitModel(Model):
    """Who may learn from what. Real anomalies are needed twice and must not be used twice."""

    generator_train: float = Field(0.5, ge=0.0, lt=1.0)
    """Share of the test anomalies that generators may learn from; the rest is the `real` arm. Not
    to be given with `folds`."""
    folds: Annotated[int, Field(ge=2, le=20)] | None = None
    """Cross-fit: so many fits of each generator, so that every test anomaly is in the `real` arm,
    beside clips of a fit that learned neither from it nor, with `by: condition`, from any anomaly
    of its condition."""
    generator_normals: Annotated[float, Field(ge=0.0, lt=1.0)] | Literal["shared"] = 0.1
    """Share of the training normals set aside for generators and withheld from detectors;
    `shared` lets both learn from all of them."""
    by: Literal["clip", "condition"] = "clip"
    """Whether single clips (or recordings) or whole conditions go to the generators."""
    seed: int = Field(0, ge=0)
    """Seed of the split."""


class PluginModel(Model):
    """A plug-in with its parameters, under a name of the suite's own."""

    id: Identifier
    """Name in tables and in `--set`."""
    use: str
    """A plug-in's name (`asdbench plugins list`), or `./file.py:Class` beside the suite."""
    params: dict[str, Any] = Field(default_factory=dict)
    """The plug-in's parameters (`asdbench plugins show NAME`)."""


class DetectorModel(PluginModel):
    """A detector, or several that differ in the values of some parameters."""

    sweep: dict[str, Annotated[tuple[Any, ...], Field(min_length=1)]] = Field(default_factory=dict)
    """Parameter (dotted where it is nested) -> values. Stands for one entry for every combination,
    with ids such as `ID.neighbors-4.pool-all`; `--set` reaches this entry, `--only` all of them."""


AxisValue = int | float | str


class AxisModel(Model):
    """Which values an attribute takes: those of the data and more, or a list."""

    from_: Literal["dataset"] | None = Field(None, alias="from")
    """`dataset`: the values that the section's real clips have."""
    add: tuple[AxisValue, ...] = ()
    """Values beside those of the data."""
    values: tuple[AxisValue, ...] = ()
    """All values, instead of `from` and `add`. A number is written as it stands here, or as the
    data writes it where the data has it."""

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if bool(self.values) == (self.from_ is not None):
            raise ValueError("an axis has either 'from: dataset' or 'values'")
        if self.add and self.from_ is None:
            raise ValueError("'add' goes with 'from: dataset'")
        return self


class GridModel(Model):
    """Which clips a generator is asked for."""

    generator: str
    """`id` of an entry of `generators`."""
    label: Label = "anomaly"
    """What to generate. A grid of normals serves as a control."""
    make: Literal["generate", "roundtrip"] = "generate"
    """`generate`: new clips; `roundtrip`: the real test clips of that label through the
    generator's codec and back, each once."""
    match: Literal["real"] = "real"
    """`real`: the same mix of conditions as the real test clips of that label."""
    multiplier: float = Field(1.0, gt=0.0, le=1000.0)
    """Generated clips for every real one; 1 for a round trip."""
    axes: dict[str, dict[str, dict[str, AxisModel]]] = Field(default_factory=dict)
    """Instead of `match` and `multiplier`: conditions that need not occur in the data, machine ->
    section -> attribute -> values. For the coverage map only; they enter no mean and no gap."""
    clips_per_cell: int = Field(20, ge=1, le=10_000)
    """Clips of each condition of `axes`."""

    @property
    def sweeps(self) -> bool:
        """Whether it goes over axes, and so serves the coverage map alone."""
        return bool(self.axes)


class SeedsModel(Model):
    """Where randomness comes from."""

    master: int = Field(20240918, ge=0, lt=2**63)
    """Every other seed derives from this one."""
    detector_repeats: int = Field(1, ge=1, le=100)
    """How often each detector is fitted, with different seeds."""
    generator_repeats: int = Field(1, ge=1, le=100)
    """How often each generator is fitted and asked, with different seeds."""


class StatisticsModel(Model):
    """How uncertainty is stated."""

    confidence: float = Field(0.95, gt=0.5, lt=1.0)
    """Level of the intervals."""
    bootstrap: int = Field(2000, ge=100, le=100_000)
    """Draws of the stratified bootstrap."""
    margin: float = Field(0.05, gt=0.0, lt=1.0)
    """How large a gap of a section or a machine counts as none, in AUC or pAUC."""
    suite_margin: float = Field(0.025, gt=0.0, lt=1.0)
    """The same for the mean gap over all machines."""


class Suite(Model):
    """A benchmark: data, split, generators, grids of conditions, detectors."""

    schema_: SchemaId = Field(SCHEMA_ID, alias="schema")
    """Version of this format."""
    name: Identifier
    """Name of the suite; run folders start with it."""
    version: str = "1.0.0"
    """Version of the suite; reports of different versions are not compared silently."""
    description: str = ""
    """One sentence for the head of the report."""
    dataset: DatasetModel
    """Which clips."""
    audio: AudioModel = AudioModel()
    """How they are read."""
    on_bad_clip: Literal["error", "skip"] = "error"
    """What to do with an audio file that cannot be used; `skip` counts and lists it."""
    plugins: tuple[str, ...] = ()
    """Python files beside the suite that register plug-ins."""
    split: SplitModel = SplitModel()
    """Who may learn from what."""
    generators: tuple[PluginModel, ...] = ()
    """Generators under test."""
    grids: dict[Identifier, GridModel] = Field(default_factory=dict)
    """What they are asked for, by name."""
    detectors: tuple[DetectorModel, ...] = Field(min_length=1)
    """Detectors under test."""
    seeds: SeedsModel = SeedsModel()
    """Where randomness comes from."""
    definition: DefinitionName = "dcase2022"
    """Which clips enter AUC and pAUC; `dcase2022` is that of 2022-2025."""
    statistics: StatisticsModel = StatisticsModel()
    """How uncertainty is stated."""
    selections: tuple[SelectionModel, ...] = ()
    """Detectors chosen among several, on other sections than those they are reported on."""
    references: tuple[ReferenceUseModel, ...] = ()
    """Published numbers to compare with."""
    gates: tuple[Gate, ...] = ()
    """What must hold of the results (`asdbench gate`)."""

    @property
    def matched_grids(self) -> dict[str, GridModel]:
        """The grids that follow the real clips; the others serve the coverage map alone."""
        return {name: grid for name, grid in self.grids.items() if not grid.sweeps}
