"""Means of a detector's results on real clips, over any machines, sections and domain."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from asdbench.metrics.definitions import DefinitionId
from asdbench.metrics.rank import harmonic_mean
from asdbench.report.means import auc_cells, mean_of, pauc_cells
from asdbench.report.outcome_schema import Metric
from asdbench.report.schema import Cell


@dataclass(frozen=True)
class Measured:
    """A number, or why there is none."""

    value: float | None
    reason: str | None = None


@dataclass(frozen=True)
class RealResults:
    """The cells of a report by detector, machine and section; of one grid, as all have the same."""

    cells: Mapping[tuple[str, str, str], Sequence[Cell]]
    definition: DefinitionId

    @classmethod
    def of(cls, cells: Iterable[Cell], definition: DefinitionId) -> RealResults:
        """Sort the cells."""
        found: dict[tuple[str, str, str], dict[str, Cell]] = {}
        for cell in cells:
            place = (cell.detector, cell.machine, cell.section)
            found.setdefault(place, {}).setdefault(cell.domain, cell)
        return cls({key: tuple(rows.values()) for key, rows in found.items()}, definition)

    @property
    def machines(self) -> tuple[str, ...]:
        """Machine types, sorted."""
        return tuple(sorted({machine for _, machine, _ in self.cells}))

    def measure(
        self,
        metric: Metric,
        detector_of: Mapping[str, str],
        sections: Sequence[str],
        domain: str | None = None,
    ) -> Measured:
        """Return a metric over the sections of some machines.

        AUC and pAUC are arithmetic means; ``hmean`` is the harmonic mean of all AUCs and pAUCs
        that enter the official score. Missing cells leave no value.

        Parameters
        ----------
        metric
            Which.
        detector_of
            Machine -> detector whose result counts.
        sections
            Sections of every machine.
        domain
            ``source`` or ``target``; None: both.
        """
        rows: list[Cell] = []
        for machine, detector in detector_of.items():
            for section in sections:
                here = self.cells.get((detector, machine, section))
                if here is None:
                    return Measured(None, f"{machine}/{section} is no part of this run")
                rows += here
        values, missing = self._values(metric, rows, domain)
        if missing is not None:
            return Measured(None, missing)
        if not values:
            return Measured(None, f"no results of domain {domain}" if domain else "no results")
        mean = harmonic_mean(values) if metric == "hmean" else mean_of(values)
        return Measured(float(mean))

    def _values(
        self, metric: Metric, rows: Sequence[Cell], domain: str | None
    ) -> tuple[list[float], str | None]:
        kept = [c for c in rows if domain in (None, c.domain)]
        by_domain = domain is not None or self.definition is DefinitionId.DCASE2021
        found = [c.auc for c in auc_cells(kept)] if metric != "pauc" else []
        if metric != "auc":
            found += [c.pauc for c in (auc_cells(kept) if by_domain else pauc_cells(kept))]
        for comparison in found:
            if comparison.real is None:
                return [], comparison.reason or "no value"
        return [c.real for c in found if c.real is not None], None
