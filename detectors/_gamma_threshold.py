"""Decision thresholds from a gamma distribution fitted to scores of normal clips."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

QUANTILE = 0.9
_PLAUSIBLE = (0.02, 0.25)
"""Share of its own scores that a threshold at the 90 % quantile may flag."""


@dataclass(frozen=True)
class Threshold:
    """A threshold and where it comes from: ``gamma``, or ``quantile`` after a degenerate fit."""

    value: float
    rule: str


def gamma_quantile(shape: float, loc: float, scale: float) -> float:
    """Return the 90 % quantile of a gamma distribution."""
    from scipy import stats

    return float(stats.gamma.ppf(QUANTILE, shape, loc, scale))


def gamma_threshold(scores: NDArray[np.float64]) -> Threshold:
    """Return the 90 % quantile of a gamma distribution fitted to ``scores``, location free.

    The fit sometimes fails or lands in a degenerate optimum. If it raises, is not finite, or its
    threshold would flag fewer than 2 % or more than 25 % of ``scores`` themselves, the empirical
    90 % quantile takes its place.
    """
    from scipy import stats

    empirical = Threshold(float(np.quantile(scores, QUANTILE)), "quantile")
    if np.ptp(scores) <= 1e-9 * np.abs(scores).max():
        return empirical
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            value = gamma_quantile(*stats.gamma.fit(scores))
    except (ValueError, RuntimeError):  # scipy's FitError is a RuntimeError
        return empirical
    flagged = float(np.mean(scores > value))
    if not np.isfinite(value) or not _PLAUSIBLE[0] <= flagged <= _PLAUSIBLE[1]:
        return empirical
    return Threshold(value, "gamma")
