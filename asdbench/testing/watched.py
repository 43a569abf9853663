"""Clips that note what a plug-in does with them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from asdbench.api import Audio, Condition, Label
from asdbench.clips import ClipPool

if TYPE_CHECKING:
    from asdbench.features import Frames, LogMelSpec


@dataclass
class Journal:
    """What plug-ins did with the clips that were lent to them."""

    peeked: dict[str, None] = field(default_factory=dict)
    """Names beyond the protocol that were asked for."""
    _written: dict[str, None] = field(default_factory=dict)
    _lent: dict[tuple[int, str], tuple[NDArray[Any], NDArray[Any]]] = field(default_factory=dict)

    def lend(self, owner: int, what: str, array: NDArray[Any], writable: bool) -> NDArray[Any]:
        """Return a copy of ``array``, to be looked at again when it comes back."""
        self._look((owner, what))
        copy = array.copy()
        copy.flags.writeable = writable
        self._lent[owner, what] = (copy, array)
        return copy

    def settle(self) -> None:
        """Look at all that is lent, and forget it."""
        for key in list(self._lent):
            self._look(key)

    @property
    def written(self) -> list[str]:
        """What had been written into when it was last looked at."""
        return list(self._written)

    def _look(self, key: tuple[int, str]) -> None:
        if key in self._lent:
            copy, whole = self._lent.pop(key)
            if not np.array_equal(copy, whole, equal_nan=True):
                self._written[key[1]] = None


class WatchedClips:
    """The clips of a pool as :class:`asdbench.api.ClipSet` has them, and nothing else unseen.

    Every array handed out is a copy, so that a plug-in that writes into one harms no other check.
    """

    def __init__(self, pool: ClipPool, journal: Journal, writable: bool = True) -> None:
        self._pool = pool
        self._journal = journal
        self._writable = writable

    @property
    def conditions(self) -> Sequence[Condition]:
        """One condition a clip."""
        return list(self._pool.conditions)

    @property
    def sample_rate(self) -> int:
        """Sample rate, Hz."""
        return self._pool.sample_rate

    def __len__(self) -> int:
        return len(self._pool)

    def audio(self, index: int) -> Audio:
        """Return a copy of a clip."""
        lent: Audio = self._journal.lend(
            id(self), f"audio({index})", self._pool.audio(index), self._writable
        )
        return lent

    def features(self, spec: LogMelSpec) -> Frames:
        """Return a copy of the frames."""
        from asdbench.features import Frames

        frames = self._pool.features(spec)
        values = self._journal.lend(id(self), "features(...).values", frames.values, self._writable)
        return Frames(values, frames.offsets.copy())

    def subset(self, indices: Sequence[int]) -> Self:
        """Return the clips at ``indices``, watched as these are."""
        return type(self)(self._pool.subset(indices), self._journal, self._writable)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name in ("_pool", "_journal", "_writable"):
            raise AttributeError(name)  # copying and numpy look for many of these
        self._journal.peeked[name] = None
        return getattr(self._pool, name)


class WatchedLabelledClips(WatchedClips):
    """The same with labels, as :class:`asdbench.api.LabelledClipSet` has them."""

    @property
    def labels(self) -> Sequence[Label]:
        """One label a clip."""
        return list(self._pool.labels)
