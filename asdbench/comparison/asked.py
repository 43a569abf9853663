"""Which arms a suite asks for: an arm without a grid is no missing value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from asdbench.report.schema import Report
from asdbench.suite.arms import arm_origins, pairings_of


@dataclass(frozen=True)
class AskedArms:
    """The arms by the grid of anomalies, or by the generator where there is none."""

    arms: Mapping[str, frozenset[str]]

    @classmethod
    def of(cls, report: Report) -> AskedArms:
        """Read them from a report's grids."""
        found = pairings_of([plugin.id for plugin in report.generators], report.grids)
        return cls({p.anomalies or p.generator: frozenset(arm_origins(p)) for p in found})

    def has(self, grid: str, arm: str) -> bool:
        """Return whether the arm has the grids that it needs."""
        return arm in self.arms.get(grid, frozenset())
