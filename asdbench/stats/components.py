"""Where the variance of a mean gap comes from: clips, fits of the detector, fits of the generator.

A gap is measured with every fit of the detector and every fit of the generator, always on the same
real clips: a two-way table without replication (H. Scheffé, The Analysis of Variance, 1959,
section 7.4), whose row and column effects are the fits. What clips add is common to the whole
table, so it cannot be seen in it; it is the variance of the interval of the mean.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from asdbench.metrics.rank import Floats, MetricError

Buy = Literal["clips", "detector repeats", "generator repeats", "unknown"]


@dataclass(frozen=True)
class Components:
    """Standard deviations of one measurement, and what each adds to the mean of all."""

    mean: float
    """Mean over all fits."""
    sd_clips: float | None
    """Standard deviation of the mean that the choice of clips causes; None where unknown."""
    sd_detector: float | None
    """Standard deviation between fits of the detector; None with one fit."""
    sd_generator: float | None
    """Standard deviation between fits of the generator; None with one fit."""
    sd_rest: float | None
    """Standard deviation that both fits together cause; None unless both were repeated."""
    fits_variance: float
    """What the fits, as far as they were repeated, add to the variance of the mean."""
    buy: Buy
    """What to have more of first: what has the largest share in the variance of the mean.
    `unknown` where nothing was fitted twice."""


def variance_components(
    gaps: ArrayLike, clip_variance: float | None, generated_clip_variance: float = 0.0
) -> Components:
    """Split the variance of the mean gap.

    Parameters
    ----------
    gaps
        (detector fits, generator fits), the gap of each pair.
    clip_variance
        Variance of the mean of ``gaps`` with these fits: ``se**2`` of its
        :func:`~asdbench.stats.combination.combination`. None where it has no interval.
    generated_clip_variance
        How much of the variance of one generator fit's gap is due to the generated clips alone:
        each fit makes its own, so this part is in the spread between fits as well, and is taken
        off there.

    Raises
    ------
    MetricError
        When ``gaps`` is not a table of finite numbers.
    """
    table = np.asarray(gaps, dtype=np.float64)
    if table.ndim != 2 or not table.size or not np.all(np.isfinite(table)):
        raise MetricError(f"gaps have shape {table.shape}; expected a table of finite numbers")
    rows, columns = table.shape
    center = float(np.mean(table))
    by_row, by_column = table.mean(axis=1) - center, table.mean(axis=0) - center
    rest = None
    if rows > 1 and columns > 1:
        left = table - center - by_row[:, None] - by_column[None, :]
        rest = float(np.sum(left**2)) / ((rows - 1) * (columns - 1))
    detector = _between(by_row, rest, columns)
    generator = _between(by_column, rest, rows)
    if generator is not None:
        generator = max(0.0, generator - generated_clip_variance)
    shares: dict[Buy, float] = {}
    if clip_variance is not None:
        shares["clips"] = clip_variance
    if detector is not None:
        shares["detector repeats"] = detector / rows
    if generator is not None:
        shares["generator repeats"] = generator / columns
    fits = sum(share for name, share in shares.items() if name != "clips")
    fits += 0.0 if rest is None else rest / table.size
    return Components(
        mean=center,
        sd_clips=_root(clip_variance),
        sd_detector=_root(detector),
        sd_generator=_root(generator),
        sd_rest=_root(rest),
        fits_variance=fits,
        buy=max(shares, key=lambda name: shares[name]) if table.size > 1 else "unknown",
    )


def _between(means: Floats, rest: float | None, others: int) -> float | None:
    """Return the variance between fits from their centered means over ``others`` other fits."""
    if means.size < 2:
        return None
    return max(0.0, float(np.var(means, ddof=1)) - (rest or 0.0) / others)


def _root(variance: float | None) -> float | None:
    return None if variance is None else math.sqrt(variance)
