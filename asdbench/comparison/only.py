"""``--only machine=fan``: a part of two reports."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from asdbench.comparison.quantity import Key
from asdbench.errors import AsdbenchError
from asdbench.registry import did_you_mean
from asdbench.report.schema import Report
from asdbench.suite.only import FIELDS


@dataclass(frozen=True)
class Part:
    """Which rows of a report are compared."""

    wanted: Mapping[str, frozenset[str]]
    """Names by field; a field that is absent restricts nothing."""
    generators: Mapping[str, str]
    """Generator by grid."""

    def has(self, key: Key) -> bool:
        """Return whether a row is compared; a mean over a field that is restricted is not."""
        generator = None if key.grid is None else self.generators.get(key.grid, key.grid)
        values = {
            "machine": key.machine,
            "section": key.section,
            "detector": key.detector,
            "generator": generator,
        }
        for field, names in self.wanted.items():
            value = values[field]
            if value is None and field == "generator":
                continue  # real clips stand beside every generator
            if value is None or value not in names:
                return False
        return True

    def narrows(self) -> bool:
        """Return whether anything is left out."""
        return bool(self.wanted)


def part_of(base: Report, new: Report, only: Sequence[str]) -> Part:
    """Return the part that ``FIELD=NAME`` texts name; several of one field add up.

    Raises
    ------
    AsdbenchError
        When a text is not of that form, or the base has no such name.
    """
    wanted: dict[str, set[str]] = defaultdict(set)
    known = {
        "machine": {c.machine for c in base.cells},
        "section": {c.section for c in base.cells},
        "detector": {c.detector for c in base.cells},
        "generator": {plugin.id for plugin in base.generators},
    }
    for text in only:
        field, _, name = text.partition("=")
        if field not in FIELDS or not name:
            raise AsdbenchError(
                f"--only {text}: expected FIELD=NAME.{did_you_mean(field, FIELDS)}",
                f"Fields: {', '.join(FIELDS)}.",
            )
        if name not in known[field]:
            raise AsdbenchError(
                f"--only {text}: the base has no {field} '{name}'."
                f"{did_you_mean(name, sorted(known[field]))}",
                f"It has: {', '.join(sorted(known[field])) or 'none'}.",
            )
        wanted[field].add(name)
    generators = {name: g.generator for r in (new, base) for name, g in r.grids.items()}
    return Part({field: frozenset(names) for field, names in wanted.items()}, generators)
