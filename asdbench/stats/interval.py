"""An estimate with its interval, or with the reason why there is none."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist
from typing import Literal

from asdbench.metrics.rank import MetricError

Method = Literal["delong", "bootstrap", "none"]
NO_VARIATION = (
    "the estimate is the same whichever of these clips are drawn (e.g. perfect separation, or "
    "all scores equal), so they cannot tell how far it would vary"
)


@dataclass(frozen=True)
class Interval:
    """A two-sided confidence interval.

    ``low``, ``high`` and ``se`` are None, and ``method`` is ``none``, where the scores cannot
    tell how far the estimate would vary; ``note`` then says why. Otherwise ``note`` names a
    known weakness of the interval, if there is one.
    """

    estimate: float
    low: float | None
    high: float | None
    se: float | None
    """Standard error of the estimate."""
    confidence: float
    method: Method
    note: str | None = None

    @classmethod
    def missing(cls, estimate: float, confidence: float, reason: str) -> Interval:
        """Return an estimate without an interval."""
        return cls(estimate, None, None, None, confidence, "none", reason)


def normal_quantile(confidence: float) -> float:
    """Return z with P(|Z| < z) = ``confidence`` for a standard normal Z.

    Raises
    ------
    MetricError
        When ``confidence`` does not lie between 0 and 1.
    """
    if not 0.0 < confidence < 1.0:
        raise MetricError(f"confidence is {confidence}; it must lie between 0 and 1")
    return NormalDist().inv_cdf(0.5 + 0.5 * confidence)


def too_few(**sizes: int) -> str | None:
    """Return why there is no interval when a pool has fewer than two clips, else None."""
    single = [name for name, size in sizes.items() if size < 2]
    if not single:
        return None
    return f"only one clip in: {', '.join(single)}; an interval needs two of each"
