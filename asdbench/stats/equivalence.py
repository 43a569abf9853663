"""Whether a gap is small enough to count as none: two one-sided tests, and a verdict in a word.

D. J. Schuirmann, Journal of Pharmacokinetics and Biopharmaceutics 15 (1987): a gap is equivalent
to none at level a when both "it is at most -margin" and "it is at least +margin" are rejected at
level a, which is so exactly when the interval at confidence 1 - 2 a lies within the margin.
"""

from __future__ import annotations

from typing import Literal

from asdbench.metrics.rank import MetricError
from asdbench.stats.interval import Interval

Verdict = Literal["equivalent", "negligible", "different", "inconclusive"]


def verdict(interval: Interval, margin: float) -> Verdict | None:
    """Return what the interval of a gap says of it.

    =============  =========================  ============================
    verdict        interval at 1 - 2 a        interval at confidence 1 - a
    =============  =========================  ============================
    equivalent     within +-``margin``        contains 0
    negligible     within +-``margin``        excludes 0
    different      not within                 excludes 0
    inconclusive   not within                 contains 0
    =============  =========================  ============================

    with a = 1 - ``interval.confidence``. `Inconclusive` is no evidence of equality. None where
    there is no interval.

    Parameters
    ----------
    interval
        Gap with its interval.
    margin
        How large a gap counts as none, > 0.

    Raises
    ------
    MetricError
        When the margin is not positive, or the confidence is 0.5 or less.
    """
    inside = is_equivalent(interval, margin)
    if inside is None or interval.low is None or interval.high is None:
        return None
    if interval.low <= 0.0 <= interval.high:
        return "equivalent" if inside else "inconclusive"
    return "negligible" if inside else "different"


def is_equivalent(interval: Interval, margin: float) -> bool | None:
    """Return whether both one-sided tests reject at level 1 - ``interval.confidence``.

    None where there is no interval. Errors are those of :func:`verdict`.
    """
    alpha = _level(interval, margin)
    inner = interval.at(1.0 - 2.0 * alpha)
    if inner.low is None or inner.high is None:
        return None
    return -margin < inner.low and inner.high < margin


def equivalence_p(interval: Interval, margin: float) -> float | None:
    """Return the p-value of equivalence: the larger of the two one-sided ones.

    None where there is no interval. Errors are those of :func:`verdict`.
    """
    _level(interval, margin)
    above, below = interval.p_above(-margin), interval.p_below(margin)
    return None if above is None or below is None else max(above, below)


def _level(interval: Interval, margin: float) -> float:
    if not margin > 0.0:
        raise MetricError(f"margin is {margin}; it must be positive")
    alpha = 1.0 - interval.confidence
    if alpha >= 0.5:
        raise MetricError(
            f"confidence is {interval.confidence}; a test of equivalence needs more than 0.5"
        )
    return alpha
