"""Error rates of what is decided: equivalence, difference, permutation, noise floor, power."""

from __future__ import annotations

import numpy as np
import pytest
from binormal import curve, paper_gap, section_gaps, shift
from scipy.stats import kstest

from asdbench.stats.combination import combination
from asdbench.stats.curves import Gap, gap_terms
from asdbench.stats.equivalence import equivalence_p, verdict
from asdbench.stats.noise_floor import noise_floor
from asdbench.stats.permutation import permutation_test
from asdbench.stats.power import Sizes, certifiable_margin, gap_se

RUNS = 500
NOISE = 0.02
"""Two standard errors of a share of 0.05 in 500 runs."""


def verdicts(gaps_of, margin: float, seed: int, runs: int = RUNS) -> dict[str | None, float]:
    rng = np.random.default_rng(seed)
    found = [
        verdict(combination(gap_terms(gaps_of(rng)), 0.95, 300, rng), margin) for _ in range(runs)
    ]
    return {name: found.count(name) / runs for name in set(found)}


@pytest.mark.parametrize(
    ("auc", "sign", "most"),
    # Near 1 the rate is 0.06 to 0.07: see docs/statistics.md.
    [
        (0.65, 1, 0.05),
        (0.65, -1, 0.05),
        pytest.param(0.88, 1, 0.075, marks=pytest.mark.slow),
    ],
)
def test_a_gap_as_large_as_the_margin_is_certified_at_most_at_the_nominal_rate(auc, sign, most):
    margin = 0.06

    def gaps(rng):
        return [paper_gap(rng, auc, auc + sign * margin, (200, 150, 200))]

    found = verdicts(gaps, margin, 41)
    assert found.get("equivalent", 0.0) + found.get("negligible", 0.0) <= most + NOISE


def test_a_perfect_generator_is_different_at_most_at_the_nominal_rate():
    """Over both domains of a section; `negligible` also says that 0 is excluded."""
    found = verdicts(lambda rng: section_gaps(rng, (0.6, 0.7), 0.0, (50, 100, 200)), 0.05, 42)
    assert found.get("different", 0.0) <= 0.05 + NOISE
    assert found.get("different", 0.0) + found.get("negligible", 0.0) <= 0.05 + NOISE


def test_a_clear_gap_is_found_and_a_small_one_with_many_clips_is_negligible():
    found = verdicts(lambda rng: [paper_gap(rng, 0.6, 0.75, (100, 100, 200))], 0.05, 43, 100)
    assert found["different"] > 0.9
    found = verdicts(lambda rng: [paper_gap(rng, 0.6, 0.625, (3000,) * 3)], 0.06, 44, 100)
    assert found["negligible"] > 0.8


def test_p_of_equivalence_is_uniform_at_the_margin():
    rng = np.random.default_rng(45)
    margin, p_values = 0.08, []
    for _ in range(RUNS):
        gaps = [paper_gap(rng, 0.6, 0.6 + margin, (200, 200, 200))]
        p_values.append(equivalence_p(combination(gap_terms(gaps), 0.95, 300, rng), margin))
    assert kstest(p_values, "uniform").pvalue > 0.01


def matched(rng: np.random.Generator, change: float = 0.0) -> Gap:
    real = curve(rng.normal(size=30), rng.normal(size=30) + shift(0.7), "n a")
    return Gap(real, curve(rng.normal(size=60), rng.normal(size=60) + shift(0.7) + change, "gn ga"))


def coded(rng: np.random.Generator) -> Gap:
    x, y = rng.normal(size=30), rng.normal(size=30) + shift(0.7)
    noise = [rng.normal(size=(2, 30)) * 0.4 for _ in range(2)]
    first, second = (curve(x + n[0], y + n[1], "n a") for n in noise)
    return Gap(first, second)


@pytest.mark.parametrize(
    ("kind", "metric"),
    [("paper", "auc"), ("paper", "pauc"), ("matched", "auc"), ("domains", "auc"), ("coded", "auc")],
)
def test_permutation_p_is_uniform_for_a_perfect_generator(kind, metric):
    rng = np.random.default_rng(46)
    make = {
        "paper": lambda: [paper_gap(rng, 0.7, 0.7, (30, 30, 90))],
        "matched": lambda: [matched(rng)],
        "domains": lambda: section_gaps(rng, (0.6, 0.8), 0.0, (20, 40, 60)),
        "coded": lambda: [coded(rng)],
    }[kind]
    found = [permutation_test(make(), 199, rng, metric).p for _ in range(RUNS)]
    smooth = np.array(found) - rng.random(RUNS) / 200  # p has steps of 1/200
    # Few normals decide a pAUC, so many deals have the same: p may be larger than uniform.
    alternative = "greater" if metric == "pauc" else "two-sided"
    assert kstest(smooth, "uniform", alternative=alternative).pvalue > 0.01
    assert np.mean(np.array(found) <= 0.05) <= 0.05 + NOISE


def test_permutation_sees_a_gap():
    rng = np.random.default_rng(47)
    assert permutation_test([paper_gap(rng, 0.6, 0.8, (50, 60, 60))], 499, rng).p < 0.02
    assert permutation_test([matched(rng, 1.5)], 499, rng).p < 0.02


@pytest.mark.parametrize("kind", ["paper", "matched", "domains"])
def test_noise_floor_holds_gaps_of_a_perfect_generator(kind):
    rng = np.random.default_rng(48)
    make = {
        "paper": lambda: [paper_gap(rng, 0.65, 0.65, (100, 60, 240))],
        "matched": lambda: [matched(rng)],
        "domains": lambda: section_gaps(rng, (0.6, 0.7), 0.0, (50, 80, 160)),
    }[kind]
    below = 0
    for _ in range(RUNS):
        gaps = make()
        gap = sum(g.weight * (g.generated.auc - g.real.auc) for g in gaps)
        floor = noise_floor(gaps, 200, rng)
        assert floor is not None
        below += abs(gap) <= floor.floor
    assert 0.92 <= below / RUNS <= 0.975, below / RUNS


def test_certified_with_the_power_that_was_planned():
    """A machine of three sections: 80 % of perfect generators, at the margin of the model."""
    sizes = Sizes.multiplied(50, 100, 1, domains=2, sections=3)
    margin = certifiable_margin(gap_se(0.6, sizes))

    def gaps(rng):
        return [
            gap
            for section in "012"
            for gap in section_gaps(rng, (0.6, 0.6), 0.0, (50, 100, 100), section, 1 / 6)
        ]

    found = verdicts(gaps, margin, 49)
    certified = found.get("equivalent", 0.0) + found.get("negligible", 0.0)
    assert certified == pytest.approx(0.8, abs=0.055)  # three standard errors
