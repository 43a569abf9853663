"""An estimate with its interval, or with the reason why there is none."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from statistics import NormalDist
from typing import Literal

import numpy as np

from asdbench.metrics.rank import Floats, MetricError

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
    samples: Floats | None = field(default=None, repr=False, compare=False)
    """Estimates of the bootstrap draws, (draws,); None for an interval that is normal."""
    within_unit: bool = False
    """Whether the estimate is an AUC or a mean of AUCs: its interval is cut to [0, 1]."""

    @classmethod
    def missing(cls, estimate: float, confidence: float, reason: str) -> Interval:
        """Return an estimate without an interval."""
        return cls(estimate, None, None, None, confidence, "none", reason)

    @classmethod
    def normal(
        cls, estimate: float, se: float, confidence: float, *, within_unit: bool = False
    ) -> Interval:
        """Return ``estimate`` +- z ``se``."""
        made = cls(estimate, None, None, se, confidence, "delong", within_unit=within_unit)
        return made.at(confidence)

    @classmethod
    def percentile(
        cls, estimate: float, samples: Floats, confidence: float, note: str | None = None
    ) -> Interval:
        """Return the percentile interval of bootstrap ``samples`` (draws,)."""
        se = float(np.std(samples, ddof=1))
        made = cls(estimate, None, None, se, confidence, "bootstrap", note, samples)
        return made.at(confidence)

    def at(self, confidence: float) -> Interval:
        """Return the same interval at another level, from the same draws.

        Equivalence is tested at level a with the interval at confidence 1 - 2 a.

        Raises
        ------
        MetricError
            When ``confidence`` does not lie between 0 and 1.
        """
        z = normal_quantile(confidence)
        if self.se is None:
            return replace(self, confidence=confidence)
        if self.samples is not None:
            tail = 0.5 * (1.0 - confidence)
            low, high = (float(q) for q in np.quantile(self.samples, [tail, 1.0 - tail]))
        else:
            low, high = self.estimate - z * self.se, self.estimate + z * self.se
        if self.within_unit:
            low, high = max(low, 0.0), min(high, 1.0)
        return replace(self, low=low, high=high, confidence=confidence)

    def widened(self, variance: float) -> Interval:
        """Return the interval of the same estimate with an independent ``variance`` added.

        What clips cannot tell is added so: the mean of R fits of a detector has, besides the
        variance that its clips cause, that between the fits divided by R. Bootstrap draws are
        stretched about the estimate, so that their skew is kept.

        Raises
        ------
        MetricError
            When ``variance`` is negative.
        """
        if not variance >= 0.0:
            raise MetricError(f"variance is {variance}; it cannot be negative")
        if self.se is None or self.se == 0.0 or variance == 0.0:
            return self
        factor = math.sqrt(1.0 + variance / self.se**2)
        samples = self.samples
        if samples is not None:
            samples = self.estimate + factor * (samples - self.estimate)
        return replace(self, se=self.se * factor, samples=samples).at(self.confidence)

    def p_above(self, value: float) -> float | None:
        """Return the one-sided p-value of the hypothesis that the truth is at most ``value``.

        It is below a exactly where the lower end of the interval at confidence 1 - 2 a lies
        above ``value``; of a bootstrap, the share of draws at or below it, counted with one
        more (A. Davison and D. Hinkley, Bootstrap Methods, 1997, equation 4.11). None where
        there is no interval.
        """
        if self.se is None:
            return None
        if self.samples is not None:
            return (int(np.sum(self.samples <= value)) + 1) / (self.samples.size + 1)
        return NormalDist().cdf((value - self.estimate) / self.se)

    def p_below(self, value: float) -> float | None:
        """Return the one-sided p-value of the hypothesis that the truth is at least ``value``."""
        if self.se is None:
            return None
        if self.samples is not None:
            return (int(np.sum(self.samples >= value)) + 1) / (self.samples.size + 1)
        return NormalDist().cdf((self.estimate - value) / self.se)


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
