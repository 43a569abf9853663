"""The rows of a report that a gate looks at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from asdbench.report.gates.estimate import Estimate


@dataclass(frozen=True)
class Measured:
    """A row of the report, as a gate sees it."""

    place: Mapping[str, str | None]
    """The fields of a gate's value that say what the row belongs to."""
    value: float | None
    estimate: Estimate | None
    """The number with its interval; None where it has none."""
    reason: str | None = None
    """Why it has none."""
    within: bool | None = None
    """Whether the report says itself that it is within the gate's margin; None: it does not say."""
    contradiction: str | None = None
    """What speaks against the row although its number is as it should be."""


def wanted(gate: BaseModel, **names: Any) -> bool:
    """Return whether a gate's lists of detectors, generators and grids let a row in.

    Parameters
    ----------
    gate
        A gate of a suite; a list that it leaves out lets everything in.
    **names
        ``detector``, ``generator`` and ``grid`` of the row, as far as it has them.
    """
    for key, name in names.items():
        allowed = getattr(gate, f"{key}s", None)
        if allowed is not None and name not in allowed:
            return False
    return True
