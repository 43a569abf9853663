from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import precision_recall_fscore_support

from asdbench.metrics.decision import DecisionMetrics, decision_metrics


def flags(text: str) -> np.ndarray:
    return np.array([mark == "1" for mark in text])


def test_agrees_with_scikit_learn() -> None:
    rng = np.random.default_rng(5)
    for _ in range(50):
        truth, called = rng.random((2, 30)) < rng.random((2, 1))
        expected = precision_recall_fscore_support(
            truth, called, average="binary", zero_division=0.0
        )
        found = decision_metrics(truth, called)
        assert (found.precision, found.recall, found.f1) == pytest.approx(expected[:3], abs=1e-12)


def test_nothing_called_anomalous_is_zero_not_nan() -> None:
    assert decision_metrics(flags("0011"), flags("0000")) == DecisionMetrics(0.0, 0.0, 0.0)


def test_no_anomaly_is_zero_not_nan() -> None:
    assert decision_metrics(flags("00"), flags("01")) == DecisionMetrics(0.0, 0.0, 0.0)


def test_unequal_lengths_and_no_clips_are_refused() -> None:
    with pytest.raises(ValueError, match="2 labels but 3 decisions"):
        decision_metrics(flags("01"), flags("011"))
    with pytest.raises(ValueError, match="no clips"):
        decision_metrics(flags(""), flags(""))
