from __future__ import annotations

import warnings

import numpy as np
import pytest
from scipy import linalg

from asdbench.api import Embedded
from asdbench.metrics.distance import (
    MIN_CLIPS,
    frechet_distance,
    frechet_floor,
    frechet_gaussians,
    frechet_infinity,
    rows_by_clip,
)
from asdbench.metrics.rank import MetricError

of_clips = Embedded.one_per_clip


def by_matrix_root(real: np.ndarray, made: np.ndarray) -> float:
    """FAD as the definition has it, with a general matrix square root."""
    cov_r, cov_g = np.cov(real.T), np.cov(made.T)
    root = linalg.sqrtm(cov_r @ cov_g)
    gap = real.mean(axis=0) - made.mean(axis=0)
    return float(gap @ gap + np.trace(cov_r + cov_g - 2 * root.real))


@pytest.mark.parametrize(("n", "m", "d"), [(200, 150, 6), (40, 300, 20), (9, 2, 1)])
def test_agrees_with_a_general_matrix_square_root(n: int, m: int, d: int) -> None:
    rng = np.random.default_rng(n)
    real = rng.standard_normal((n, d)) @ rng.standard_normal((d, d)) + 3.0
    made = rng.standard_normal((m, d)) * 2.0
    if d == 1:  # two Gaussians on a line: (mean gap)^2 + (deviation gap)^2
        wanted = (real.mean() - made.mean()) ** 2 + (real.std(ddof=1) - made.std(ddof=1)) ** 2
    else:
        wanted = by_matrix_root(real, made)
    assert frechet_distance(real, made) == pytest.approx(wanted, rel=1e-9)


def test_gaussians_with_known_distance() -> None:
    rng = np.random.default_rng(1)
    basis = np.linalg.qr(rng.standard_normal((7, 7)))[0]
    a, b = rng.uniform(0.1, 3, 7), rng.uniform(0.1, 3, 7)
    mean = rng.standard_normal(7)
    # Covariances with common axes: the trace is a sum over axes.
    wanted = float(mean @ mean + np.sum((np.sqrt(a) - np.sqrt(b)) ** 2))
    cov_a, cov_b = (basis * a) @ basis.T, (basis * b) @ basis.T
    assert frechet_gaussians(mean, cov_a, np.zeros(7), cov_b) == pytest.approx(wanted, rel=1e-12)
    # Covariances of rank one: tr((u u^T v v^T)^(1/2)) = |u . v|
    u, v = rng.standard_normal(7), rng.standard_normal(7)
    wanted = float(u @ u + v @ v - 2 * abs(u @ v))
    found = frechet_gaussians(mean, np.outer(u, u), mean, np.outer(v, v))
    assert found == pytest.approx(wanted, rel=1e-9)


def test_many_vectors_reach_the_distance_of_their_distributions() -> None:
    rng = np.random.default_rng(2)
    scale = np.array([1.0, 2.0, 0.5])
    real = rng.standard_normal((200_000, 3))
    made = rng.standard_normal((200_000, 3)) * scale + [1.0, 0.0, 0.0]
    wanted = 1.0 + float(np.sum((scale - 1.0) ** 2))
    assert frechet_distance(real, made) == pytest.approx(wanted, abs=0.03)


@pytest.mark.parametrize("n", [10, 49])
def test_fewer_vectors_than_dimensions_give_the_same_by_either_way(n: int) -> None:
    rng = np.random.default_rng(3)
    real, made = rng.standard_normal((2, n, 50)) * rng.uniform(0.01, 10, 50)
    cov_r, cov_g = np.cov(real.T), np.cov(made.T)
    by_covariance = frechet_gaussians(real.mean(axis=0), cov_r, made.mean(axis=0), cov_g)
    assert frechet_distance(real, made) == pytest.approx(by_covariance, rel=1e-6)


def test_equal_sets_have_no_distance_and_order_does_not_matter() -> None:
    rng = np.random.default_rng(4)
    for shape in ((300, 20), (10, 64)):
        rows = rng.standard_normal(shape) * 100.0
        assert frechet_distance(rows, rows) == pytest.approx(0.0, abs=1e-6)
        other = rng.standard_normal(shape)
        there, back = frechet_distance(rows, other), frechet_distance(other, rows)
        assert there == pytest.approx(back, rel=1e-9)


def test_bias_falls_as_one_over_n() -> None:
    """Of 128 dimensions and true distance 0, some thousand-fold bias at the sizes people use."""
    rng = np.random.default_rng(5)
    found = {
        n: frechet_distance(rng.standard_normal((n, 128)), rng.standard_normal((n, 128)))
        for n in (250, 500, 2000)
    }
    assert found[250] > 20.0
    assert found[250] / found[500] == pytest.approx(2.0, rel=0.1)
    assert found[500] / found[2000] == pytest.approx(4.0, rel=0.1)


