from __future__ import annotations

import numpy as np
import pytest

from asdbench.metrics.rank import auc
from asdbench.stats.combination import combination
from asdbench.stats.curves import Curve, Pool
from asdbench.stats.interval import Interval


def contrast(curve: Curve, minus: Curve | None = None, seed: int = 0, draws: int = 500) -> Interval:
    terms = [(1.0, curve)] if minus is None else [(1.0, curve), (-1.0, minus)]
    return combination(terms, 0.95, draws, np.random.default_rng(seed))


def curve(negative: np.ndarray, positive: np.ndarray, names: str = "n p") -> Curve:
    first, second = names.split()
    return Curve(Pool(first, negative), Pool(second, positive))


def paired_se(x: np.ndarray, real: np.ndarray, made: np.ndarray) -> float:
    """DeLong's standard error of a gap whose arms share the normals ``x``; no ties."""
    wins = [np.asarray(y[None, :] > x[:, None], dtype=float) for y in (real, made)]
    of_normals = np.var(wins[1].mean(1) - wins[0].mean(1), ddof=1) / x.size
    return float(np.sqrt(of_normals + sum(np.var(w.mean(0), ddof=1) / w.shape[1] for w in wins)))


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(11)


def test_curves_that_share_normals_give_the_paired_gap(rng):
    x, real, made = rng.standard_normal(30), rng.standard_normal(20), rng.standard_normal(50) + 0.4
    found = contrast(curve(x, made, "n made"), curve(x, real, "n real"))
    expected = paired_se(x, real, made)
    assert found.se == pytest.approx(expected)
    # Comparing paired data as if unpaired is a known mistake of other programs.
    apart = contrast(curve(x, made, "a made"), curve(x, real, "b real"))
    assert found.se < 0.9 * apart.se


def test_variances_of_unrelated_curves_add(rng):
    pools = [rng.standard_normal(40) + 0.3 * i for i in range(4)]
    first, second = curve(pools[0], pools[1], "a b"), curve(pools[2], pools[3], "c d")
    ses = [contrast(c).se for c in (first, second)]
    difference = contrast(first, second)
    assert difference.se == pytest.approx(np.hypot(*ses))
    assert difference.estimate == pytest.approx(auc(pools[0], pools[1]) - auc(pools[2], pools[3]))


def test_a_difference_from_itself_has_no_interval(rng):
    one = curve(rng.standard_normal(30), rng.standard_normal(30))
    found = contrast(one, one)
    assert (found.estimate, found.low, found.method) == (0.0, None, "none")


def test_clips_that_move_together_narrow_the_difference(rng):
    x, y = rng.standard_normal(50), rng.standard_normal(50) + 0.5
    coded = [pool + 0.1 * rng.standard_normal(50) for pool in (x, y)]
    paired = contrast(curve(*coded), curve(x, y))
    apart = contrast(curve(*coded, "a b"), curve(x, y))
    assert paired.se < 0.5 * apart.se


def test_perfect_separation_has_no_interval_or_a_marked_one(rng):
    low, high = rng.random(20), rng.random(20) + 2
    assert contrast(curve(low, high)).low is None
    other = curve(low, rng.random(20) + 0.1, "n other")
    found = contrast(curve(low, high), other)
    assert found.low < found.estimate < found.high
    assert "too narrow" in found.note


def test_an_auc_interval_stays_inside_0_1():
    few = curve(np.array([0.0, 1, 2, 3]), np.array([1.5, 4, 5, 6]))
    found = combination([(1.0, few)], 0.99, 100, np.random.default_rng(0))
    assert found.method == "delong"
    assert found.high == 1.0
    assert 0.0 < found.low < found.estimate < 1.0


def test_single_clips_have_no_interval(rng):
    found = contrast(curve(rng.random(1), rng.random(5)))
    assert found.low is None
    assert "only one clip" in found.note


def test_pools_of_the_same_clips_must_agree(rng):
    with pytest.raises(ValueError, match="differ in size"):
        contrast(curve(rng.random(3), rng.random(4), "n n"))
