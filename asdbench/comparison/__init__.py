"""Compare two reports: comparability, row join, paired inference, outcome, formats."""

from __future__ import annotations

from asdbench.comparison.outcome import Change, Comparison
from asdbench.comparison.quantity import Key
from asdbench.comparison.reports import compare
from asdbench.comparison.side import Side, read_side
from asdbench.comparison.tolerance import DEFAULT_TOLERANCE, parse_gates

__all__ = [
    "DEFAULT_TOLERANCE",
    "Change",
    "Comparison",
    "Key",
    "Side",
    "compare",
    "parse_gates",
    "read_side",
]
