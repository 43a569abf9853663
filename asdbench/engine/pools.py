"""Pools of clips that a detector scores together, real or made by a grid."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from asdbench.api import Clip, Condition, Label
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
    recording: str | None = None
    """The recording that it was cut from, if known; of a round trip, that of the real clip."""


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
    generation: int
    """Which repeat of the generator made its clips; 0 of real ones."""
    fold: int
    unit: Unit
    entry: Entry
    rows: tuple[PoolRow, ...]


@dataclass(frozen=True)
class Batch:
    """Clips that one fit of a generator makes by one task."""

    task: MakeClips
    fold: int = 0
    """Of the split, whose fit makes them."""
    generation: int = 0
    """Which repeat of the generator it is."""
    copies_of: tuple[Clip, ...] = ()
    """Of a round trip, the clips that go in."""
    cell: str = ""
    """Of a sweep, the condition; it stands in the names of the clips."""


@dataclass(frozen=True)
class Generated:
    """The clips that one grid makes for one section."""

    grid: str
    batches: tuple[Batch, ...]

    @property
    def entries(self) -> tuple[Entry, ...]:
        """Where the clips are."""
        return tuple(batch.task.entry for batch in self.batches)

    def members(self, generation: int | None = None) -> list[Member]:
        """Return the clips with their names: of one repeat of the generator, or of all."""
        return [m for batch, m in self._members if generation in (None, batch.generation)]

    def by_fold(self) -> dict[int, list[Member]]:
        """Return the clips by the fold whose fit made them."""
        found: dict[int, list[Member]] = {}
        for batch, member in self._members:
            found.setdefault(batch.fold, []).append(member)
        return found

    def refs(self) -> list[ClipRef]:
        """Return the clips as tasks read them."""
        return [member.ref for member in self.members()]

    def rows(self) -> list[PoolRow]:
        """Return the clips as the score table names them."""
        return [member.row for member in self.members()]

    @cached_property
    def _members(self) -> list[tuple[Batch, Member]]:
        """Each clip with its batch. Numbers go on from fold to fold of one repeat or cell."""
        found = []
        count: Counter[str] = Counter()
        for batch in self.batches:
            place = batch.task.real[0].condition
            words = [self.grid, place.machine, place.section]
            words += [f"r{batch.generation}"] if batch.generation else []
            folder = "/".join([*words, batch.cell] if batch.cell else words)
            for i, real in enumerate(batch.task.real):
                entry, label = batch.task.entry, batch.task.label
                ref = ClipRef(digest([entry.key, i]), real.condition, label, None, entry, i)
                name = f"{folder}/{count[folder]:06d}"
                count[folder] += 1
                row = PoolRow(name, real.condition, label, self.grid)
                if batch.copies_of:
                    source = batch.copies_of[i]
                    row = replace(row, copy_of=source.id, recording=source.recording)
                found.append((batch, Member(ref, row)))
        return found


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
