"""The interval of one gap between generated and real anomalies."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from asdbench.metrics.rank import check_scores
from asdbench.stats.combination import TOO_NARROW, combination
from asdbench.stats.curves import Curve, Pool
from asdbench.stats.interval import Interval
from asdbench.stats.resampling import RankMetric


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

    Both sides use the same normal clips, so their errors are correlated. Of AUCs within 0.1 to
    0.9 the variance is Var[V10_generated - V10_real] / n + Var[V01_real] / m_r +
    Var[V01_generated] / m_g (paired DeLong); beyond, and for pAUC always, the three pools are
    resampled (see :func:`asdbench.stats.combination.combination`, also for the errors).

    Parameters
    ----------
    normals, real, generated
        Scores of the shared normal clips (n,), the real anomalous clips (m_r,) and the generated
        anomalous clips (m_g,).
    metric
        ``auc`` or ``pauc``.
    confidence
        Level of the interval, e.g. 0.95.
    draws
        Number of bootstrap samples.
    rng
        Source of randomness; the same state gives the same interval.
    """
    shared = Pool("normal", check_scores(normals, "normal clips"))
    curves = {
        "real": Curve(shared, Pool("real", check_scores(real, "real anomalous clips"))),
        "generated": Curve(
            shared, Pool("generated", check_scores(generated, "generated anomalous clips"))
        ),
    }
    terms = [(-1.0, curves["real"]), (1.0, curves["generated"])]
    interval = combination(terms, confidence, draws, rng, metric)
    extreme = [name for name, curve in curves.items() if curve.auc in (0.0, 1.0)]
    if interval.method == "none" or not extreme:
        return interval
    note = f"perfect separation of {' and '.join(extreme)} anomalies: {TOO_NARROW}"
    return replace(interval, note=note)
