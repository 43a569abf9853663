"""How far numbers may move, and which of them count."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from asdbench.comparison.quantity import FAMILIES, QUANTITIES, Quantity
from asdbench.errors import AsdbenchError
from asdbench.registry import did_you_mean

DEFAULT_TOLERANCE = 0.01
VERDICT = "verdict"
"""Name of the gate that looks at findings in words."""
NAMES = (*FAMILIES, *(q.name for q in QUANTITIES if q.name not in FAMILIES), VERDICT)


@dataclass(frozen=True)
class Tolerances:
    """Tolerances by gate; without a gate, one for all numbers."""

    default: float = DEFAULT_TOLERANCE
    gates: Mapping[str, float] = field(default_factory=dict)
    """By family (`auc_gap`), by number (`auc_matched_gap`), or `verdict`; 0 for that one."""

    def __post_init__(self) -> None:
        """Refuse names that no number bears: such a gate would always pass."""
        unknown = [name for name in self.gates if name not in NAMES]
        if unknown:
            raise AsdbenchError(
                f"unknown gate '{unknown[0]}'.{did_you_mean(unknown[0], NAMES)}",
                f"Allowed: {', '.join(NAMES)}.",
            )

    def idle(self, quantities: Iterable[Quantity | None]) -> list[str]:
        """Return the gates that cover none of these numbers; None stands for findings."""
        covered = {
            name for q in set(quantities) for name in ((q.name, q.family) if q else (VERDICT,))
        }
        return [name for name in self.gates if name not in covered]

    def of(self, quantity: Quantity) -> float:
        """Return how far a number may move, in either direction."""
        family = self.gates.get(quantity.family, self.default)
        return self.gates.get(quantity.name, family)

    def gated(self, quantity: Quantity | None) -> bool:
        """Return whether a number, or with None a finding in words, decides about the result."""
        if not self.gates:
            return True
        names = {VERDICT} if quantity is None else {quantity.name, quantity.family}
        return bool(names & self.gates.keys())


def parse_gates(texts: Iterable[str]) -> dict[str, float]:
    """Return tolerances by name from ``METRIC:TOLERANCE`` texts; ``verdict`` stands alone.

    Raises
    ------
    AsdbenchError
        When a text is not of that form.
    """
    gates = {}
    for text in texts:
        name, colon, number = text.strip().partition(":")
        if name not in NAMES:
            raise AsdbenchError(
                f"--gate {text}: unknown metric '{name}'.{did_you_mean(name, NAMES)}",
                f"Allowed: {', '.join(NAMES)}.",
            )
        if name == VERDICT and not colon:
            gates[name] = 0.0
            continue
        try:
            value = float(number)
        except ValueError:
            value = math.nan
        if name == VERDICT or not 0.0 <= value <= 1.0:
            wanted = "verdict takes no number" if name == VERDICT else "a number from 0 to 1"
            raise AsdbenchError(
                f"--gate {text}: {wanted}", "For example: --gate auc:0.02 --gate verdict."
            )
        gates[name] = value
    return gates
