"""Whether more generated clips are near to training clips than chance explains.

The search for copies (:mod:`asdbench.metrics.memorization`) takes as its limit a high quantile of
the nearness of n held-out real clips. That limit is an estimate: with 40 of them it lies just below
the largest. A binomial test with probability 0.01 would call one generator in three a copyist. What
is exact: without memorization, generated and held-out clips are draws from one distribution, so the
number of m generated clips above the r-th largest of n held-out ones is beta-binomial with m trials
and parameters r and n + 1 - r, whatever that distribution is (the distribution of exceedances of
E. J. Gumbel and H. von Schelling, Annals of Mathematical Statistics 21, 1950).
"""

from __future__ import annotations

import math
from asdbench.metrics.memorization import QUANTILE

LEVEL = 0.05
"""Chance of calling any machine of a grid copied where nothing is."""


def copies_p(exceeding: int, generated: int, held_out: int) -> float:
    """Return the probability of at least ``exceeding`` clips above the limit without memorization.

    The limit is interpolated between two held-out clips; the count above the lower one is at least
    as large, so the value errs on the side of no memorization.

    Parameters
    ----------
    exceeding
        Generated clips nearer to a training clip than the limit.
    generated, held_out
        Generated clips, and the held-out real clips that the limit was taken from.
    """
    from scipy.stats import betabinom

    if exceeding <= 0:
        return 1.0
    above = held_out - math.floor((1.0 - QUANTILE) * (held_out - 1) + 1e-9)
    return float(betabinom.sf(exceeding - 1, generated, above, held_out + 1 - above))
