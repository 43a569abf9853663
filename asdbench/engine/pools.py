"""Pools of clips that a detector scores together, real or made by a grid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from asdbench.api import Condition, Label
from asdbench.engine.store import digest
from asdbench.engine.tasks import ClipRef, Entry, MakeClips
from asdbench.engine.units import Unit


@dataclass(frozen=True)
class PoolRow:
    """A scored clip, for the score table."""

    clip: str
    condition: Condition
    label: Label | None
    origin: str
    """``real``, or the grid that made it."""
    copy_of: str | None = None
    """Of a round trip, the real clip that went in."""


@dataclass(frozen=True)
class Member:
    """A clip of a pool: what is read, and what it is called."""

    ref: ClipRef
    row: PoolRow


@dataclass(frozen=True)
class ScoredPool:
    """One detector's scores of clips that it scored together."""

    detector: str
    repeat: int
    name: str
    """The origin of its clips; of an arm scored alone, both: ``real+grid``."""
    fold: int
    unit: Unit
    entry: Entry
    rows: tuple[PoolRow, ...]


@dataclass(frozen=True)
class Generated:
    """The clips that one grid makes for one section."""

    grid: str
    task: MakeClips
    copies_of: tuple[str, ...] = ()
    """Of a round trip, the clips that went in."""

    def refs(self) -> list[ClipRef]:
        """Return the clips as tasks read them."""
        entry = self.task.entry
        return [
            ClipRef(digest([entry.key, i]), real.condition, self.task.label, None, entry, i)
            for i, real in enumerate(self.task.real)
        ]

    def rows(self) -> list[PoolRow]:
        """Return the clips as the score table names them."""
        rows = []
        for i, real in enumerate(self.task.real):
            name = f"{self.grid}/{real.condition.machine}/{real.condition.section}/{i:06d}"
            copy_of = self.copies_of[i] if self.copies_of else None
            rows.append(PoolRow(name, real.condition, self.task.label, self.grid, copy_of))
        return rows

    def members(self) -> list[Member]:
        """Return the clips with their names."""
        return [Member(ref, row) for ref, row in zip(self.refs(), self.rows(), strict=True)]


def folds(
    negative: Sequence[Member], positive: Sequence[Member], like: tuple[int, int]
) -> list[list[Member]]:
    """Return pools with the numbers of ``like``, so that each clip is in one of them at least.

    Where one side has fewer clips than that, every pool has fewer of both, in the same ratio.
    Each side keeps the shares of its domains.

    Parameters
    ----------
    negative, positive
        The clips in the place of normals and in that of anomalies, none empty.
    like
        Normals and anomalies of the real test clips.
    """
    scale = min(1.0, len(negative) / like[0], len(positive) / like[1])
    hands = [
        _hands(side, max(1, round(scale * size)))
        for side, size in zip((negative, positive), like, strict=True)
    ]
    count = max(len(side) for side in hands)
    return [[clip for side in hands for clip in side[i % len(side)]] for i in range(count)]


def _hands(members: Sequence[Member], size: int) -> list[list[Member]]:
    """Deal ``members`` in hands of ``size``; the last hand may share clips with the one before."""
    by_domain: dict[str, list[Member]] = {}
    for member in members:
        by_domain.setdefault(member.row.condition.domain or "", []).append(member)
    placed = [
        ((i + 0.5) / len(there), domain, member)
        for domain, there in sorted(by_domain.items())
        for i, member in enumerate(there)
    ]
    mixed = [member for _, _, member in sorted(placed, key=lambda item: item[:2])]
    starts = range(0, len(mixed), size)
    return [mixed[min(start, max(len(mixed) - size, 0)) :][:size] for start in starts]
