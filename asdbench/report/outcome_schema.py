"""The part of the report's schema about selections, published numbers and gates."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from asdbench.report.model import Model

Metric = Literal["auc", "pauc", "hmean"]
Verdict = Literal["pass", "fail", "inconclusive"]


class SelectionRow(Model):
    """The detector that a selection chose for one machine, and what it is worth."""

    selection: str
    """`id` in the suite."""
    machine: str | None
    """Machine type; null: over all machines, each with its own choice."""
    candidates: int
    """Detectors to choose among."""
    chosen: str | None
    """The best of them on the sections to choose on."""
    validation: float | None
    """Its harmonic mean there."""
    hmean: float | None
    """Its harmonic mean on the sections to report on: the result."""
    auc: float | None
    """Its mean AUC there."""
    pauc: float | None
    """Its mean pAUC there."""
    oracle: str | None
    """The best on the sections to report on themselves."""
    oracle_hmean: float | None
    """Its harmonic mean there: an upper bound, not a result."""
    reason: str | None = None
    """Why values are null."""


class ReferenceFacts(Model):
    """Published numbers that the suite compares with."""

    id: str
    """Name in the suite and in the tables."""
    source: str
    """Where they were published."""
    what: str
    """What they are, on which data."""
    sections: tuple[str, ...]
    """Sections that numbers without a section are over."""


class PublishedRow(Model):
    """One published number beside ours."""

    reference: str
    """`id` of the reference."""
    method: str
    """What the publication calls the detector."""
    detector: str
    """`id` of the detector or selection; `SELECTION:oracle` is an upper bound."""
    machine: str | None
    """Machine type; null: over all machines."""
    section: str | None
    """Section; null: over all sections of the reference."""
    domain: Literal["source", "target"] | None
    """Domain; null: both."""
    metric: Metric
    """Which number."""
    ours: float | None
    """On this run's real clips."""
    published: float
    """In the publication."""
    difference: float | None
    """ours - published."""
    reason: str | None = None
    """Why ours is null."""


class GateValue(Model):
    """One number, or finding, that a gate looked at."""

    method: str | None = None
    """What the publication calls the detector, where published numbers are met."""
    detector: str | None = None
    """`id` in the suite; null: all of them, or none in particular."""
    generator: str | None = None
    """`id` in the suite."""
    grid: str | None = None
    """Name of the grid."""
    machine: str | None = None
    """Machine type; null: over all machines."""
    section: str | None = None
    """Section; null: over several."""
    domain: str | None = None
    """Domain; null: both."""
    ours: float | None
    """The number, on this run's clips."""
    low: float | None = None
    """Lower end of its interval at the report's confidence."""
    high: float | None = None
    """Upper end of its interval at the report's confidence."""
    published: float | None = None
    """In the publication."""
    difference: float | None = None
    """ours - published."""
    p_pass: float | None = None
    """p-value of the hypothesis that this value does not meet the demand."""
    p_fail: float | None = None
    """p-value of the hypothesis that nothing is wrong with this value; with the multiplicity that
    the gate asks for."""
    verdict: Verdict
    """`inconclusive`: there is no number of ours, or it is too uncertain."""
    reason: str | None = None
    """Why, in words; null where the number says it."""


class GateResult(Model):
    """What became of one gate."""

    id: str
    """Name in the suite."""
    check: Literal[
        "reference",
        "equivalence",
        "sign",
        "artifact",
        "rank_agreement",
        "leakage",
        "memorization",
        "fidelity",
        "coverage",
    ]
    """What was checked."""
    demand: str | None = None
    """What must hold, in words."""
    settings: dict[str, Any] = Field(default_factory=dict)
    """The gate as the suite has it, defaults filled in; without id and check."""
    reference: str | None = None
    """`id` of the reference, where published numbers are met."""
    metric: Metric | None = None
    """Which number, where it is one of several."""
    over: Literal["section", "machine", "all", "suite"] | None = None
    """What each number is a mean over."""
    tolerance: float | None = None
    """How far ours may lie from the published number."""
    verdict: Verdict
    """`fail`: a value does not meet the demand; `inconclusive`: none fails, but the gate cannot
    pass."""
    reason: str
    """Why, in words, with the values that decide."""
    values: tuple[GateValue, ...]
    """What was looked at."""
