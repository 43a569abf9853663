from __future__ import annotations

from statistics import NormalDist

import numpy as np
import pytest

from asdbench.metrics.rank import auc
from asdbench.stats.delong import auc_interval, paired_gap, placements


def shift(value: float) -> float:
    """Distance of two unit normal distributions whose AUC is ``value``."""
    return float(np.sqrt(2.0) * NormalDist().inv_cdf(value))


def wins(normal: np.ndarray, anomaly: np.ndarray) -> np.ndarray:
    """Kernel of the Mann-Whitney statistic, (n, m)."""
    x, y = normal[:, None], anomaly[None, :]
    return np.asarray((y > x) + 0.5 * (y == x))


def test_placements_are_the_means_of_all_pairs() -> None:
    rng = np.random.default_rng(2)
    for levels in (2, 5, 1000):
        x, y = rng.integers(levels, size=17) * 1.0, rng.integers(levels, size=9) * 1.0
        v10, v01 = placements(x, y)
        np.testing.assert_allclose(v10, wins(x, y).mean(axis=1), atol=1e-14)
        np.testing.assert_allclose(v01, wins(x, y).mean(axis=0), atol=1e-14)
        assert v01.mean() == pytest.approx(auc(x, y), abs=1e-14)


def test_paired_gap_is_the_formula_over_all_pairs() -> None:
    rng = np.random.default_rng(3)
    x, r, g = rng.normal(size=20), rng.normal(size=15) + 1, np.round(rng.normal(size=40), 1)
    found = paired_gap(x, r, g, 0.9)
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


def test_pairing_is_narrower_than_ignoring_it() -> None:
    """Comparing paired data as if unpaired is a known mistake of other programs."""
    rng = np.random.default_rng(4)
    x, r, g = rng.normal(size=50), rng.normal(size=50) + 1, rng.normal(size=50) + 1
    paired = paired_gap(x, r, g, 0.95).se
    apart = [auc_interval(x, y, 0.95).se for y in (r, g)]
    assert paired is not None
    assert paired < 0.9 * np.hypot(*apart)  # type: ignore[arg-type]


def test_gap_turns_its_sign_with_the_arms() -> None:
    rng = np.random.default_rng(6)
    x, r, g = rng.normal(size=(3, 25))
    one, other = paired_gap(x, r, g, 0.95), paired_gap(x, g, r, 0.95)
    assert one.estimate == pytest.approx(-other.estimate, abs=1e-15)
    assert one.se == pytest.approx(other.se, rel=1e-12)


def test_one_clip_in_a_pool_gives_a_reason_instead_of_an_interval() -> None:
    found = paired_gap([0.0, 1.0], [2.0], [0.5, 3.0], 0.95)
    assert found.estimate == pytest.approx(-0.25)
    assert (found.low, found.high, found.se, found.method) == (None, None, None, "none")
    assert found.note is not None
    assert "only one clip in: real" in found.note
    single = auc_interval([0.0], [2.0, 3.0], 0.95)
    assert single.estimate == 1.0
    assert single.note is not None
    assert "normal" in single.note


@pytest.mark.parametrize(
    ("x", "r", "g"),
    [
        ([0.0, 1.0], [2.0, 3.0], [4.0, 5.0]),  # both perfect
        ([7.0, 7.0], [7.0, 7.0], [7.0, 7.0]),  # all equal
        ([4.0, 5.0], [2.0, 3.0], [6.0, 8.0]),  # one perfect, one inverted
    ],
)
def test_no_variation_gives_a_reason_instead_of_width_zero(
    x: list[float], r: list[float], g: list[float]
) -> None:
    found = paired_gap(x, r, g, 0.95)
    assert (found.low, found.high, found.method) == (None, None, "none")
    assert found.note is not None
    assert "perfect separation" in found.note
    assert auc_interval(x, r, 0.95).low is None


def test_auc_interval_stays_inside_0_1() -> None:
    found = auc_interval([0.0, 1.0, 2.0, 3.0], [2.5, 4.0, 5.0, 6.0], 0.99)
    assert found.high == 1.0
    assert found.low is not None
    assert 0.0 < found.low < found.estimate < 1.0


@pytest.mark.parametrize("confidence", [0.0, 1.0, 95.0])
def test_confidence_must_be_a_probability(confidence: float) -> None:
    with pytest.raises(ValueError, match="confidence"):
        paired_gap([0.0, 1.0], [1.0, 2.0], [1.0, 2.0], confidence)
    with pytest.raises(ValueError, match="no generated anomalous clips"):
        paired_gap([0.0, 1.0], [1.0, 2.0], [], 0.95)


@pytest.mark.parametrize(
    ("real", "generated", "clips"),
    [(0.6, 0.6, 50), (0.6, 0.7, 50), (0.8, 0.8, 50), (0.7, 0.75, 500)],
)
def test_coverage_of_the_gap(real: float, generated: float, clips: int) -> None:
    """50 normal and 50 real clips; the gap of binormal scores lies in 95 % of the intervals."""
    rng = np.random.default_rng(1000)
    inside = 0
    for _ in range(500):
        found = paired_gap(
            rng.normal(size=50),
            rng.normal(size=50) + shift(real),
            rng.normal(size=clips) + shift(generated),
            0.95,
        )
        assert found.low is not None
        assert found.high is not None
        inside += found.low <= generated - real <= found.high
    assert 0.92 <= inside / 500 <= 0.975


def test_coverage_of_one_auc() -> None:
    rng = np.random.default_rng(1001)
    inside = 0
    for _ in range(500):
        found = auc_interval(rng.normal(size=50), rng.normal(size=50) + shift(0.7), 0.95)
        assert found.low is not None
        assert found.high is not None
        inside += found.low <= 0.7 <= found.high
    assert 0.92 <= inside / 500 <= 0.975
