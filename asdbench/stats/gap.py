"""The interval of one gap between generated and real anomalies: which method, and when."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from asdbench.metrics.rank import auc
from asdbench.stats.bootstrap import RankMetric, bootstrap_gap
from asdbench.stats.delong import paired_gap
from asdbench.stats.interval import Interval

DELONG_RANGE = (0.1, 0.9)
"""AUCs within which the normal approximation of DeLong's method holds at 50 clips a class."""


def gap_interval(
    normals: ArrayLike,
    real: ArrayLike,
    generated: ArrayLike,
    metric: RankMetric,
    confidence: float,
    draws: int,
    rng: np.random.Generator,
) -> Interval:
    """Return ``metric(generated) - metric(real)`` with an interval; the result names the method.

    An AUC gap gets the paired DeLong interval, unless one of the two AUCs is above 0.9 or below
    0.1; then, and for pAUC always, it gets the stratified bootstrap. Parameters and errors are
    those of :func:`asdbench.stats.bootstrap.bootstrap_gap`.
    """
    aucs = {"real": auc(normals, real), "generated": auc(normals, generated)}
    low, high = DELONG_RANGE
    if metric == "auc" and all(low <= value <= high for value in aucs.values()):
        return paired_gap(normals, real, generated, confidence)
    interval = bootstrap_gap(normals, real, generated, metric, confidence, draws, rng)
    extreme = [name for name, value in aucs.items() if value in (0.0, 1.0)]
    if interval.method == "none" or not extreme:
        return interval
    return replace(
        interval,
        note=f"perfect separation of {' and '.join(extreme)} anomalies: resampling sees no "
        "variation there, the interval is too narrow",
    )
