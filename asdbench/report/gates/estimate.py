"""A number with its interval, and the p-values that follow from both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Self

from asdbench.stats.interval import normal_quantile
from asdbench.stats.multiplicity import holm


@dataclass(frozen=True)
class Estimate:
    """A number and the two-sided interval that a report gives for it.

    Each side of the interval counts as that of a normal distribution of its own, so that a
    p-value is below half of 1 - confidence exactly where the interval ends before the limit,
    however skewed it is.
    """

    value: float
    low: float
    high: float
    confidence: float

    @classmethod
    def of(
        cls, value: float | None, low: float | None, high: float | None, confidence: float
    ) -> Self | None:
        """Return the estimate, or None where a number is missing."""
        if value is None or low is None or high is None:
            return None
        return cls(value, low, high, confidence)

    def p_below(self, limit: float) -> float:
        """Return the one-sided p-value of the hypothesis that the truth is at least ``limit``."""
        return self._p(limit - self.value, self.high - self.value)

    def p_above(self, limit: float) -> float:
        """Return the one-sided p-value of the hypothesis that the truth is at most ``limit``."""
        return self._p(self.value - limit, self.value - self.low)

    def p_outside(self, target: float, margin: float) -> float:
        """Return the p-value of the hypothesis that the truth is ``margin`` or more off ``target``.

        Two one-sided tests: D. J. Schuirmann, J. Pharmacokinet. Biopharm. 15 (1987).
        """
        return max(self.p_below(target + margin), self.p_above(target - margin))

    def p_equal(self, target: float) -> float:
        """Return the two-sided p-value of the hypothesis that the truth is ``target``."""
        return min(1.0, 2.0 * min(self.p_below(target), self.p_above(target)))

    def _p(self, distance: float, half_width: float) -> float:
        """Return P(Z > distance / standard error), the error being that of one side."""
        if half_width <= 0.0:
            return 0.0 if distance > 0.0 else 1.0
        z = distance / half_width * normal_quantile(self.confidence)
        return NormalDist().cdf(-z)


def adjusted(values: Sequence[float | None], by_holm: bool) -> list[float | None]:
    """Return p-values for the number of tests by Holm's method, or as they are.

    What was not tested stays None and does not count.
    """
    if not by_holm:
        return list(values)
    raised = iter(holm([p for p in values if p is not None]))
    return [None if p is None else next(raised) for p in values]
