from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from binormal import curve, section_gaps

from asdbench.metrics.rank import auc, pauc
from asdbench.stats.curves import Gap
from asdbench.stats.permutation import p_of, permutation_test


@pytest.mark.parametrize(("metric", "measure"), [("auc", auc), ("pauc", pauc)])
def test_null_is_that_of_all_deals(metric, measure):
    rng = np.random.default_rng(1)
    x, r, g = (np.round(rng.normal(size=n), 1) for n in (12, 3, 4))
    gap = Gap(curve(x, r, "n r"), curve(x, g, "n g"))
    found = permutation_test([gap], 20_000, rng, metric)
    pooled = np.r_[r, g]
    deals = []
    for made in combinations(range(7), 4):
        mask = np.isin(np.arange(7), made)
        deals.append(measure(x, pooled[mask]) - measure(x, pooled[~mask]))
    assert found.gap == pytest.approx(measure(x, g) - measure(x, r), abs=1e-12)
    assert set(np.round(found.null, 9)) <= set(np.round(deals, 9))
    exact = np.mean(np.abs(deals) >= abs(found.gap) - 1e-12)
    assert found.p == pytest.approx(exact, abs=0.015)
    assert np.std(found.null) == pytest.approx(np.std(deals), rel=0.03)


def test_matched_arms_deal_normals_too():
    rng = np.random.default_rng(2)
    pools = [rng.normal(size=n) for n in (2, 3, 3, 2)]
    gap = Gap(curve(pools[0], pools[1], "n a"), curve(pools[2], pools[3], "gn ga"))
    found = permutation_test([gap], 30_000, rng)
    normals, anomalies = np.r_[pools[0], pools[2]], np.r_[pools[1], pools[3]]
    deals = []
    for some in combinations(range(5), 3):
        for others in combinations(range(5), 2):
            n, a = np.isin(np.arange(5), some), np.isin(np.arange(5), others)
            deals.append(auc(normals[n], anomalies[a]) - auc(normals[~n], anomalies[~a]))
    exact = np.mean(np.abs(deals) >= abs(found.gap) - 1e-12)
    assert found.p == pytest.approx(exact, abs=0.015)


def test_fits_of_a_generator_are_dealt_together_with_the_real_clips():
    """Real clips dealt anew for each fit would count as so many real clips more."""
    rng = np.random.default_rng(6)
    x, r, *made = (rng.normal(size=n) for n in (10, 2, 3, 2))
    fits = [Gap(curve(x, r, "n r"), curve(x, g, f"n g{i}"), 0.5) for i, g in enumerate(made)]
    found = permutation_test(fits, 30_000, rng)
    pooled = np.concatenate([r, *made])
    deals = []
    for first in combinations(range(7), 2):
        for second in combinations(sorted({*range(7)} - {*first}), 3):
            third = sorted({*range(7)} - {*first} - {*second})
            of = [auc(x, pooled[list(arm)]) for arm in (first, second, third)]
            deals.append(0.5 * (of[1] + of[2]) - of[0])
    assert set(np.round(found.null, 9)) == set(np.round(deals, 9))
    exact = np.mean(np.abs(deals) >= abs(found.gap) - 1e-12)
    assert found.p == pytest.approx(exact, abs=0.015)


def test_versions_of_a_clip_are_swapped():
    x, y = np.arange(4.0), np.array([1.5, 2.5, 3.5])
    coded_y = np.array([1.5, 2.5, 5.5])
    gap = Gap(curve(x, y, "n a"), curve(x, coded_y, "n a"))
    found = permutation_test([gap], 400, np.random.default_rng(0))
    assert set(np.round(found.null, 9)) == {0.0}  # 3.5 and 5.5 lie above all normals
    lower = Gap(curve(x, y, "n a"), curve(x, np.array([1.5, 2.5, 1.5]), "n a"))
    found = permutation_test([lower], 400, np.random.default_rng(0))
    assert set(np.round(found.null * 12, 9)) == {-2.0, 2.0}
    assert found.p == 1.0


def test_domains_share_the_deal():
    """With equal normals both domains have one gap in each deal, so the mean has it too."""
    rng = np.random.default_rng(3)
    first = section_gaps(rng, (0.6, 0.6), 0.0, (10, 12, 14))[0]
    same = [Gap(first.real, first.generated, 0.5), Gap(first.real, first.generated, 0.5)]
    one = permutation_test([first], 99, np.random.default_rng(5))
    two = permutation_test(same, 99, np.random.default_rng(5))
    np.testing.assert_allclose(two.null, 2 * one.null, atol=1e-12)  # weights 0.5


def test_p_counts_the_observed_gap_and_those_that_equal_it():
    null = np.array([0.1, -0.3, 0.2, 0.1 + 0.2])
    assert p_of(null, 0.3) == pytest.approx(3 / 5)
    assert p_of(null, -(0.1 + 0.2)) == pytest.approx(3 / 5)  # 0.1 + 0.2 > 0.3 by rounding alone
    assert p_of(null, 0.4) == pytest.approx(1 / 5)


def test_p_is_never_0_and_reproducible():
    rng = np.random.default_rng(4)
    gap = Gap(
        curve(np.arange(20.0), np.arange(20.0), "n r"),
        curve(np.arange(20.0), np.arange(20.0) + 99, "n g"),
    )
    assert permutation_test([gap], 99, rng).p == pytest.approx(0.01)
    p = [permutation_test([gap], 99, np.random.default_rng(1)).null for _ in range(2)]
    np.testing.assert_array_equal(*p)
    with pytest.raises(ValueError, match="no gap"):
        permutation_test([], 99, rng)
