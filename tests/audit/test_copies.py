"""The test for copies holds its level, whatever the sizes, where a binomial test does not."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom

from asdbench.audit.memorization import Search, copies_p, least_p
from asdbench.metrics.memorization import QUANTILE

LEVEL = 0.05


def exceeding(rng, held_out: int, generated: int, copies: int = 0) -> int:
    baseline, made = rng.normal(size=held_out), rng.normal(size=generated)
    made[:copies] += 10.0
    return int(np.sum(made > np.quantile(baseline, 1.0 - QUANTILE)))


@pytest.mark.parametrize(
    ("held_out", "generated"), [(40, 30), (80, 30), (40, 400), (150, 100), (400, 400)]
)
def test_the_level_is_held_without_memorization(held_out: int, generated: int):
    rng = np.random.default_rng([held_out, generated])
    p_of = [copies_p([Search(k, generated, held_out)]) for k in range(generated + 1)]
    naive_of = [binom.sf(k - 1, generated, QUANTILE) for k in range(generated + 1)]
    counts = [exceeding(rng, held_out, generated) for _ in range(2000)]
    rejected = np.mean([p_of[k] < LEVEL for k in counts])
    naive = np.mean([naive_of[k] < LEVEL for k in counts])
    assert rejected < LEVEL + 3 * np.sqrt(LEVEL * (1 - LEVEL) / 2000)
    assert naive > 2 * LEVEL  # which is why it is not used


def test_the_distribution_of_the_count_is_exact_for_a_limit_at_a_clip():
    """With 101 held-out clips the limit is the second largest, and p is exact."""
    rng = np.random.default_rng(1)
    counts = np.array([exceeding(rng, 101, 50) for _ in range(4000)])
    for k in (1, 2, 4):
        observed, expected = np.mean(counts >= k), copies_p([Search(k, 50, 101)])
        assert abs(observed - expected) < 4 * np.sqrt(expected * (1 - expected) / 4000)


def test_copies_are_found():
    rng = np.random.default_rng(2)
    found = [
        copies_p([Search(exceeding(rng, 40, 30, copies=6), 30, 40)]) < LEVEL for _ in range(200)
    ]
    assert np.mean(found) > 0.95


def test_no_clip_beyond_the_limit_is_no_evidence():
    assert copies_p([Search(0, 30, 40)]) == 1.0
    assert copies_p([Search(1, 30, 40)]) > 0.5
    assert copies_p([Search(30, 30, 40)]) < 1e-9


def test_p_falls_with_the_count():
    p = [copies_p([Search(k, 30, 40)]) for k in range(31)]
    assert p == sorted(p, reverse=True)


def test_the_level_is_held_over_folds_with_limits_of_their_own():
    rng = np.random.default_rng(3)
    p = [copies_p([Search(exceeding(rng, 8, 6), 6, 8) for _ in range(5)]) for _ in range(1000)]
    pooled = [
        copies_p([Search(sum(exceeding(rng, 8, 6) for _ in range(5)), 30, 40)]) for _ in range(1000)
    ]
    assert np.mean(np.array(p) < LEVEL) < LEVEL + 0.02
    assert np.mean(np.array(pooled) < LEVEL) > 2 * LEVEL  # had the folds been taken for one


def test_few_clips_cannot_be_called_copies_even_if_all_are():
    assert least_p([Search(0, 4, 2)] * 2) == pytest.approx(1 / 9)
    assert least_p([Search(3, 30, 40)]) == copies_p([Search(30, 30, 40)]) < 1e-9
