"""Which cell is meant: ``fan/00/target/ae-mse/diffused``, or a part of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from asdbench.errors import DataError
from asdbench.registry import did_you_mean
from asdbench.report.schema import Cell, Report

PARTS = ("machine", "section", "domain", "detector", "grid")
"""What a cell's name is made of."""
_WILD = frozenset("*?[")


@dataclass(frozen=True)
class Place:
    """A cell of a report, by name."""

    machine: str
    section: str
    domain: str
    detector: str
    grid: str | None
    """The grid that asked for anomalies; None where nothing was generated."""

    @classmethod
    def of(cls, cell: Cell) -> Place:
        """Return where ``cell`` stands."""
        return cls(cell.machine, cell.section, cell.domain, cell.detector, cell.grid)

    @property
    def parts(self) -> tuple[str, ...]:
        """Its name in parts, four or five."""
        known = (self.machine, self.section, self.domain, self.detector, self.grid)
        return tuple(part for part in known if part is not None)

    def __str__(self) -> str:
        return "/".join(self.parts)


@dataclass(frozen=True)
class Found:
    """The cells that a name may mean."""

    places: tuple[Place, ...]
    """In the order of the report; at least one."""
    one: bool
    """Whether the name is that of one cell: machine, section, domain and detector without
    wildcards. Without a grid it means the first of ``places``."""


def find_places(report: Report, name: str) -> Found:
    """Return the cells of ``report`` that ``name`` may mean.

    Parameters
    ----------
    report
        Where to look.
    name
        ``machine/section/domain/detector/grid``. A missing part, or ``*``, may be anything; other
        wildcards are those of the shell.

    Raises
    ------
    DataError
        When there is no such cell; it names what there is, and the nearest to what was asked.
    """
    places = [Place.of(cell) for cell in report.cells]
    if not places:
        raise DataError("the report has no cells", "Its run may have failed: see its problems.")
    patterns = [part or "*" for part in name.strip("/").split("/")]
    if len(patterns) > len(PARTS):
        raise DataError(
            f"'{name}' has {len(patterns)} parts, and a cell's name has at most {len(PARTS)}",
            f"Write {'/'.join(PARTS).upper()}, e.g. {places[0]}.",
        )
    found = _matching(places, patterns, name)
    named = len(patterns) >= len(PARTS) - 1 and not any(_WILD & set(p) for p in patterns)
    return Found(tuple(found), named or len(found) == 1)


def _matching(places: Sequence[Place], patterns: Sequence[str], name: str) -> list[Place]:
    found = list(places)
    for position, pattern in enumerate(patterns):
        there = list(dict.fromkeys(p.parts[position] for p in found if len(p.parts) > position))
        found = [
            p
            for p in found
            if (len(p.parts) > position and fnmatchcase(p.parts[position], pattern))
            or (len(p.parts) <= position and pattern == "*")
        ]
        if not found:
            kind = PARTS[position]
            before = "/".join(patterns[:position])
            where = f" of {before}" if before else ""
            raise DataError(
                f"'{name}': no {kind} '{pattern}'{where} in the report."
                f"{did_you_mean(pattern, there)}",
                f"There is: {', '.join(there) or 'none: nothing was generated'}.",
            )
    return found
