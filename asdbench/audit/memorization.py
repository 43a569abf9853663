"""Whether more generated clips are near to training clips than chance explains.

The search for copies (:mod:`asdbench.metrics.memorization`) takes as its limit a high quantile of
the nearness of n held-out real clips. That limit is an estimate: with 40 of them it lies just below
the largest. A binomial test with probability 0.01 would call one generator in three a copyist. What
is exact: without memorization, generated and held-out clips are draws from one distribution, so the
number of m generated clips above the r-th largest of n held-out ones is beta-binomial with m trials
and parameters r and n + 1 - r, whatever that distribution is (the distribution of exceedances of
E. J. Gumbel and H. von Schelling, Annals of Mathematical Statistics 21, 1950).

With several folds each has a limit of its own, and the counts of the folds are added.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from asdbench.metrics.memorization import QUANTILE

LEVEL = 0.01
"""Chance of calling any machine of a grid copied where nothing is; a report holds many grids."""


@dataclass(frozen=True)
class Search:
    """A search for copies: how many clips went beyond a limit."""

    exceeding: int
    """Generated clips nearer to a training clip than the limit."""
    generated: int
    """Generated clips."""
    held_out: int
    """Real clips that the limit was taken from."""


def copies_p(searches: Sequence[Search]) -> float:
    """Return the probability of at least as many clips beyond the limits without memorization.

    A limit is interpolated between two held-out clips; the count above the lower one is at least
    as large, so the value errs on the side of no memorization.
    """
    from scipy.stats import betabinom

    chances = np.ones(1)
    for search in searches:
        above = search.held_out - math.floor((1.0 - QUANTILE) * (search.held_out - 1) + 1e-9)
        counts = np.arange(search.generated + 1)
        own = betabinom.pmf(counts, search.generated, above, search.held_out + 1 - above)
        chances = np.convolve(chances, own)
    found = sum(search.exceeding for search in searches)
    return 1.0 if found == 0 else min(1.0, float(chances[found:].sum()))


def least_p(searches: Sequence[Search]) -> float:
    """Return :func:`copies_p` of clips that all went beyond the limits: nothing is below it."""
    return copies_p([replace(search, exceeding=search.generated) for search in searches])
