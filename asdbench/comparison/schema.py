"""The JSON file of a comparison. Readers of version 1 can read every later version 1."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from asdbench.comparison.outcome import Status, Verdict
from asdbench.report.model import Model

SchemaId = Literal["asdbench/comparison@1"]
SCHEMA_ID: SchemaId = "asdbench/comparison@1"


class RowId(Model):
    """A row of the reports; null: over all of them, or of none."""

    machine: str | None
    """Machine type."""
    section: str | None
    """Section."""
    domain: str | None
    """Domain; `all` is the whole section."""
    detector: str | None
    """`id` in the suite."""
    grid: str | None
    """Name of the grid of anomalies, or the generator where there is none."""


class ComparedRow(RowId):
    """What became of one number, or of one finding in words."""

    value: str
    """Which number or finding, e.g. `auc_real`, `auc_matched_gap`, `verdict_auc_matched`."""
    base: float | str | None
    """In the base; null where it has none."""
    new: float | str | None
    """In the new report; null where it has none."""
    difference: float | None
    """new - base, of numbers."""
    low: float | None
    """Lower end of the paired interval of the difference; null where there is none."""
    high: float | None
    """Upper end."""
    method: str | None
    """How the interval was computed; `identical scores` and `identical ranks` need none."""
    tolerance: float | None
    """How far the number may move in either direction; null for findings."""
    status: Status
    """`unresolved`: these clips cannot decide; `moved`: neither better nor worse by itself;
    `appeared`: only the new report has a value; `other demand`: a finding under another margin,
    confidence or demand of a gate; `not examined`: no gate covers it, so no interval was computed;
    `new`: only the new report has such a number or finding."""
    beyond: bool
    """Whether the number moved by more than the tolerance, resolved or not; of a finding that no
    gate covers, whether it is another."""
    gated: bool
    """Whether the row decides about the verdict."""
    fails: bool
    """Whether the comparison fails on it."""
    reason: str | None
    """In words: why it is unresolved, or why there is no interval."""


class ComparisonFile(Model):
    """The whole outcome of `asdbench compare`."""

    schema_: SchemaId = Field(SCHEMA_ID, alias="schema")
    """Version of this format."""
    suite: str
    """The base's suite, with its version."""
    verdict: Verdict
    """`unresolved`: nothing fails, and some rows cannot be decided."""
    exit_code: int
    """Of the command: 0 same or unresolved, 3 changed, 4 not comparable, 5 rows or values lost."""
    obstacles: tuple[str, ...]
    """Why the two cannot be compared."""
    notes: tuple[str, ...]
    """What differs without making them incomparable."""
    tolerances: dict[str, float]
    """Tolerance by gate, or `default`."""
    confidence: float
    """Level of the intervals."""
    n_rows: int
    """Rows that both reports have."""
    counts: dict[str, int]
    """Numbers and findings by status."""
    lost: tuple[RowId, ...]
    """Rows that the base has and the new report has not, or not completely."""
    added: tuple[RowId, ...]
    """Rows that only the new report has."""
    rows: tuple[ComparedRow, ...]
    """Every number and finding, in the order of the base."""
