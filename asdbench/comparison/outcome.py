"""What a comparison found."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Literal

from asdbench.comparison.quantity import Key

Status = Literal[
    "regression",
    "improvement",
    "moved",
    "lost",
    "appeared",
    "other demand",
    "unresolved",
    "within tolerance",
    "not examined",
    "new",
]
BEYOND: tuple[Status, ...] = ("regression", "moved", "improvement", "appeared", "other demand")
"""What is a change for certain."""
Verdict = Literal["same", "unresolved", "changed", "not comparable", "incomplete"]
EXIT_CODES: dict[Verdict, int] = {
    "same": 0,
    "unresolved": 0,
    "changed": 3,
    "not comparable": 4,
    "incomplete": 5,
}


@dataclass(frozen=True)
class Change:
    """What became of one number, or one finding in words, of one row."""

    key: Key
    value: str
    """Name of the number or finding, e.g. ``auc_real``."""
    base: float | str | None
    new: float | str | None
    status: Status
    gated: bool
    """Whether it decides about the result."""
    beyond: bool = False
    """Whether it moved by more than the tolerance, or is another finding; resolved or not."""
    tolerance: float | None = None
    low: float | None = None
    """Lower end of the paired interval of the difference; None where there is none."""
    high: float | None = None
    method: str | None = None
    reason: str | None = None
    """In words: why it is unresolved, why there is no interval."""

    @property
    def difference(self) -> float | None:
        """New - base; None where one of the two is no number."""
        if isinstance(self.base, float) and isinstance(self.new, float):
            return self.new - self.base
        return None

    @property
    def fails(self) -> bool:
        """Whether the comparison fails on it."""
        return self.gated and (self.beyond or self.status in ("lost", *BEYOND))


@dataclass(frozen=True)
class Comparison:
    """The outcome of comparing two reports."""

    suite: str
    """The base's suite, with its version."""
    obstacles: tuple[str, ...]
    """Why the two cannot be compared; then nothing else is given."""
    notes: tuple[str, ...]
    """What differs between the two without making them incomparable."""
    rows: tuple[Change, ...]
    """Every number and finding, in the order of the base."""
    lost: tuple[Key, ...]
    """Rows that the base has and the new report has not, or no longer completely."""
    added: tuple[Key, ...]
    """Rows that only the new report has."""
    n_rows: int
    """Rows that both have."""
    tolerances: dict[str, float]
    """Tolerance by gate; `default` where nothing else is said."""
    confidence: float
    """Level of the intervals."""

    @property
    def changes(self) -> tuple[Change, ...]:
        """What the comparison fails on, the largest differences first."""
        return tuple(sorted((row for row in self.rows if row.fails), key=_weight))

    @property
    def unresolved(self) -> tuple[Change, ...]:
        """What these clips cannot decide, and what has no value on either side."""
        return tuple(row for row in self.rows if row.status == "unresolved")

    @property
    def shown(self) -> tuple[Change, ...]:
        """All that is not within its tolerance, worst first; last what was not examined."""
        hidden = ("within tolerance", "new")
        rows = (row for row in self.rows if row.status not in hidden)
        shown = (row for row in rows if row.beyond or row.status != "not examined")
        return tuple(sorted(shown, key=_weight))

    @property
    def counts(self) -> dict[Status, int]:
        """Numbers and findings by status."""
        return dict(Counter(row.status for row in self.rows))

    @property
    def verdict(self) -> Verdict:
        """What a build should make of it."""
        if self.obstacles:
            return "not comparable"
        if self.lost or any(row.fails and row.status == "lost" for row in self.rows):
            return "incomplete"
        if self.changes:
            return "changed"
        return "unresolved" if any(row.gated for row in self.unresolved) else "same"

    @property
    def exit_code(self) -> int:
        """0 same or unresolved, 3 changed, 4 not comparable, 5 rows or values lost."""
        return EXIT_CODES[self.verdict]


_ORDER = ("lost", "regression", "moved", "improvement", "appeared", "other demand", "unresolved")


def _weight(row: Change) -> tuple[int, int, float]:
    """Return what sorts failures first, by kind, the largest difference first."""
    kind = _ORDER.index(row.status) if row.status in _ORDER else len(_ORDER)
    return (0 if row.fails else 1, kind, -abs(row.difference or 0.0))
