"""The numbers of a report, flat: one for each row, arm and metric."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace

from asdbench.comparison.asked import AskedArms
from asdbench.comparison.quantity import GAPS, Key, MetricName, Quantity
from asdbench.report.arm_schema import ArmRow
from asdbench.report.schema import Cell, Comparison, Report
from asdbench.report.trust_schema import VerdictRow


@dataclass(frozen=True)
class Number:
    """A value, or why there is none."""

    value: float | None
    reason: str | None = None


Numbers = dict[tuple[Key, Quantity], Number]


def cell_rows(report: Report) -> dict[Key, Cell]:
    """Return the cells by where they belong."""
    return {Key(c.machine, c.section, c.domain, c.detector, c.grid): c for c in report.cells}


def numbers_of(report: Report) -> Numbers:
    """Return every number that the suite asks for; an arm without a grid is none of them."""
    found: Numbers = {}
    for key, cell in cell_rows(report).items():
        found.update(_of_cell(key, cell))
    asked = AskedArms.of(report)
    for row in report.arms:
        found.update(_of_arms(row, asked))
    for verdict in report.verdicts:
        if verdict.over != "section" and asked.has(verdict.grid or verdict.generator, verdict.gap):
            found.update(_of_verdict(verdict))  # those of sections are in the rows of the arms
    return found


def _of_cell(key: Key, cell: Cell) -> Iterator[tuple[tuple[Key, Quantity], Number]]:
    both: tuple[tuple[MetricName, Comparison], ...] = (("auc", cell.auc), ("pauc", cell.pauc))
    for metric, values in both:
        reason = values.reason or cell.reason
        yield (key, Quantity(metric, "real")), Number(values.real, reason)
        if cell.grid is not None:
            yield (key, Quantity(metric, "paper")), Number(values.generated, reason)
            yield (key, Quantity(metric, "paper", True)), Number(values.gap, reason)


def _of_arms(row: ArmRow, asked: AskedArms) -> Iterator[tuple[tuple[Key, Quantity], Number]]:
    grid = row.grid or row.generator
    key = Key(row.machine, row.section, row.domain, row.detector, grid)
    for name in ("matched", "artifact", "coded", "codec"):
        if not asked.has(grid, name):
            continue
        arm = getattr(row, name)
        yield (key, Quantity("auc", name)), Number(arm.auc, arm.reason)
        yield (key, Quantity("pauc", name)), Number(arm.pauc, arm.reason)
        if name in GAPS:
            gap = getattr(row, f"{name}_gap")
            yield (key, Quantity("auc", name, True)), Number(gap.value, gap.reason)


def _of_verdict(row: VerdictRow) -> Iterator[tuple[tuple[Key, Quantity], Number]]:
    key = Key(row.machine, row.section, row.domain, row.detector, row.grid or row.generator)
    yield (key, Quantity(row.metric, row.gap, True)), Number(row.value, row.reason)


@dataclass(frozen=True)
class Pair:
    """One number of both reports; None where a report has no such row."""

    key: Key
    quantity: Quantity
    base: Number | None
    new: Number | None


def pairs_of(base: Report, new: Report, lost: Collection[Key]) -> list[Pair]:
    """Join the numbers of two reports, without those of rows that are lost or all new.

    The real arm is the same beside every generator: where it is, it is one number, of no grid.
    """
    old, now = numbers_of(base), numbers_of(new)
    own = {key for key, _ in old}
    found = [
        Pair(key, quantity, old.get((key, quantity)), now.get((key, quantity)))
        for key, quantity in dict.fromkeys([*old, *now])
        if key in own and key not in lost
    ]
    groups: dict[tuple[Key, Quantity], set[tuple[Number | None, Number | None]]] = {}
    for pair in found:
        groups.setdefault(_general(pair), set()).add((pair.base, pair.new))
    once: dict[tuple[Key, Quantity], Pair] = {}
    for pair in found:
        key, quantity = _general(pair)
        if len(groups[key, quantity]) > 1:
            key = pair.key
        once.setdefault((key, quantity), Pair(key, quantity, pair.base, pair.new))
    return list(once.values())


def _general(pair: Pair) -> tuple[Key, Quantity]:
    """Return the place of a number, without the grid where it does not depend on one."""
    key = pair.key
    if pair.quantity.arm == "real":
        key = replace(key, grid=None)
    return key, pair.quantity
