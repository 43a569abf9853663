"""What one fit covers: the suite, a machine, or a section."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from asdbench.api import Clip, Scope

Unit = tuple[str, ...]
"""() the suite, (machine,) or (machine, section)."""


def unit_of(clip: Clip, scope: Scope) -> Unit:
    """Return the unit of ``scope`` that ``clip`` belongs to."""
    if scope == "suite":
        return ()
    return (clip.machine,) if scope == "machine" else (clip.machine, clip.section)


def by_unit(clips: Iterable[Clip], scope: Scope) -> dict[Unit, list[Clip]]:
    """Return the clips of each unit, sorted by unit."""
    groups: dict[Unit, list[Clip]] = defaultdict(list)
    for clip in clips:
        groups[unit_of(clip, scope)].append(clip)
    return dict(sorted(groups.items()))


def inside(unit: Unit, place: tuple[str, ...]) -> bool:
    """Return whether a (machine, section) lies in ``unit``."""
    return place[: len(unit)] == unit


def covers(unit: Unit, clip: Clip) -> bool:
    """Return whether ``clip`` lies in ``unit``."""
    return inside(unit, (clip.machine, clip.section))
