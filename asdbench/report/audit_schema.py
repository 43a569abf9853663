"""The part of the report's schema that audits the generators."""

from __future__ import annotations

from typing import Literal

from asdbench.report.model import Model


class LeakageRow(Model):
    """Whether a generator learned from clips that it is evaluated on."""

    generator: str
    """`id` in the suite."""
    status: Literal["none", "leaked", "unknown"]
    """`unknown`: the generator does not say what it learned from."""
    n_checked: int
    """Evaluation clips that were looked for."""
    n_training: int
    """Clips that the generator learned from, as far as it says."""
    n_overlap: int
    """Evaluation clips found among them."""
    clips: tuple[str, ...] = ()
    """The first of them."""
    sentence: str
    """The same in words, with what was compared."""


class MemorizationRow(Model):
    """Whether a grid's clips of one machine are copies of training clips."""

    generator: str
    """`id` in the suite."""
    grid: str
    """Name of the grid."""
    machine: str
    """Machine type."""
    finding: Literal["copied", "not copied", "not measured"]
    """`copied`: more clips than chance explains are nearer to a training clip than real ones."""
    share: float | None
    """Share of generated clips nearer than 99 % of held-out real clips."""
    expected: float | None = None
    """The same without memorization."""
    p: float | None = None
    """Probability of at least that share without memorization."""
    n: int = 0
    """Generated clips."""
    sentence: str
    """The same in words."""


class FidelityRow(Model):
    """Whether generated clips have the attribute that was asked for."""

    generator: str
    """`id` in the suite."""
    grid: str
    """Name of the grid."""
    machine: str
    """Machine type."""
    section: str
    """Section."""
    attribute: str
    """Name of the attribute."""
    values: int
    """Distinct values among the real clips."""
    n_real: int
    """Real clips that the classifier was tested on, each held out of its training."""
    n_generated: int
    """Generated clips."""
    accuracy: float | None
    """Balanced accuracy of a classifier trained on real clips, on generated ones."""
    ceiling: float | None = None
    """The same on real clips held out of the training."""
    chance: float | None = None
    """The same of a guess."""
    p_chance: float | None = None
    """Probability of at least that accuracy if clips had nothing to do with what was asked for."""
    p_ceiling: float | None = None
    """Probability of as low an accuracy if generated clips were as clear as real ones."""
    finding: Literal["kept", "ignored", "weak", "not measured"]
    """`kept`: not below the ceiling by more than chance explains; `ignored`: not above chance;
    `weak`: in between."""
    reason: str | None = None
    """Why values are null."""


class CoverageRow(Model):
    """One condition of one machine: whether its generated AUC is validated by real clips."""

    machine: str
    """Machine type."""
    section: str
    """Section."""
    domain: str | None
    """Domain; null where the condition was not given one."""
    condition: str
    """Attributes as text."""
    detector: str
    """`id` in the suite."""
    generator: str
    """`id` in the suite."""
    grid: str | None = None
    """Name of the grid that asked for the clips."""
    status: Literal["validated", "measured", "extrapolated"]
    """`validated`: real clips exist and the gap is equivalent; `measured`: they exist and it is
    not; `extrapolated`: generated clips only."""
    n_real: int
    """Real anomalies of the condition."""
    n_generated: int
    """Generated anomalies of the condition."""
    auc_real: float | None
    """AUC of the section's real normals against them."""
    auc_generated: float | None
    """AUC of the generated anomalies, by the headline protocol."""
    gap: float | None = None
    """generated - real."""
    low: float | None = None
    """Lower end of the gap's interval."""
    high: float | None = None
    """Upper end of the gap's interval."""
    nearest: str | None = None
    """The nearest validated condition of the machine."""
    distance: float | None = None
    """How far away it is: numbers in ranges of the data, 1 for each other word that differs."""
    reason: str | None = None
    """Why values are null."""


class SeenRow(Model):
    """The gap over conditions that the generator saw in training, or did not."""

    machine: str | None
    """Machine type; null: over all machines."""
    detector: str
    """`id` in the suite."""
    generator: str
    """`id` in the suite."""
    grid: str
    """Name of the grid."""
    seen: bool
    """Whether the generator learned from anomalies of these conditions."""
    n_conditions: int
    """Conditions."""
    n_real: int
    """Real anomalies."""
    n_generated: int
    """Generated anomalies."""
    auc_real: float | None
    """Mean over sections of the AUC on real anomalies."""
    auc_generated: float | None
    """Mean over sections of the AUC on generated anomalies, by the headline protocol."""
    gap: float | None = None
    """Mean over sections of generated - real."""
    low: float | None = None
    """Lower end of its interval."""
    high: float | None = None
    """Upper end of its interval."""
    reason: str | None = None
    """Why values are null."""
