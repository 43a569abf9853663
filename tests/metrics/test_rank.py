from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from asdbench.errors import AsdbenchError
from asdbench.metrics.rank import EPS, auc, harmonic_mean, pauc, roc_area, standardize

SCORES = st.lists(st.integers(-6, 6) | st.floats(-1e6, 1e6), min_size=1, max_size=30)


def by_scikit_learn(normal: list[float], anomaly: list[float], max_fpr: float | None) -> float:
    labels = [0] * len(normal) + [1] * len(anomaly)
    return float(roc_auc_score(labels, [*normal, *anomaly], max_fpr=max_fpr))


@settings(max_examples=300, deadline=None)
@given(normal=SCORES, anomaly=SCORES)
def test_auc_is_that_of_scikit_learn(normal: list[float], anomaly: list[float]) -> None:
    assert auc(normal, anomaly) == pytest.approx(
        by_scikit_learn(normal, anomaly, None), rel=0, abs=1e-12
    )


@settings(max_examples=300, deadline=None)
@given(normal=SCORES, anomaly=SCORES, max_fpr=st.sampled_from([0.1, 0.05, 1 / 3, 0.99]))
def test_pauc_is_that_of_scikit_learn(
    normal: list[float], anomaly: list[float], max_fpr: float
) -> None:
    assert pauc(normal, anomaly, max_fpr) == pytest.approx(
        by_scikit_learn(normal, anomaly, max_fpr), rel=0, abs=1e-12
    )


def test_auc_counts_pairs_and_ties_half() -> None:
    # Pairs: 3>1, 3>2, 2>1 are won, 2=2 is tied.
    assert auc([1.0, 2.0], [3.0, 2.0]) == (3 + 0.5) / 4


def test_extremes() -> None:
    low, high = np.arange(50.0), np.arange(50.0) + 100
    assert auc(low, high) == 1.0
    assert auc(high, low) == 0.0
    assert pauc(low, high) == 1.0
    assert pauc(high, low) == pytest.approx(9 / 19, rel=1e-12)
    assert auc(np.zeros(3), np.zeros(5)) == 0.5
    assert pauc(np.zeros(3), np.zeros(5)) == pytest.approx(0.5, abs=1e-15)


def test_float32_scores_keep_their_order() -> None:
    close = np.array([1.0, np.nextafter(np.float32(1), np.float32(2))], dtype=np.float32)
    assert auc(close[:1], close[1:]) == 1.0


def test_only_the_order_of_scores_counts(rng: np.random.Generator) -> None:
    x, y = rng.normal(size=40), rng.normal(size=30) + 0.5
    assert auc(x, y) == auc(np.exp(40 * x), np.exp(40 * y))
    assert auc(x, y) == pytest.approx(1 - auc(y, x), abs=1e-15)


def test_draws_are_computed_at_once(rng: np.random.Generator) -> None:
    normals = rng.integers(0, 3, size=(5, 12)).astype(float)
    anomalies = rng.integers(0, 3, size=(5, 12)).astype(float)
    together = standardize(roc_area(normals, anomalies, 0.1))
    levels = -np.arange(12.0)
    for draw in range(5):
        x, y = (np.repeat(levels, c[draw].astype(int)) for c in (normals, anomalies))
        assert together[draw] == pytest.approx(pauc(x, y), abs=1e-14)


@pytest.mark.parametrize(
    ("normal", "anomaly", "message"),
    [
        ([], [1.0], "no normal clips"),
        ([1.0], [], "no anomalous clips"),
        ([1.0, np.nan], [1.0], "normal clips are NaN or infinite .*position 1"),
        ([1.0], [np.inf], "1 of 1 scores of anomalous clips"),
        ([[1.0]], [1.0], "shape"),
    ],
)
def test_bad_scores_are_refused(normal: object, anomaly: object, message: str) -> None:
    for metric in (auc, pauc):
        with pytest.raises(AsdbenchError, match=message) as caught:
            metric(normal, anomaly)  # type: ignore[arg-type]
        assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize("max_fpr", [0.0, 1.0, -0.1, float("nan")])
def test_pauc_refuses_a_limit_outside_0_1(max_fpr: float) -> None:
    with pytest.raises(ValueError, match="max_fpr"):
        pauc([0.0], [1.0], max_fpr)


def test_harmonic_mean() -> None:
    assert harmonic_mean([0.5, 1.0]) == pytest.approx(2 / 3, rel=1e-15)
    assert harmonic_mean([0.0, 1.0]) == pytest.approx(2 * EPS, rel=1e-12)
    assert EPS == 2.220446049250313e-16
    with pytest.raises(ValueError, match="no values"):
        harmonic_mean([])


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(11)
