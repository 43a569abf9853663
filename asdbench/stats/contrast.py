"""The interval of one AUC, or of the difference of two, whichever clips they share.

A curve sets the scores of some clips against those of others. Pools of the same clips (a clip and
its coded version; the shared normals of two curves) vary together: they bear the same name and
are resampled together. See :mod:`asdbench.stats.combination`.
"""

from __future__ import annotations

import numpy as np

from asdbench.stats.combination import combination
from asdbench.stats.curves import Curve
from asdbench.stats.interval import Interval


def auc_contrast(
    curve: Curve,
    minus: Curve | None,
    confidence: float,
    draws: int,
    rng: np.random.Generator,
) -> Interval:
    """Return ``auc(curve)``, or ``auc(curve) - auc(minus)``, with an interval.

    Parameters, errors and method are those of :func:`asdbench.stats.combination.combination`.
    """
    terms = [(1.0, curve)] if minus is None else [(1.0, curve), (-1.0, minus)]
    return combination(terms, confidence, draws, rng)
