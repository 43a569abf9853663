"""Scores of generated anomalies beside scores of real ones."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from known_truth import make_section, make_suite, trust_of
from scipy.stats import ks_2samp, wasserstein_distance


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(3)


def test_distances_are_in_units_of_the_real_normals(rng):
    arms = make_section(rng, n=400, lost=0.5, times=2)
    arms = {k: [replace(a, score=10.0 * a.score) for a in v] for k, v in arms.items()}
    (row,) = trust_of(arms).score_distances
    real, made = arms["real", "ae", "fan", "00"][0], arms["made", "ae", "fan", "00"][0]
    first = real.score[real.anomaly]
    assert row.ks == pytest.approx(ks_2samp(first, made.score).statistic)
    assert row.ks_p == pytest.approx(ks_2samp(first, made.score).pvalue)
    unit = np.std(real.score[~real.anomaly])
    assert row.wasserstein == pytest.approx(wasserstein_distance(first, made.score) / unit)
    assert row.wasserstein == pytest.approx(0.5, abs=0.2)
    assert row.shift == pytest.approx(-0.5, abs=0.25)
    assert (row.n_real, row.n_generated) == (400, 800)


def test_fits_are_averaged_and_their_p_values_joined(rng):
    arms = make_section(rng, n=100)
    again = make_section(np.random.default_rng(4), n=100)
    both = {key: [arms[key][0], again[key][0]] for key in arms}
    suite = make_suite(seeds={"detector_repeats": 2})
    (row,) = trust_of(both, suite).score_distances
    singles = [trust_of(part).score_distances[0] for part in (arms, again)]
    assert row.ks == pytest.approx(np.mean([one.ks for one in singles]))
    assert row.ks_p == pytest.approx(min(1.0, np.sum([one.ks_p for one in singles])))
    assert row.n_generated == 100


def test_scores_without_variation_have_no_unit(rng):
    arms = make_section(rng)
    (real,) = arms["real", "ae", "fan", "00"]
    flat = replace(real, score=np.where(real.anomaly, real.score, 0.0))
    arms["real", "ae", "fan", "00"] = [flat]
    (row,) = trust_of(arms, make_suite(["made"])).score_distances
    assert row.ks is not None
    assert (row.wasserstein, row.shift) == (None, None)
    assert "do not vary" in row.reason


def test_missing_scores_are_a_reason(rng):
    arms = make_section(rng)
    del arms["made", "ae", "fan", "00"]
    (row,) = trust_of(arms).score_distances
    assert row.ks is None
    assert "a task failed" in row.reason
