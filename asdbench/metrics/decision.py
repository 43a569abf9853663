"""Precision, recall and F1 of decisions, as the DCASE evaluators compute them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from asdbench.metrics.rank import EPS, MetricError


@dataclass(frozen=True)
class DecisionMetrics:
    """Quality of decisions on one set of clips, each in [0, 1]."""

    precision: float
    recall: float
    f1: float


def decision_metrics(anomaly: NDArray[np.bool_], decision: NDArray[np.bool_]) -> DecisionMetrics:
    """Compare decisions with labels; a rate whose denominator is 0 is 0.

    Parameters
    ----------
    anomaly, decision
        (n,) True where a clip is anomalous, and where it was called so.

    Raises
    ------
    MetricError
        When the lengths differ or no clip is given.
    """
    if anomaly.shape != decision.shape:
        raise MetricError(f"{anomaly.size} labels but {decision.size} decisions")
    if not anomaly.size:
        raise MetricError("no clips to decide on")
    hits = float(np.sum(anomaly & decision))
    precision = hits / max(float(np.sum(decision)), EPS)
    recall = hits / max(float(np.sum(anomaly)), EPS)
    return DecisionMetrics(
        precision, recall, 2.0 * precision * recall / max(precision + recall, EPS)
    )
