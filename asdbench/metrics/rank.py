"""AUC, pAUC and the harmonic mean: functions of scores, in float64.

A ROC curve depends on the order of the scores alone, so both areas are computed from how many
normal and how many anomalous clips lie at each distinct score (:func:`roc_area`). The same
function serves one set of clips and thousands of bootstrap draws at once.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from asdbench.errors import AsdbenchError

EPS = float(np.finfo(np.float64).eps)
"""2.220446049250313e-16: the floor of denominators in the official programs."""
MAX_FPR = 0.1
"""Upper limit of the false-positive rate for pAUC in DCASE Task 2."""

Floats = NDArray[np.float64]


class MetricError(AsdbenchError, ValueError):
    """A metric is not defined for what it was given."""


def check_scores(scores: ArrayLike, what: str) -> Floats:
    """Return ``scores`` as float64 (n,), n >= 1.

    Raises
    ------
    MetricError
        When there is none, when they are not one-dimensional, or when one is NaN or infinite;
        ``what`` names them in the message, e.g. ``anomalous clips``.
    """
    values = np.asarray(scores, dtype=np.float64)
    if values.ndim != 1:
        raise MetricError(f"scores of {what} have shape {values.shape}; expected one per clip")
    if not values.size:
        raise MetricError(
            f"no {what}", "A ROC curve needs at least one normal and one anomalous clip."
        )
    bad = np.flatnonzero(~np.isfinite(values))
    if bad.size:
        raise MetricError(
            f"{bad.size} of {values.size} scores of {what} are NaN or infinite "
            f"(first at position {bad[0]})"
        )
    return values


def roc_area(normal_counts: Floats, anomaly_counts: Floats, max_fpr: float = 1.0) -> Floats:
    """Area under ROC curves for false-positive rates in [0, max_fpr].

    Between two thresholds the curve is a straight line, so tied clips count half; the last
    segment is cut at ``max_fpr``.

    Parameters
    ----------
    normal_counts, anomaly_counts
        (..., thresholds): clips at each distinct score, highest score first. Leading axes are
        independent draws and are broadcast.
    max_fpr
        Upper limit of the false-positive rate.
    """
    false_positives = np.cumsum(normal_counts, axis=-1)
    true_positives = np.cumsum(anomaly_counts, axis=-1)
    before = false_positives - normal_counts
    width = np.clip(max_fpr * false_positives[..., -1:] - before, 0.0, normal_counts)
    inside = np.divide(width, normal_counts, out=np.zeros_like(width), where=normal_counts > 0)
    height = true_positives - anomaly_counts + 0.5 * inside * anomaly_counts
    total = false_positives[..., -1] * true_positives[..., -1]
    area: Floats = np.sum(width * height, axis=-1) / total
    return area


def standardize(area: Floats, max_fpr: float = MAX_FPR) -> Floats:
    """Scale a partial area so that chance is 0.5 and perfect is 1 (McClish 1989)."""
    chance = 0.5 * max_fpr**2
    return 0.5 * (1.0 + (area - chance) / (max_fpr - chance))


def _counts(normal: ArrayLike, anomaly: ArrayLike) -> tuple[Floats, Floats]:
    x = check_scores(normal, "normal clips")
    y = check_scores(anomaly, "anomalous clips")
    thresholds, position = np.unique(-np.concatenate([x, y]), return_inverse=True)
    return (
        np.bincount(position[: x.size], minlength=thresholds.size).astype(np.float64),
        np.bincount(position[x.size :], minlength=thresholds.size).astype(np.float64),
    )


def auc(normal: ArrayLike, anomaly: ArrayLike) -> float:
    """Area under the ROC curve (Mann-Whitney); ties count half.

    Parameters
    ----------
    normal, anomaly
        Scores, (n,) and (m,); higher is more anomalous.

    Raises
    ------
    MetricError
        When a class is empty or a score is not finite.
    """
    return float(roc_area(*_counts(normal, anomaly)))


def pauc(normal: ArrayLike, anomaly: ArrayLike, max_fpr: float = MAX_FPR) -> float:
    """Partial AUC for false-positive rates in [0, max_fpr], standardized after McClish.

    Chance is 0.5, perfect is 1; the worst is ``0.5 - 0.5 * max_fpr / (2 - max_fpr)``, which is
    9/19 at 0.1. The challenge papers print the area without standardization; no program does.

    Parameters
    ----------
    normal, anomaly
        Scores, (n,) and (m,); higher is more anomalous.
    max_fpr
        Upper limit of the false-positive rate, in (0, 1).

    Raises
    ------
    MetricError
        When a class is empty, a score is not finite or ``max_fpr`` is out of range.
    """
    if not 0.0 < max_fpr < 1.0:
        raise MetricError(f"max_fpr is {max_fpr}; it must lie between 0 and 1")
    return float(standardize(roc_area(*_counts(normal, anomaly), max_fpr), max_fpr))


def harmonic_mean(values: ArrayLike) -> float:
    """Harmonic mean with each value floored at :data:`EPS`: a single 0 gives about 1e-15.

    Raises
    ------
    MetricError
        When there is no value or one is not finite.
    """
    checked = check_scores(values, "values to average")
    return float(checked.size / np.sum(1.0 / np.maximum(checked, EPS)))
