"""Clip pools: what detectors and generators are given to read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Self

from asdbench.api import Audio, Condition, Label

if TYPE_CHECKING:
    from asdbench.features import Frames, LogMelSpec


@dataclass(frozen=True)
class ClipPool:
    """Clips read on demand, with their log-mel frames computed once per specification.

    Implements :class:`asdbench.api.LabelledClipSet`.

    Parameters
    ----------
    conditions
        One a clip.
    sample_rate
        Of every clip, Hz.
    read
        Returns clip ``i`` as float32 (samples,).
    labels
        One a clip; empty for detectors, which see none.
    cached_features
        Returns the frames of the whole pool for a specification, e.g. from the store;
        None computes them here. A subset takes its rows from the pool it came from.
    """

    conditions: Sequence[Condition]
    sample_rate: int
    read: Callable[[int], Audio]
    labels: Sequence[Label] = ()
    cached_features: Callable[[LogMelSpec], Frames] | None = None
    _features: dict[LogMelSpec, Frames] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def from_arrays(
        cls,
        audio: Sequence[Audio],
        sample_rate: int,
        conditions: Sequence[Condition],
        labels: Sequence[Label] = (),
    ) -> Self:
        """Return a pool of clips that are already in memory."""
        return cls(conditions, sample_rate, audio.__getitem__, labels)

    def __len__(self) -> int:
        return len(self.conditions)

    def audio(self, index: int) -> Audio:
        """Return clip ``index`` as float32 (samples,)."""
        return self.read(index)

    def features(self, spec: LogMelSpec) -> Frames:
        """Return the log-mel frames of all clips."""
        if spec not in self._features:
            self._features[spec] = self._compute(spec)
        return self._features[spec]

    def _compute(self, spec: LogMelSpec) -> Frames:
        if self.cached_features is not None:
            return self.cached_features(spec)
        from asdbench.features import log_mel

        return log_mel((self.read(i) for i in range(len(self))), self.sample_rate, spec)

    def subset(self, indices: Sequence[int]) -> Self:
        """Return the clips at ``indices``, in that order."""
        chosen = list(indices)
        return replace(
            self,
            conditions=[self.conditions[i] for i in chosen],
            read=lambda i: self.read(chosen[i]),
            labels=[self.labels[i] for i in chosen] if self.labels else (),
            cached_features=lambda spec: self.features(spec).take(chosen),
            _features={},
        )
