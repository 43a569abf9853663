"""Averages over cells. A mean over an incomplete set is not given."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import fsum
from typing import Generic, Literal, Protocol, TypeVar

from asdbench.metrics.definitions import DefinitionId
from asdbench.metrics.rank import harmonic_mean
from asdbench.report.arm_schema import Over
from asdbench.report.schema import Cell, Comparison, Mean, OfficialScore

Arm = Literal["real", "generated", "gap"]


def contestants(cells: Iterable[Cell]) -> list[tuple[str, str | None, str | None]]:
    """Return each (detector, generator, grid) in the order of the cells."""
    return list(dict.fromkeys((c.detector, c.generator, c.grid) for c in cells))


def make_means(cells: Sequence[Cell]) -> list[Mean]:
    """Average by machine, by domain and over everything, for each detector and grid."""
    means = []
    for key in contestants(cells):
        mine = [c for c in cells if (c.detector, c.generator, c.grid) == key]
        means += [_mean(group) for group in grouped(mine)]
    return means


class Located(Protocol):
    """A row that says where its clips come from."""

    @property
    def machine(self) -> str:
        """Machine type."""

    @property
    def section(self) -> str:
        """Section."""

    @property
    def domain(self) -> str:
        """``source``, ``target`` or ``all``."""


L = TypeVar("L", bound=Located)


@dataclass(frozen=True)
class Group(Generic[L]):
    """Rows that are averaged, and what they share."""

    over: Over
    rows: list[L]
    machine: str | None = None
    domain: str | None = None


def grouped(rows: Sequence[L]) -> Iterator[Group[L]]:
    """Yield the rows of one contestant by machine, by machine and domain, by domain, and all."""
    domains = list(dict.fromkeys(r.domain for r in rows if r.domain != "all"))
    for machine in dict.fromkeys(r.machine for r in rows):
        here = [r for r in rows if r.machine == machine]
        yield Group("machine", here, machine)
        for domain in domains:
            part = [r for r in here if r.domain == domain]
            if part:
                yield Group("machine and domain", part, machine, domain)
    for domain in domains:
        yield Group("domain", [r for r in rows if r.domain == domain], None, domain)
    yield Group("detector", list(rows))


def auc_cells(cells: Sequence[L]) -> list[L]:
    """Return the cells whose AUC enters means: both domains of a section, or all of it."""
    divided = {_section(c) for c in cells if c.domain != "all"}
    return [c for c in cells if c.domain != "all" or _section(c) not in divided]


def pauc_cells(cells: Sequence[L]) -> list[L]:
    """Return the cells whose pAUC enters means: one a section, of all its clips.

    Among the cells of one domain only, its own (same-domain) pAUC.
    """
    return [c for c in cells if c.domain == "all"] or list(cells)


def _section(cell: Located) -> tuple[str, str]:
    return (cell.machine, cell.section)


def _mean(group: Group[Cell]) -> Mean:
    cells = group.rows
    aucs = [c.auc for c in auc_cells(cells)]
    paucs = [c.pauc for c in pauc_cells(cells)]
    first = cells[0]
    incomplete = [c for c in cells if c.status != "ok"]
    return Mean(
        over=group.over,
        machine=group.machine,
        domain=group.domain,
        detector=first.detector,
        generator=first.generator,
        grid=first.grid,
        n_cells=len(aucs),
        n_gaps_not_zero=sum(_excludes_zero(auc) for auc in aucs),
        auc_real=_over(aucs, "real", mean_of),
        auc_generated=_over(aucs, "generated", mean_of),
        auc_gap=_over(aucs, "gap", mean_of),
        auc_abs_gap=_over(aucs, "gap", lambda gaps: mean_of([abs(gap) for gap in gaps])),
        auc_hmean_real=_over(aucs, "real", harmonic_mean),
        auc_hmean_generated=_over(aucs, "generated", harmonic_mean),
        pauc_real=_over(paucs, "real", mean_of),
        pauc_generated=_over(paucs, "generated", mean_of),
        pauc_gap=_over(paucs, "gap", mean_of),
        reason=f"{len(incomplete)} of {len(cells)} cells are incomplete" if incomplete else None,
    )


def _excludes_zero(value: Comparison) -> bool:
    low, high = value.gap_low, value.gap_high
    return low is not None and high is not None and not low <= 0.0 <= high


def mean_of(values: Sequence[float]) -> float:
    """Return the arithmetic mean, summed without rounding."""
    return fsum(values) / len(values)


def _over(
    values: Sequence[Comparison], arm: Arm, mean: Callable[[list[float]], float]
) -> float | None:
    found = [getattr(value, arm) for value in values]
    known = [value for value in found if value is not None]
    return float(mean(known)) if known and len(known) == len(found) else None


def make_official(cells: Sequence[Cell], definition: DefinitionId) -> list[OfficialScore]:
    """Return the official score of each detector, on real and on generated clips."""
    scores = []
    for key in contestants(cells):
        mine = [c for c in cells if (c.detector, c.generator, c.grid) == key]
        detector, generator, grid = key
        real = _official(mine, "real", definition)
        generated = _official(mine, "generated", definition) if grid is not None else None
        missing = real is None or (grid is not None and generated is None)
        scores.append(
            OfficialScore(
                detector=detector,
                generator=generator,
                grid=grid,
                real=real,
                generated=generated,
                reason="not every section has the values that enter it" if missing else None,
            )
        )
    return scores


def _official(cells: Sequence[Cell], arm: Arm, definition: DefinitionId) -> float | None:
    aucs = [c.auc for c in auc_cells(cells)]
    if definition is DefinitionId.DCASE2021:
        values = [*aucs, *(c.pauc for c in auc_cells(cells))]
    else:
        values = [*aucs, *(c.pauc for c in pauc_cells(cells))]
    if definition is DefinitionId.DCASE2020:
        return _over(values, arm, mean_of)
    if any(c.domain == "all" for c in auc_cells(cells)):
        return None  # the official scores from 2021 on need both domains of every section
    return _over(values, arm, harmonic_mean)
