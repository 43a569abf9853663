from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from asdbench.api import Embedded
from asdbench.metrics import kernel_distance as module
from asdbench.metrics.kernel_distance import kernel_distance, median_distance
from asdbench.metrics.rank import MetricError

of_clips = Embedded.one_per_clip


def brute_force(real: Embedded, made: Embedded, bandwidth: float) -> float:
    """KAD by loops over pairs of rows that are not of one clip."""

    def mean(a: Embedded, b: Embedded, same: bool) -> float:
        values = [
            np.exp(-np.sum((x - y) ** 2) / (2 * bandwidth**2))
            for x, i in zip(a.rows, a.clip, strict=True)
            for y, j in zip(b.rows, b.clip, strict=True)
            if not (same and i == j)
        ]
        return float(np.mean(values))

    return 100 * (mean(real, real, True) + mean(made, made, True) - 2 * mean(real, made, False))


def test_bandwidth_is_the_median_of_all_pairs() -> None:
    rows = np.random.default_rng(0).standard_normal((11, 3))
    wanted = np.median([np.linalg.norm(a - b) for a, b in combinations(rows, 2)])
    assert median_distance(rows) == pytest.approx(wanted, rel=1e-12)


def test_agrees_with_loops_over_pairs() -> None:
    rng = np.random.default_rng(1)
    real, made = of_clips(rng.standard_normal((9, 4)) + 1e3), of_clips(rng.random((6, 4)) + 1e3)
    found = kernel_distance(real, made, rng, permutations=9, draws=9)
    assert found.bandwidth == pytest.approx(median_distance(real.rows), rel=1e-12)
    assert found.estimate == pytest.approx(brute_force(real, made, found.bandwidth), rel=1e-8)
    assert found.clips == (9, 6)
    assert found.floor_clips == 4


def test_rows_of_one_clip_form_no_pair() -> None:
    rng = np.random.default_rng(2)
    real = Embedded(rng.standard_normal((12, 3)), np.repeat([0, 1, 2, 3, 4], [3, 1, 4, 2, 2]))
    made = Embedded(rng.standard_normal((7, 3)), np.repeat([0, 1, 2], [2, 2, 3]))
    found = kernel_distance(real, made, rng, permutations=9, draws=9)
    assert found.estimate == pytest.approx(brute_force(real, made, found.bandwidth), rel=1e-9)


def test_unbiased_for_gaussians_of_known_distance() -> None:
    """E k = (s^2 / (s^2 + 2))^(d/2) exp(-|gap|^2 / (2 (s^2 + 2))) for unit covariances."""
    rng = np.random.default_rng(3)
    d, gap = 4, 1.5
    estimates, truths = [], []
    for _ in range(200):
        real, made = rng.standard_normal((2, 12, d))
        made[:, 0] += gap
        found = kernel_distance(of_clips(real), of_clips(made), rng, permutations=1, draws=2)
        spread = found.bandwidth**2
        alike = (spread / (spread + 2)) ** (d / 2)
        truths.append(200 * alike * (1 - np.exp(-(gap**2) / (2 * (spread + 2)))))
        estimates.append(found.estimate)
    error = np.std(estimates) / np.sqrt(len(estimates))
    assert np.mean(estimates) == pytest.approx(np.mean(truths), abs=3 * error)
    assert error < 0.05 * np.mean(truths)


def test_p_is_uniform_where_both_come_from_one_distribution() -> None:
    rng = np.random.default_rng(4)
    values = []
    for _ in range(300):
        real, made = rng.standard_normal((2, 15, 6))
        made = made[:10]
        found = kernel_distance(of_clips(real), of_clips(made), rng, permutations=99, draws=2)
        values.append(found.p_value)
    p = np.array(values)
    for level in (0.05, 0.2, 0.5, 0.8):  # 4 standard errors
        assert np.mean(p <= level) == pytest.approx(level, abs=4 * np.sqrt(level * 0.8 / 300))
    assert p.min() >= 0.01


def test_rows_of_few_clips_do_not_fake_significance() -> None:
    """Rows of a clip are alike: permuting rows would reject here, permuting clips must not."""
    rng = np.random.default_rng(5)
    rejected = 0
    for _ in range(100):
        center = np.repeat(rng.standard_normal((2, 8, 4)), 10, axis=1)
        rows = center + 0.1 * rng.standard_normal(center.shape)
        clip = np.repeat(np.arange(8), 10)
        found = kernel_distance(
            Embedded(rows[0], clip), Embedded(rows[1], clip), rng, permutations=99, draws=2
        )
        rejected += found.p_value <= 0.05
    assert rejected <= 13


def test_interval_covers_and_floor_holds() -> None:
    rng = np.random.default_rng(6)
    d, gap, covered, below = 6, 1.5, 0, 0
    for _ in range(150):
        real, made, same = rng.standard_normal((3, 40, d))
        made[:, 0] += gap
        found = kernel_distance(of_clips(real), of_clips(made), rng, permutations=1, draws=200)
        spread = found.bandwidth**2
        alike = (spread / (spread + 2)) ** (d / 2)
        truth = 200 * alike * (1 - np.exp(-(gap**2) / (2 * (spread + 2))))
        covered += found.low <= truth <= found.high
        half = kernel_distance(of_clips(real), of_clips(same[:20]), rng, permutations=1, draws=200)
        below += half.estimate <= half.floor
    assert 0.89 <= covered / 150 <= 1.0
    assert below / 150 >= 0.9


def test_a_shift_is_found_and_a_seed_repeats() -> None:
    rng = np.random.default_rng(7)
    real, made = rng.standard_normal((2, 30, 5))
    found = kernel_distance(of_clips(real), of_clips(made + 1.0), np.random.default_rng(1))
    assert found.p_value == 0.001
    assert found.estimate > found.floor
    assert 0.0 < found.low < found.estimate < found.high
    assert found == kernel_distance(of_clips(real), of_clips(made + 1.0), np.random.default_rng(1))


def test_large_pools_are_thinned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_CLIPS", 20)
    rng = np.random.default_rng(8)
    real, made = rng.standard_normal((50, 3)), rng.standard_normal((10, 3))
    found = kernel_distance(of_clips(real), of_clips(made), rng, permutations=9, draws=9)
    assert found.clips == (20, 10)


def test_mistakes_are_named() -> None:
    rng = np.random.default_rng(9)
    rows = rng.standard_normal((5, 2))
    with pytest.raises(MetricError, match="3 real clips; a kernel distance needs 4"):
        kernel_distance(of_clips(rows[:3]), of_clips(rows), rng)
    with pytest.raises(MetricError, match="most vectors of the reference are equal"):
        kernel_distance(of_clips(np.ones((5, 2))), of_clips(rows), rng)
    single = Embedded(rows, np.zeros(5, dtype=np.int64))
    with pytest.raises(MetricError, match="1 generated clips"):
        kernel_distance(of_clips(rows), single, rng)
