from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import ks_2samp

from asdbench.stats.distances import score_distance


def test_a_shift_is_measured_in_the_normals_spread():
    rng = np.random.default_rng(1)
    x, y = 3.0 * rng.normal(size=5000), rng.normal(size=200)
    found = score_distance(x, y, y + 1.5)
    assert found.wasserstein == pytest.approx(1.5 / np.std(x))
    assert found.shift == pytest.approx(1.5 / np.std(x))
    assert score_distance(x, y + 1.5, y).shift == pytest.approx(-1.5 / np.std(x))


def test_ks_is_the_largest_difference_of_the_distribution_functions():
    rng = np.random.default_rng(2)
    x, r, g = rng.normal(size=30), rng.normal(size=25), rng.normal(size=60) * 2
    at = np.r_[r, g]
    functions = [np.mean(side[None, :] <= at[:, None], axis=1) for side in (r, g)]
    found = score_distance(x, r, g)
    assert found.ks == pytest.approx(np.max(np.abs(functions[0] - functions[1])))
    assert found.ks_p == pytest.approx(ks_2samp(r, g).pvalue)


def test_equal_sets_have_no_distance_and_equal_normals_no_unit():
    y = np.arange(10.0)
    found = score_distance(y, y, y)
    assert (found.ks, found.ks_p, found.wasserstein, found.shift) == (0.0, 1.0, 0.0, 0.0)
    found = score_distance(np.ones(5), y, y + 1)
    assert (found.wasserstein, found.shift) == (None, None)
    with pytest.raises(ValueError, match="no generated clips"):
        score_distance(y, y, [])
