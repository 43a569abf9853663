"""How far the scores of generated clips lie from those of real ones, whatever the AUC says."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from asdbench.metrics.rank import check_scores


@dataclass(frozen=True)
class ScoreDistance:
    """Distances between two sets of scores."""

    ks: float
    """Kolmogorov-Smirnov: the largest difference of the two distribution functions."""
    ks_p: float
    """Probability of at least that distance between two samples of one distribution."""
    wasserstein: float | None
    """Wasserstein-1 distance in standard deviations of the normals' scores; None where these
    are all equal."""
    shift: float | None
    """Difference of the medians (generated - real), in the same unit."""


def score_distance(normals: ArrayLike, real: ArrayLike, generated: ArrayLike) -> ScoreDistance:
    """Compare the scores of real and of generated clips of one role (``scipy.stats``).

    Parameters
    ----------
    normals
        Scores of real normals (n,), which give the unit.
    real, generated
        Scores of real (m_r,) and of generated clips (m_g,).

    Raises
    ------
    MetricError
        When one of the sets is empty or a score is not finite.
    """
    from scipy.stats import ks_2samp, wasserstein_distance

    unit = float(np.std(check_scores(normals, "normal clips"), ddof=0))
    first = check_scores(real, "real clips")
    second = check_scores(generated, "generated clips")
    test = ks_2samp(first, second)
    distance, shift = None, None
    if unit > 0.0:
        distance = float(wasserstein_distance(first, second)) / unit
        shift = float(np.median(second) - np.median(first)) / unit
    return ScoreDistance(float(test.statistic), float(test.pvalue), distance, shift)
