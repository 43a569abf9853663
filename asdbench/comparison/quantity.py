"""What is compared: which row, and which of its numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

MetricName = Literal["auc", "pauc"]
Direction = Literal["regression", "improvement", "moved"]
ARMS = ("real", "paper", "matched", "artifact", "coded", "codec")
GAPS = ("paper", "matched", "coded")
"""Arms whose difference from the `real` arm is a number of its own."""


@dataclass(frozen=True)
class Key:
    """Where a row belongs; None: over all of them, or of none."""

    machine: str | None
    section: str | None
    domain: str | None
    detector: str | None
    grid: str | None
    """Name of the grid of anomalies, or the generator where there is none."""

    def __str__(self) -> str:
        """Return e.g. ``fan/00/source/ae-mse/perturbed``."""
        parts = (self.section, self.domain, self.detector, self.grid)
        named = [part for part in parts if part is not None]
        return "/".join([self.machine or "all machines", *named])

    @property
    def place(self) -> str:
        """The section as ``machine/section``."""
        return f"{self.machine}/{self.section}"


@dataclass(frozen=True)
class Quantity:
    """A number of a row: the metric of one arm, or its gap."""

    metric: MetricName
    arm: str
    gap: bool = False

    @property
    def name(self) -> str:
        """Name in tables, e.g. ``auc_real`` or ``auc_matched_gap``."""
        return f"{self.metric}_{self.arm}" + ("_gap" if self.gap else "")

    @property
    def family(self) -> str:
        """Name of the gate that covers it: ``auc``, ``auc_gap``, ``pauc`` or ``pauc_gap``."""
        return self.metric + ("_gap" if self.gap else "")

    def badness(self, value: float) -> float | None:
        """Return how bad a value is; None where neither more nor less is better by itself."""
        if self.gap:
            return abs(value)
        if self.arm in ("artifact", "codec"):  # ideal 0.5: the clips cannot be told apart
            return abs(value - 0.5)
        return -value if self.arm == "real" else None

    def direction(self, base: float, new: float) -> Direction:
        """Return whether ``new`` is worse or better than ``base``, or merely another value."""
        before, after = self.badness(base), self.badness(new)
        if before is None or after is None or abs(after - before) < 1e-12:
            return "moved"
        return "regression" if after > before else "improvement"


QUANTITIES = tuple(
    Quantity(metric, arm, gap)
    for metric in ("auc", "pauc")
    for gap, arms in ((False, ARMS), (True, GAPS))
    for arm in arms
)
FAMILIES = tuple(dict.fromkeys(quantity.family for quantity in QUANTITIES))
