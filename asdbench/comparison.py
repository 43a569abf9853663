"""Compare two reports row by row: what changed, what was lost, what is new."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from asdbench.report.arm_schema import ArmRow
from asdbench.report.schema import Cell, GridFacts, Report

Key = tuple[str, str, str, str, str]
"""(machine, section, domain, detector, grid)"""
VALUES = ("auc_real", "auc_generated", "auc_gap", "pauc_real", "pauc_generated", "pauc_gap")
DEFAULT_TOLERANCE = 0.01


@dataclass(frozen=True)
class Change:
    """One value of one row that differs by more than the tolerance."""

    key: Key
    value: str
    base: float | None
    new: float | None

    @property
    def difference(self) -> float | None:
        """New - base; None where one of the two has no value."""
        if self.base is None or self.new is None:
            return None
        return self.new - self.base


@dataclass(frozen=True)
class Comparison:
    """The outcome of comparing two reports."""

    obstacles: tuple[str, ...]
    """Why the two cannot be compared; then nothing else is given."""
    notes: tuple[str, ...]
    """What differs between the two without making them incomparable."""
    changes: tuple[Change, ...]
    lost: tuple[Key, ...]
    """Rows that the base has and the new report has not, or no longer completely."""
    added: tuple[Key, ...]
    """Rows that only the new report has."""
    n_rows: int
    """Rows that both have."""
    tolerance: float

    @property
    def verdict(self) -> Literal["same", "changed", "not comparable", "incomplete"]:
        """What a build should make of it."""
        if self.obstacles:
            return "not comparable"
        if self.lost:
            return "incomplete"
        return "changed" if self.changes else "same"

    @property
    def exit_code(self) -> int:
        """0 same, 3 changed, 4 not comparable, 5 rows lost."""
        return {"same": 0, "changed": 3, "not comparable": 4, "incomplete": 5}[self.verdict]


def compare(base: Report, new: Report, tolerance: float = DEFAULT_TOLERANCE) -> Comparison:
    """Join two reports on machine, section, domain, detector and grid.

    Parameters
    ----------
    tolerance
        A value has changed when it moved by more than this, in either direction, or became null
        or stopped being so.
    """
    obstacles = tuple(_obstacles(base, new))
    notes = tuple(_notes(base, new))
    old_rows, new_rows = _rows(base), _rows(new)
    if not obstacles and not old_rows:
        obstacles = ("the base report has no rows",)
    if obstacles:
        return Comparison(obstacles, notes, (), (), (), 0, tolerance)
    both = [key for key in old_rows if key in new_rows]
    lost = [key for key in old_rows if key not in new_rows]
    lost += [k for k in both if old_rows[k].status == "ok" and new_rows[k].status != "ok"]
    gone = set(lost)
    changes = [
        change
        for key in both
        if key not in gone
        for change in _changes(key, old_rows[key], new_rows[key], tolerance)
    ]
    changes += _arm_changes(base, new, gone, tolerance)
    added = [key for key in new_rows if key not in old_rows]
    return Comparison((), notes, tuple(changes), tuple(lost), tuple(added), len(both), tolerance)


def _obstacles(base: Report, new: Report) -> Iterator[str]:
    if base.suite.name != new.suite.name:
        yield f"different suites: {base.suite.name} and {new.suite.name}"
    if base.definition != new.definition:
        yield f"different metric definitions: {base.definition} and {new.definition}"
    if base.data.digest != new.data.digest:
        yield (
            f"different data: digests {base.data.digest[:16]} and {new.data.digest[:16]} "
            "(other clips, other audio, or other labels)"
        )
    elif base.data.split_digest != new.data.split_digest:
        yield "different splits: other clips serve training or evaluation"
    if base.data.simulated != new.data.simulated:
        yield "one report is on simulated data, the other is not"
    for name, grid in base.grids.items():
        other = new.grids.get(name)
        if other is not None and other != grid:
            yield f"grid '{name}' asks for other clips: {_grid(grid)}, and {_grid(other)}"
    for which, report in (("base", base), ("new", new)):
        twice = len(report.cells) - len(_rows(report))
        if twice:
            yield f"the {which} report has {twice} rows more than once"


def _grid(grid: GridFacts) -> str:
    made = " through its codec" if grid.make == "roundtrip" else ""
    return f"{grid.multiplier:g} x {grid.label} of {grid.generator}{made}, matching {grid.match}"


def _notes(base: Report, new: Report) -> Iterator[str]:
    if base.suite.version != new.suite.version:
        yield f"suite version {base.suite.version} -> {new.suite.version}"
    if base.confidence != new.confidence:
        yield f"intervals at {base.confidence:.0%} -> {new.confidence:.0%}"
    if base.suite.digest != new.suite.digest:
        yield "the suites' contents differ"
    if base.asdbench != new.asdbench:
        yield f"asdbench {base.asdbench} -> {new.asdbench}"
    for kind in ("detectors", "generators"):
        old = {plugin.id: plugin for plugin in getattr(base, kind)}
        for plugin in getattr(new, kind):
            known = old.get(plugin.id)
            if known is None:
                continue
            if known.params != plugin.params:
                yield f"parameters of {plugin.id} differ"
            if (known.version, known.code) != (plugin.version, plugin.code):
                yield f"code of {plugin.id} differs ({known.version} -> {plugin.version})"


def _rows(report: Report) -> dict[Key, Cell]:
    return {(c.machine, c.section, c.domain, c.detector, c.grid or ""): c for c in report.cells}


def _values(cell: Cell) -> Mapping[str, float | None]:
    return {
        f"{metric}_{arm}": getattr(getattr(cell, metric), arm)
        for metric in ("auc", "pauc")
        for arm in ("real", "generated", "gap")
    }


def _changes(key: Key, base: Cell, new: Cell, tolerance: float) -> Iterator[Change]:
    old, now = _values(base), _values(new)
    for name in VALUES:
        if old[name] is not None or now[name] is not None:
            yield from _change(key, name, old[name], now[name], tolerance)


def _change(
    key: Key, name: str, before: float | None, after: float | None, tolerance: float
) -> Iterator[Change]:
    # The margin forgives the rounding of a sum, so that 0.7 -> 0.71 is within 0.01.
    if before is None or after is None or abs(after - before) > tolerance + 1e-12:
        yield Change(key, name, before, after)


def _arm_changes(
    base: Report, new: Report, gone: Collection[Key], tolerance: float
) -> Iterator[Change]:
    """Yield how the arms moved that the base has; those of `cells` are compared there."""
    now = {_arm_key(row): row for row in new.arms}
    for row in base.arms:
        key = _arm_key(row)
        if key in gone:
            continue
        other = now.get(key)
        for name in ("matched", "artifact", "coded", "codec"):
            before = getattr(row, name).auc
            after = getattr(other, name).auc if other is not None else None
            if before is not None:
                yield from _change(key, f"auc_{name}", before, after, tolerance)


def _arm_key(row: ArmRow) -> Key:
    return (row.machine, row.section, row.domain, row.detector, row.grid or row.generator)