def test_infinity_removes_the_bias() -> None:
    rng = np.random.default_rng(6)
    shift = np.zeros(16)
    shift[0] = 1.0
    biased, found = [], []
    for _ in range(10):
        real, made = rng.standard_normal((2, 200, 16))
        biased.append(frechet_distance(real, made + shift))
        result = frechet_infinity(of_clips(real), of_clips(made + shift), rng)
        assert result.reason is None
        assert result.estimate is not None
        found.append(result.estimate)
        assert result.sizes[0] == 100
        assert result.sizes[-1] == 200
        assert len(result.sizes) == len(result.values) == 25
    assert np.mean(biased) > 1.5
    assert np.mean(found) == pytest.approx(1.0, abs=0.2)


def test_infinity_of_a_steep_fit_says_that_it_fits() -> None:
    rng = np.random.default_rng(7)
    real, made = rng.standard_normal((2, 1000, 32))
    result = frechet_infinity(of_clips(real), of_clips(made), rng)
    assert result.r_squared is not None
    assert 0.9 < result.r_squared <= 1.0
    again = frechet_infinity(of_clips(real), of_clips(made), np.random.default_rng(8))
    assert again == frechet_infinity(of_clips(real), of_clips(made), np.random.default_rng(8))


@pytest.mark.parametrize(("clips", "d"), [(MIN_CLIPS - 1, 2), (100, 51)])
def test_infinity_says_when_clips_are_too_few(clips: int, d: int) -> None:
    rng = np.random.default_rng(9)
    real, made = rng.standard_normal((2, clips, d))
    result = frechet_infinity(of_clips(real), of_clips(made), rng)
    assert result.estimate is None
    assert result.r_squared is None
    assert result.reason is not None
    assert f"{clips} clips" in result.reason
    enough = rng.standard_normal((2, 102, d))
    assert frechet_infinity(*map(of_clips, enough), rng).estimate is not None


def test_whole_clips_are_drawn() -> None:
    """Ten equal rows a clip are no more information than one."""
    rng = np.random.default_rng(10)
    real, made = rng.standard_normal((2, 100, 4))
    clip = np.repeat(np.arange(100), 10)
    long = [Embedded(np.repeat(rows, 10, axis=0), clip) for rows in (real, made)]
    assert [len(rows) for rows in rows_by_clip(long[0])] == [10] * 100
    once = frechet_infinity(of_clips(real), of_clips(made), np.random.default_rng(0))
    often = frechet_infinity(*long, np.random.default_rng(0))
    assert often.sizes == once.sizes
    assert often.estimate == pytest.approx(once.estimate, abs=0.03)


def test_floor_and_matched_distance_have_the_same_bias() -> None:
    rng = np.random.default_rng(11)
    floors, matched, gap = [], [], 2.0
    for _ in range(10):
        real, made = rng.standard_normal((2, 60, 8))
        same = frechet_floor(of_clips(real), of_clips(made), rng)
        assert same.clips == 30
        floors.append(same.real)
        matched.append(same.generated)
    assert np.mean(floors) == pytest.approx(np.mean(matched), rel=0.15)
    made[:, 0] += np.sqrt(gap)
    other = frechet_floor(of_clips(real), of_clips(made), rng)
    assert other.generated - other.real == pytest.approx(gap, abs=1.0)
    few = frechet_floor(of_clips(real), of_clips(made[:7]), rng)
    assert few.clips == 7


def test_mistakes_are_named() -> None:
    rows = np.zeros((4, 3))
    with pytest.raises(MetricError, match="1 vectors of generated clips"):
        frechet_distance(rows, rows[:1])
    with pytest.raises(MetricError, match="3 dimensions, those of generated clips 2"):
        frechet_distance(rows, rows[:, :2])
    with pytest.raises(MetricError, match="real clips hold NaN"):
        frechet_distance(rows + np.nan, rows)
    with pytest.raises(MetricError, match=r"shape \(4,\)"):
        frechet_distance(rows[:, 0], rows)
    with pytest.raises(MetricError, match="3 real and 4 generated clips are too few"):
        frechet_floor(of_clips(rows[:3]), of_clips(rows), np.random.default_rng(0))


def test_vectors_that_never_change_give_no_warning() -> None:
    rows = np.ones((60, 5))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert frechet_distance(rows, rows + 1.0) == pytest.approx(5.0)
        found = frechet_infinity(of_clips(rows), of_clips(rows), np.random.default_rng(0))
    assert found.estimate == pytest.approx(0.0, abs=1e-12)
    assert found.r_squared is None
