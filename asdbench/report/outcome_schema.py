"""The part of the report's schema about selections, published numbers and gates."""

from __future__ import annotations

from typing import Literal

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
    """One number that a gate looked at."""

    method: str
    """What the publication calls the detector."""
    machine: str | None
    """Machine type; null: over all machines."""
    section: str | None
    """Section; null: over several."""
    domain: str | None
    """Domain; null: both."""
    ours: float | None
    """On this run's real clips."""
    published: float
    """In the publication."""
    difference: float | None
    """ours - published."""
    verdict: Verdict
    """`inconclusive`: there is no number of ours."""
    reason: str | None = None
    """Why ours is null."""


class GateResult(Model):
    """What became of one gate."""

    id: str
    """Name in the suite."""
    check: Literal["reference"]
    """What was checked."""
    reference: str
    """`id` of the reference."""
    metric: Metric
    """Which number."""
    over: Literal["section", "machine", "all"]
    """What each number is a mean over."""
    tolerance: float
    """How far ours may lie from the published number."""
    verdict: Verdict
    """`fail`: a number lies too far away; `inconclusive`: none does, but the gate cannot pass."""
    reason: str
    """Why, in one sentence."""
    values: tuple[GateValue, ...]
    """The numbers."""
