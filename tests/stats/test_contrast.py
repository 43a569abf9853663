from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from asdbench.metrics.rank import auc
from asdbench.stats.contrast import Curve, Pool, auc_contrast
from asdbench.stats.delong import auc_interval, paired_gap
from asdbench.stats.interval import Interval


def contrast(curve: Curve, minus: Curve | None = None, seed: int = 0, draws: int = 500) -> Interval:
    return auc_contrast(curve, minus, 0.95, draws, np.random.default_rng(seed))


def curve(negative: np.ndarray, positive: np.ndarray, names: str = "n p") -> Curve:
    first, second = names.split()
    return Curve(Pool(first, negative), Pool(second, positive))


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(11)


def shift_for(value: float) -> float:
    """The distance of two unit normals whose AUC is ``value``."""
    return float(np.sqrt(2) * norm.ppf(value))


def test_one_auc_of_unrelated_clips_is_delongs(rng):
    x, y = rng.standard_normal(30), rng.standard_normal(40) + 0.5
    assert contrast(curve(x, y)) == auc_interval(x, y, 0.95)


def test_curves_that_share_normals_give_the_paired_gap(rng):
    x, real, made = rng.standard_normal(30), rng.standard_normal(20), rng.standard_normal(50) + 0.4
    found = contrast(curve(x, made, "n made"), curve(x, real, "n real"))
    expected = paired_gap(x, real, made, 0.95)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))


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


def test_single_clips_have_no_interval(rng):
    found = contrast(curve(rng.random(1), rng.random(5)))
    assert found.low is None
    assert "only one clip" in found.note


def test_pools_of_the_same_clips_must_agree(rng):
    with pytest.raises(ValueError, match="differ in size"):
        contrast(curve(rng.random(3), rng.random(4), "n n"))


COVERAGE = [
    # (AUC, correlation of a clip's two scores, clips a pool); the codec arm is one pool twice
    ("codec", 0.50, 0.9),
    ("codec", 0.70, 0.5),
    ("codec", 0.94, 0.5),
    ("coded", 0.60, 0.9),
    ("coded", 0.93, 0.8),
    ("matched", 0.70, 0.0),
    ("matched", 0.93, 0.0),
    ("artifact", 0.50, 0.0),
    ("artifact", 0.95, 0.0),
]


def draw(kind: str, value: float, rho: float, rng: np.random.Generator, n: int = 50):
    def pair(shift: float) -> tuple[np.ndarray, np.ndarray]:
        both = rng.multivariate_normal([0, 0], [[1, rho], [rho, 1]], n)
        return both[:, 0], both[:, 1] + shift

    shift = shift_for(value)
    if kind == "codec":  # the AUC of dependent pools is that of their marginals
        x, y = pair(shift)
        return curve(x, y, "n n"), None, value
    if kind == "artifact":
        return curve(rng.standard_normal(n), rng.standard_normal(n) + shift), None, value
    x, coded_x = pair(0.0)
    y, coded_y = (pool + shift for pool in pair(0.0))
    names = "n a" if kind == "coded" else "gn ga"
    return curve(coded_x, coded_y, names), curve(x, y, "n a"), 0.0


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "value", "rho"), COVERAGE)
def test_coverage(kind: str, value: float, rho: float):
    rng = np.random.default_rng(17)
    hits = 0
    for _ in range(500):
        first, second, truth = draw(kind, value, rho, rng)
        found = auc_contrast(first, second, 0.95, 400, rng)
        hits += found.low is not None and found.low <= truth <= found.high
    # The codec arm near 1 covers less, with few clips: see docs/metrics.md.
    least = 0.87 if (kind, value) == ("codec", 0.94) else 0.915
    assert least <= hits / 500 <= 0.985, hits / 500
