"""DeLong intervals for one AUC and for the gap of two AUCs that share their normal clips.

E. R. DeLong, D. M. DeLong, D. L. Clarke-Pearson, Biometrics 44 (1988), equations 4-7, with the
placements computed by sorting (X. Sun and W. Xu, IEEE Signal Processing Letters 21 (2014)).

The intervals are symmetric and rest on the normal approximation: close to an AUC of 0 or 1 they
cover too little; :mod:`asdbench.stats.gap` uses the bootstrap there.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from asdbench.metrics.rank import Floats, check_scores
from asdbench.stats.interval import NO_VARIATION, Interval, normal_quantile, too_few


def placements(normal: Floats, anomaly: Floats) -> tuple[Floats, Floats]:
    """Return the structural components of an AUC; the mean of either is the AUC.

    Parameters
    ----------
    normal, anomaly
        Scores, (n,) and (m,).

    Returns
    -------
    v10
        (n,) the share of anomalous clips above each normal clip, ties half.
    v01
        (m,) the share of normal clips below each anomalous clip, ties half.
    """
    return 1.0 - _midrank(np.sort(anomaly), normal), _midrank(np.sort(normal), anomaly)


def _midrank(ordered: Floats, values: Floats) -> Floats:
    below = np.searchsorted(ordered, values, side="left")
    not_above = np.searchsorted(ordered, values, side="right")
    return (below + not_above) / (2.0 * ordered.size)


def auc_interval(normal: ArrayLike, anomaly: ArrayLike, confidence: float) -> Interval:
    """Return one AUC with its DeLong interval, cut to [0, 1].

    Raises
    ------
    MetricError
        When a class is empty, a score is not finite or ``confidence`` is out of range.
    """
    x = check_scores(normal, "normal clips")
    y = check_scores(anomaly, "anomalous clips")
    z = normal_quantile(confidence)
    v10, v01 = placements(x, y)
    estimate = float(np.mean(v01))
    reason = too_few(normal=x.size, anomalous=y.size)
    if reason is None:
        variance = _variance_of_mean(v10) + _variance_of_mean(v01)
        se = math.sqrt(variance)
        if se > 0.0:
            low, high = max(estimate - z * se, 0.0), min(estimate + z * se, 1.0)
            return Interval(estimate, low, high, se, confidence, "delong")
        reason = NO_VARIATION
    return Interval.missing(estimate, confidence, reason)


def paired_gap(
    normals: ArrayLike, real: ArrayLike, generated: ArrayLike, confidence: float
) -> Interval:
    """Return ``auc_gap = auc_generated - auc_real`` with its DeLong interval.

    Both AUCs use the same normal clips, so their errors are correlated:
    Var = Var[V10_generated - V10_real] / n + Var[V01_real] / m_r + Var[V01_generated] / m_g.

    Parameters
    ----------
    normals, real, generated
        Scores of the shared normal clips (n,), the real anomalous clips (m_r,) and the generated
        anomalous clips (m_g,).
    confidence
        Level of the interval, e.g. 0.95.

    Raises
    ------
    MetricError
        When a pool is empty, a score is not finite or ``confidence`` is out of range.
    """
    x = check_scores(normals, "normal clips")
    y_real = check_scores(real, "real anomalous clips")
    y_generated = check_scores(generated, "generated anomalous clips")
    z = normal_quantile(confidence)
    v10_real, v01_real = placements(x, y_real)
    v10_generated, v01_generated = placements(x, y_generated)
    estimate = float(np.mean(v01_generated) - np.mean(v01_real))
    reason = too_few(normal=x.size, real=y_real.size, generated=y_generated.size)
    if reason is None:
        variance = (
            _variance_of_mean(v10_generated - v10_real)
            + _variance_of_mean(v01_real)
            + _variance_of_mean(v01_generated)
        )
        se = math.sqrt(variance)
        if se > 0.0:
            return Interval(
                estimate, estimate - z * se, estimate + z * se, se, confidence, "delong"
            )
        reason = NO_VARIATION
    return Interval.missing(estimate, confidence, reason)


def _variance_of_mean(values: Floats) -> float:
    return float(np.var(values, ddof=1)) / values.size
