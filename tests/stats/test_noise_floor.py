from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from binormal import curve, section_gaps

from asdbench.metrics.rank import auc, pauc
from asdbench.stats.curves import Gap
from asdbench.stats.noise_floor import floor_of, half_gaps, noise_floor


@pytest.mark.parametrize(("metric", "measure"), [("auc", auc), ("pauc", pauc)])
def test_halves_of_the_anomalies_rescaled(metric, measure):
    rng = np.random.default_rng(1)
    x, r, g = rng.normal(size=15), rng.normal(size=6), rng.normal(size=24)
    found = noise_floor([Gap(curve(x, r, "n r"), curve(x, g, "n g"))], 20_000, rng, metric)
    halves = []
    for some in combinations(range(6), 3):
        mask = np.isin(np.arange(6), some)
        halves.append(measure(x, r[mask]) - measure(x, r[~mask]))
    factor = np.sqrt((1 / 6 + 1 / 24) / (1 / 3 + 1 / 3))
    assert found is not None
    assert set(np.round(found.gaps, 9)) == set(np.round(factor * np.array(halves), 9))
    assert np.std(found.gaps) == pytest.approx(factor * np.std(halves), rel=0.03)
    assert found.floor == pytest.approx(np.quantile(np.abs(found.gaps), 0.95))


def test_floor_is_above_95_of_100_halves_up_or_down():
    halves = np.arange(101.0) * np.resize([1.0, -1.0], 101)
    assert floor_of(halves) == pytest.approx(95.0)


def test_raw_halves_are_nearly_twice_too_lenient():
    """As many real clips as MIMII DG has, and 24 times as many generated ones."""
    rng = np.random.default_rng(2)
    x, r = rng.normal(size=50), rng.normal(size=100)
    floors = [
        noise_floor([Gap(curve(x, r, "n r"), curve(x, rng.normal(size=m), "n g"))], 4000, rng)
        for m in (100, 2400)
    ]
    # Raw halves: 1/50 + 1/50; the arms: 1/100 + 1/100, and 1/100 + 1/2400.
    first, second = (floor.floor for floor in floors if floor is not None)
    assert first / second == pytest.approx(np.sqrt(2 / (1 + 1 / 24)), rel=0.06)


def test_normals_are_halved_where_arms_do_not_share_them():
    rng = np.random.default_rng(3)
    x, r, gx, g = (rng.normal(size=n) for n in (40, 50, 80, 100))
    shared = noise_floor([Gap(curve(x, r, "n r"), curve(x, g, "n g"))], 2000, rng)
    apart = noise_floor([Gap(curve(x, r, "n r"), curve(gx, g, "gn g"))], 2000, rng)
    assert shared is not None
    assert apart is not None
    assert 1.2 * shared.floor < apart.floor < 2.0 * shared.floor


def test_whole_recordings_are_dealt_to_the_halves():
    rng = np.random.default_rng(8)
    x, r, g = rng.normal(size=9), rng.normal(size=8), rng.normal(size=8)
    cut = np.repeat(["a", "b", "c", "d"], 2)
    gap = Gap(curve(x, r, "n r"), curve(x, g, "n g"))
    found = half_gaps([gap], 2000, rng, clusters={"r": cut, "elsewhere": ["z"]})
    halves = []
    for some in combinations("abcd", 2):
        mask = np.isin(cut, some)
        halves.append(auc(x, r[mask]) - auc(x, r[~mask]))
    factor = np.sqrt((1 / 8 + 1 / 8) / (1 / 4 + 1 / 4))
    assert set(np.round(found[:, 0], 9)) == set(np.round(factor * np.array(halves), 9))
    assert half_gaps([gap], 10, rng, clusters={"r": ["a"] * 8}) is None


def test_clips_of_all_fits_of_a_generator_count():
    rng = np.random.default_rng(6)
    x, r, g = (rng.normal(size=n) for n in (30, 40, 60))
    real = curve(x, r, "n r")
    fits = [Gap(real, curve(x, g[20 * i : 20 * i + 20], f"n g{i}"), 1 / 3) for i in range(3)]
    found = noise_floor(fits, 200, np.random.default_rng(7))
    once = noise_floor([Gap(real, curve(x, g, "n g"))], 200, np.random.default_rng(7))
    np.testing.assert_allclose(found.gaps, once.gaps, atol=1e-12)


def test_domains_share_the_halves():
    rng = np.random.default_rng(4)
    one = section_gaps(rng, (0.6, 0.6), 0.0, (30, 40, 40))[0]
    both = [Gap(one.real, one.generated, 0.5)] * 2
    alone = noise_floor([Gap(one.real, one.generated)], 200, np.random.default_rng(7))
    mean = noise_floor(both, 200, np.random.default_rng(7))
    np.testing.assert_allclose(alone.gaps, mean.gaps, atol=1e-12)


def test_nothing_to_halve():
    rng = np.random.default_rng(5)
    x, r = rng.normal(size=10), rng.normal(size=10)
    assert noise_floor([Gap(curve(x, r, "n r"), curve(x, r, "n r"))], 10, rng) is None
    assert noise_floor([Gap(curve(x, r[:1], "n r"), curve(x, r, "n g"))], 10, rng) is None
    with pytest.raises(ValueError, match="no gap"):
        noise_floor([], 10, rng)
