from __future__ import annotations

from typing import Literal

import numpy as np
import pytest
from binormal import curve

from asdbench.metrics.rank import auc, pauc
from asdbench.stats.combination import combination
from asdbench.stats.curves import Gap, gap_terms
from asdbench.stats.interval import Interval

NORMALS = np.arange(20.0)


def wins(normal: np.ndarray, anomaly: np.ndarray) -> np.ndarray:
    x, y = np.asarray(normal)[:, None], np.asarray(anomaly)[None, :]
    return np.asarray((y > x) + 0.5 * (y == x))


def gap(
    *pools: object,
    metric: Literal["auc", "pauc"] = "auc",
    draws: int = 200,
    confidence: float = 0.95,
    seed: int = 1,
) -> Interval:
    """The gap of generated against real anomalies, given shared normals and these two."""
    x, r, g = (np.asarray(pool, dtype=np.float64) for pool in pools)
    terms = gap_terms([Gap(curve(x, r, "normals real"), curve(x, g, "normals generated"))])
    return combination(terms, confidence, draws, np.random.default_rng(seed), metric)


def anomalies(value: float) -> np.ndarray:
    """20 scores above the given share of the normals, not all alike."""
    above = 20 * value - 0.5
    return np.concatenate([np.full(10, above - 1), np.full(10, above + 1)])


@pytest.mark.parametrize(
    ("real", "generated", "method"),
    [
        (0.5, 0.7, "delong"),
        (0.1, 0.9, "delong"),
        (0.5, 0.95, "bootstrap"),
        (0.95, 0.5, "bootstrap"),
        (0.05, 0.5, "bootstrap"),
    ],
)
def test_an_auc_near_0_or_1_takes_the_bootstrap(real: float, generated: float, method: str) -> None:
    found = gap(NORMALS, anomalies(real), anomalies(generated))
    assert found.estimate == pytest.approx(generated - real)
    assert found.method == method


def test_delong_is_the_formula_over_all_pairs() -> None:
    rng = np.random.default_rng(3)
    x, r, g = rng.normal(size=20), rng.normal(size=15) + 1, np.round(rng.normal(size=40), 1)
    found = gap(x, r, g, confidence=0.9)
    real, generated = wins(x, r), wins(x, g)
    variance = (
        np.var(generated.mean(1) - real.mean(1), ddof=1) / 20
        + np.var(real.mean(0), ddof=1) / 15
        + np.var(generated.mean(0), ddof=1) / 40
    )
    assert found.estimate == pytest.approx(auc(x, g) - auc(x, r), abs=1e-14)
    assert found.se == pytest.approx(np.sqrt(variance), rel=1e-12)
    assert found.low == pytest.approx(found.estimate - 1.6448536 * np.sqrt(variance), rel=1e-6)
    assert found.high == pytest.approx(found.estimate + 1.6448536 * np.sqrt(variance), rel=1e-6)
    assert (found.method, found.confidence, found.note) == ("delong", 0.9, None)


@pytest.mark.parametrize("metric", ["auc", "pauc"])
def test_bootstrap_draws_are_those_of_a_plain_loop(metric: Literal["auc", "pauc"]) -> None:
    rng = np.random.default_rng(1)
    x, r, g = (np.round(rng.normal(size=20) + mean, 1) for mean in (0, 2.2, 1.5))  # with ties
    found = gap(x, r, g, metric=metric, draws=300, confidence=0.9, seed=8)

    rng = np.random.default_rng(8)
    picks = [rng.integers(20, size=(300, 20)) for _ in range(3)]
    measure = {"auc": auc, "pauc": pauc}[metric]
    gaps = [measure(x[i], g[k]) - measure(x[i], r[j]) for i, j, k in zip(*picks, strict=True)]
    assert found.estimate == pytest.approx(measure(x, g) - measure(x, r), abs=1e-14)
    assert (found.low, found.high) == pytest.approx(
        tuple(np.quantile(gaps, [0.05, 0.95])), abs=1e-12
    )
    # The spread of the draws is the standard error; it is not divided by their number.
    assert found.se == pytest.approx(np.std(gaps, ddof=1), rel=1e-12)
    assert (found.method, found.note) == ("bootstrap", None)


def test_gap_turns_its_sign_with_the_arms() -> None:
    x, r, g = np.random.default_rng(6).normal(size=(3, 25))
    one, other = gap(x, r, g), gap(x, g, r)
    assert one.estimate == pytest.approx(-other.estimate, abs=1e-15)
    assert one.se == pytest.approx(other.se, rel=1e-12)


def test_pauc_takes_the_bootstrap_always() -> None:
    assert gap(NORMALS, anomalies(0.5), anomalies(0.9), metric="pauc").method == "bootstrap"


def test_perfect_separation_of_one_arm_is_noted() -> None:
    found = gap(NORMALS, anomalies(0.6), NORMALS + 50)
    assert found.method == "bootstrap"
    assert found.note is not None
    assert "too narrow" in found.note


@pytest.mark.parametrize("metric", ["auc", "pauc"])
@pytest.mark.parametrize(
    ("pools", "reason"),
    [
        (([0.0, 1.0], [2.0], [0.5, 3.0]), "only one clip in: real"),
        (([0.0], [2.0, 1.0], [3.0]), "only one clip in: normals, generated"),
        (([0.0, 1.0], [2.0, 3.0], [4.0, 5.0]), "perfect separation"),
        (([4.0, 5.0], [2.0, 3.0], [6.0, 8.0]), "perfect separation"),
        (([7.0] * 33, [7.0] * 33, [7.0] * 33), "all scores equal"),
        # The highest tenth of 33 normals is 3.3 clips: the spread must be 0 without rounding.
        ((range(33), range(90, 97), range(-11, 0)), "perfect separation"),
    ],
)
def test_degenerate_pools_give_a_reason(metric: Literal["auc", "pauc"], pools, reason) -> None:
    found = gap(*pools, metric=metric)
    assert (found.low, found.high, found.se, found.method) == (None, None, None, "none")
    assert found.note is not None
    assert reason in found.note
    assert np.isfinite(found.estimate)


def test_bad_arguments_are_refused() -> None:
    x = [0.0, 1.0]
    with pytest.raises(ValueError, match="draws is 1"):
        gap(x, x, x, draws=1)
    with pytest.raises(ValueError, match="confidence is 95"):
        gap(x, x, x, confidence=95.0)
    with pytest.raises(ValueError, match="real are NaN"):
        gap(x, [np.nan], x)
    with pytest.raises(ValueError, match="no generated"):
        gap(x, x, [])
