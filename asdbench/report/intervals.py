"""Intervals of a detector that was fitted several times."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from asdbench.stats.interval import Interval, normal_quantile


@dataclass(frozen=True)
class Pooled:
    """The mean of the fits with its interval; ``low`` is None where there is none."""

    estimate: float
    low: float | None
    high: float | None
    method: str | None
    note: str | None


def pooled(intervals: Sequence[Interval], confidence: float) -> Pooled:
    """Return the interval of one fit, or of the mean of several.

    Fits are those of the detector, of the generator, or both; folds of a transductive detector
    count as fits. With several, the variance is the mean of their own (they share their clips)
    plus that of their mean, and the interval is normal.
    """
    estimate = float(np.mean([i.estimate for i in intervals]))
    first = next((i for i in intervals if i.low is None), intervals[0])
    if first.low is None or first.high is None:
        return Pooled(estimate, None, None, None, first.note)
    if len(intervals) == 1:
        return Pooled(estimate, first.low, first.high, first.method, first.note)
    between = float(np.var([i.estimate for i in intervals], ddof=1)) / len(intervals)
    within = float(np.mean([(i.se or 0.0) ** 2 for i in intervals]))
    half = normal_quantile(confidence) * float(np.sqrt(within + between))
    method = f"{first.method}, mean of {len(intervals)} fits"
    return Pooled(estimate, estimate - half, estimate + half, method, first.note)


def generator_for(seed: int, name: str, repeat: int) -> np.random.Generator:
    """Return the source of randomness of the interval that ``name`` spells out."""
    words = np.frombuffer(f"{seed}/{name}/{repeat}".encode(), dtype=np.uint8)
    return np.random.default_rng(words.astype(np.uint32))
