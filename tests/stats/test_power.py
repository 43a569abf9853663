from __future__ import annotations

import math

import numpy as np
import pytest
from binormal import section_gaps, shift
from scipy.stats import multivariate_normal, norm

from asdbench.stats.combination import combination
from asdbench.stats.curves import gap_terms
from asdbench.stats.power import (
    Sizes,
    auc_se,
    certifiable_margin,
    clips_needed,
    equivalence_power,
    gap_se,
    generated_needed,
)


def test_auc_se_is_the_exact_one():
    z, auc = norm.ppf(0.7), 0.7
    both = multivariate_normal.cdf([z, z], cov=[[1, 0.5], [0.5, 1]])
    variance = (auc * (1 - auc) + (30 + 40 - 2) * (both - auc**2)) / (30 * 40)
    assert auc_se(0.7, 30, 40) == pytest.approx(math.sqrt(variance), rel=1e-5)
    assert auc_se(0.5, 30, 40) == pytest.approx(math.sqrt((30 + 40 + 1) / (12 * 30 * 40)))
    assert auc_se(0.3, 30, 40) == pytest.approx(auc_se(0.7, 30, 40))


@pytest.mark.parametrize("matched", [False, True])
def test_gap_se_is_the_spread_of_simulated_gaps(matched):
    rng = np.random.default_rng(3)
    gaps = []
    for _ in range(4000):
        x = rng.normal(size=(2, 40))
        made_x = rng.normal(size=(2, 80)) if matched else x
        y, made = rng.normal(size=60) + shift(0.65), rng.normal(size=120) + shift(0.65)
        domains = [
            (g[:, None] < made).mean() - (n[:, None] < y).mean()
            for n, g in zip(x, made_x, strict=True)
        ]
        gaps.append(np.mean(domains))
    sizes = Sizes.multiplied(40, 60, 2, matched=matched, domains=2)
    assert gap_se(0.65, sizes) == pytest.approx(np.std(gaps), rel=0.04)


def test_gap_se_is_what_delong_measures():
    rng = np.random.default_rng(4)
    found = [
        combination(gap_terms(section_gaps(rng, (0.65, 0.65), 0, (100, 200, 400))), 0.95, 2, rng).se
        for _ in range(100)
    ]
    assert gap_se(0.65, Sizes(100, 200, 400, domains=2)) == pytest.approx(np.mean(found), rel=0.01)


def test_figures_of_a_published_table():
    """MIMII-Gen, Table IV: 50 normal and 50 anomalous clips a machine."""
    sizes = Sizes(50, 50, 50)
    assert gap_se(0.55, sizes) == pytest.approx(0.058, abs=0.0005)
    aucs = [0.5468, 0.6920, 0.9496, 0.5588, 0.5271]
    mean_size = np.mean([gap_se(auc, sizes) for auc in aucs]) * math.sqrt(2 / math.pi)
    assert mean_size == pytest.approx(0.039, abs=0.0005)


@pytest.mark.parametrize(
    ("multiplier", "section", "machine", "suite"),
    [(1, 0.118, 0.0676, 0.0302), (10, 0.0872, 0.0501, 0.0224)],
)
def test_certifiable_with_mimii_dg_sizes(multiplier, section, machine, suite):
    """AUC 0.60; 50 normals of a domain against 100 anomalies of both."""

    def margin(domains: int, sections: int) -> float:
        sizes = Sizes.multiplied(50, 100, multiplier, domains=domains, sections=sections)
        return certifiable_margin(gap_se(0.6, sizes))

    assert margin(1, 1) == pytest.approx(section, abs=0.0005)
    assert margin(2, 3) == pytest.approx(machine, abs=0.00006)
    assert margin(2, 15) == pytest.approx(suite, abs=0.00006)


def test_power_at_the_certifiable_margin():
    for power in (0.5, 0.8, 0.95):
        margin = certifiable_margin(0.03, 0.95, power)
        assert equivalence_power(margin, 0.03) == pytest.approx(power)
    assert equivalence_power(margin, 0.03, gap=margin) == pytest.approx(0.05, abs=1e-6)
    assert equivalence_power(0.01, 0.03) == 0.0


def test_clips_needed():
    sizes = Sizes(50, 100, 100, domains=2, sections=3)
    found = clips_needed(0.03, 0.6, sizes)
    assert certifiable_margin(gap_se(0.6, found)) <= 0.03
    assert found.anomalies == pytest.approx(2 * found.normals, abs=2)
    fewer = sizes.scaled(0.98 * found.normals / 50, 0.98 * found.normals / 50)
    assert certifiable_margin(gap_se(0.6, fewer)) > 0.03
    assert clips_needed(0.2, 0.6, sizes).anomalies < 100


def test_generated_needed():
    sizes = Sizes(50, 100, 100, domains=2, sections=3)
    assert generated_needed(0.04, 0.6, sizes) is None  # no number of generated clips is enough
    found = generated_needed(0.055, 0.6, sizes)
    assert found is not None
    assert (found.normals, found.anomalies) == (50, 100)
    assert 100 < found.generated_anomalies < 1000
    assert certifiable_margin(gap_se(0.6, found)) <= 0.055
    matched = generated_needed(0.09, 0.6, Sizes(50, 100, 100, 50, 2, 3))
    assert matched is not None
    assert matched.generated_normals == pytest.approx(matched.generated_anomalies / 2, abs=1)


def test_what_is_wrong_is_said():
    with pytest.raises(ValueError, match="AUC is 1"):
        auc_se(1.0, 50, 50)
    with pytest.raises(ValueError, match="0 normal"):
        auc_se(0.6, 0, 50)
    with pytest.raises(ValueError, match="margin is 0"):
        clips_needed(0.0, 0.6, Sizes(1, 1, 1))
