"""What to expect of a gate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from asdbench.engine.forecast.sizes import Expected
from asdbench.suite import LoadedSuite
from asdbench.suite.arms import Pairing, pairings


@dataclass(frozen=True)
class Outlook:
    """Whether a gate can pass with a generator that deserves it."""

    gate: str
    """`id` in the suite."""
    check: str
    expected: Literal["can pass", "unlikely", "cannot pass", "unknown"]
    """`unlikely`: a perfect generator passes less often than not."""
    reason: str
    advice: str = ""
    """What to change; empty where it can pass."""
    chance: float | None = None
    """About how often a perfect generator would pass, if rows were independent."""


@dataclass(frozen=True)
class Prospect:
    """A suite and the clips that it will have."""

    loaded: LoadedSuite
    expected: Expected
    simulated: bool
    """Whether the "real" clips are simulated."""

    def pairings(self, gate: Any) -> list[Pairing]:
        """Return the grids of anomalies, with what is set beside them, that a gate looks at."""
        wanted = getattr(gate, "generators", None)
        grids = getattr(gate, "grids", None)
        return [
            pairing
            for pairing in pairings(self.loaded.suite)
            if (wanted is None or pairing.generator in wanted)
            and (grids is None or pairing.anomalies in grids)
        ]

    def swept(self, gate: Any) -> str | None:
        """Return why the grids over axes that a gate looks at are nothing to it, or None."""
        wanted = getattr(gate, "generators", None)
        grids = getattr(gate, "grids", None)
        names = [
            name
            for name, grid in self.loaded.suite.grids.items()
            if grid.sweeps
            and (wanted is None or grid.generator in wanted)
            and (grids is None or name in grids)
        ]
        if not names:
            return None
        if len(names) == 1:
            return f"grid {names[0]} is over axes and serves the coverage map only"
        return f"grids {', '.join(names)} are over axes and serve the coverage map only"

    def detectors(self, gate: Any) -> Sequence[str]:
        """Return the detectors that a gate looks at."""
        wanted = getattr(gate, "detectors", None)
        return [d.id for d in self.loaded.detectors if wanted is None or d.id in wanted]


def outlook(
    gate: Any,
    expected: Literal["can pass", "unlikely", "cannot pass", "unknown"],
    reason: str,
    advice: str = "",
    chance: float | None = None,
) -> Outlook:
    """Return what to expect of ``gate``."""
    return Outlook(gate.id, gate.check, expected, reason, advice, chance)
