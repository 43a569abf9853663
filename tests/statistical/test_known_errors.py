"""Errors that other programs make fail the coverage test that our intervals pass."""

from __future__ import annotations

import numpy as np
from binormal import COVERED, curve, repeat, section_gaps, share_covered, shift

from asdbench.stats.combination import combination
from asdbench.stats.curves import gap_terms
from asdbench.stats.delong import placements
from asdbench.stats.interval import Interval

RUNS = 500


def normal(estimate: float, se: float) -> Interval:
    return Interval.normal(estimate, se, 0.95)


def covers(rate: float) -> bool:
    return COVERED[0] <= rate <= COVERED[1]


def jackknife_values(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """AUCs with one clip left out."""
    v10, v01 = placements(x, y)
    auc = v01.mean()
    without_normal = (x.size * auc - v10) / (x.size - 1)
    return np.r_[without_normal, (y.size * auc - v01) / (y.size - 1)]


def test_jackknife_n_minus_1_times_too_small():
    rng = np.random.default_rng(31)

    def once(right: bool) -> Interval:
        x, y = rng.normal(size=50), rng.normal(size=50) + shift(0.7)
        values = jackknife_values(x, y)
        se = np.std(values, ddof=1) / np.sqrt(values.size)  # the evaluators'
        factor = values.size - 1 if right else 1
        return normal(float(placements(x, y)[1].mean()), float(factor * se))

    assert covers(share_covered(repeat(RUNS, lambda: once(right=True)), 0.7))
    assert share_covered(repeat(RUNS, lambda: once(right=False)), 0.7) < 0.1


def test_bootstrap_spread_divided_by_the_root_of_the_draws():
    rng = np.random.default_rng(32)

    def once() -> Interval:
        x, y = rng.normal(size=50), rng.normal(size=50) + shift(0.95)
        return combination([(1.0, curve(x, y))], 0.95, 400, rng)

    found = [i for i in repeat(RUNS, once) if i.samples is not None]
    assert len(found) > 0.9 * RUNS
    divided = [normal(i.estimate, (i.se or 0.0) / np.sqrt(400)) for i in found]
    assert share_covered(divided, 0.95) < 0.2


def test_paired_data_as_if_unpaired():
    """Two detectors on the same clips: ignoring it makes the interval far too wide."""
    rng = np.random.default_rng(33)

    def once(paired: bool) -> Interval:
        x, y = rng.normal(size=50), rng.normal(size=50) + shift(0.7)
        near = [side + 0.3 * rng.normal(size=50) for side in (x, y)]
        other = curve(*near, "n p" if paired else "m q")
        return combination([(1.0, other), (-1.0, curve(x, y))], 0.95, 400, rng)

    truth = _auc_with_noise(0.7, 0.3) - 0.7
    assert covers(share_covered(repeat(RUNS, lambda: once(paired=True)), truth))
    assert share_covered(repeat(RUNS, lambda: once(paired=False)), truth) > COVERED[1]


def _auc_with_noise(auc: float, noise: float) -> float:
    from statistics import NormalDist

    return NormalDist().cdf(shift(auc) / np.sqrt(2 * (1 + noise**2)))


def test_mean_over_whatever_is_there():
    """Five machines, the hardest missing in half of the runs: the mean is of something else."""
    rng = np.random.default_rng(34)
    aucs = [0.5, 0.7, 0.72, 0.75, 0.8]

    def once(skip: bool) -> Interval:
        used = aucs[1:] if skip and rng.random() < 0.5 else aucs
        terms = [
            (
                1 / len(used),
                curve(rng.normal(size=50), rng.normal(size=50) + shift(a), f"n{a} p{a}"),
            )
            for a in used
        ]
        return combination(terms, 0.95, 400, rng)

    truth = float(np.mean(aucs))
    assert covers(share_covered(repeat(RUNS, lambda: once(skip=False)), truth))
    assert share_covered(repeat(RUNS, lambda: once(skip=True)), truth) < COVERED[0]


def test_raw_half_widths_of_single_aucs_are_no_interval_of_their_gap():
    """ "The intervals of both AUCs overlap" is no test of their difference."""
    rng = np.random.default_rng(35)
    apart = 0
    for _ in range(RUNS):
        terms = gap_terms(section_gaps(rng, (0.6, 0.6), 0.0, (50, 100, 100)))
        real, made = (combination([(1.0, c)], 0.95, 100, rng) for _, c in terms[:2])
        apart += real.high < made.low or made.high < real.low  # type: ignore[operator]
    assert apart / RUNS < 0.02
