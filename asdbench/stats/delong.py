"""Structural components of an AUC, from which its variance follows.

E. R. DeLong, D. M. DeLong, D. L. Clarke-Pearson, Biometrics 44 (1988), equations 4-7, computed by
sorting (X. Sun and W. Xu, IEEE Signal Processing Letters 21 (2014)).
"""

from __future__ import annotations

import numpy as np

from asdbench.metrics.rank import Floats


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
