"""Nominal 95 % intervals hold the truth in 92 to 97.5 % of 500 simulated data sets."""

from __future__ import annotations

import numpy as np
import pytest
from binormal import (
    COVERED,
    auc_after,
    curve,
    paper_gap,
    repeat,
    section_gaps,
    share_covered,
    shift,
    true_pauc,
)

from asdbench.stats.combination import combination
from asdbench.stats.curves import gap_terms

RUNS = 500


def assert_covers(rate: float) -> None:
    assert COVERED[0] <= rate <= COVERED[1], rate


@pytest.mark.parametrize(("auc", "n", "m"), [(0.55, 50, 50), (0.7, 50, 100), (0.85, 100, 100)])
def test_one_auc(auc, n, m):
    rng = np.random.default_rng(1)

    def once():
        one = curve(rng.normal(size=n), rng.normal(size=m) + shift(auc))
        return combination([(1.0, one)], 0.95, 400, rng)

    assert_covers(share_covered(repeat(RUNS, once), auc))


@pytest.mark.parametrize(
    ("real", "generated", "sizes"),
    [
        (0.55, 0.55, (50, 50, 50)),
        (0.6, 0.7, (50, 50, 50)),
        (0.7, 0.75, (50, 50, 500)),
        (0.9, 0.96, (50, 50, 50)),  # bootstrap
        (0.95, 0.95, (50, 50, 50)),
    ],
)
def test_gap(real, generated, sizes):
    rng = np.random.default_rng(21)

    def once():
        terms = gap_terms([paper_gap(rng, real, generated, sizes)])
        return combination(terms, 0.95, 400, rng)

    found = repeat(RUNS, once)
    assert_covers(share_covered(found, generated - real))
    assert ("bootstrap" in {i.method for i in found}) == (generated > 0.9)


@pytest.mark.parametrize(("real", "generated"), [(0.7, 0.7), (0.65, 0.8)])
def test_pauc_gap(real, generated):
    rng = np.random.default_rng(22)

    def once():
        terms = gap_terms([paper_gap(rng, real, generated)])
        return combination(terms, 0.95, 400, rng, "pauc")

    truth = true_pauc(generated) - true_pauc(real)
    assert_covers(share_covered(repeat(RUNS, once), truth))


@pytest.mark.parametrize("aucs", [(0.55, 0.7), pytest.param((0.8, 0.96), marks=pytest.mark.slow)])
def test_mean_gap_over_sections_and_domains(aucs):
    """Three sections; the second pair is so high that most means take the bootstrap."""
    rng = np.random.default_rng(23)
    change = 0.2

    def once():
        gaps = [
            gap
            for section in "012"
            for gap in section_gaps(rng, aucs, change, (30, 60, 90), section, 1 / 6)
        ]
        return combination(gap_terms(gaps), 0.95, 300, rng)

    truth = float(np.mean([auc_after(auc, change) - auc for auc in aucs]))
    found = repeat(RUNS, once)
    assert_covers(share_covered(found, truth))
    share = float(np.mean([i.method == "bootstrap" for i in found]))
    assert share == pytest.approx(float(aucs[1] > 0.9), abs=0.1)


def test_domains_that_share_anomalies_are_not_independent():
    """Taking the two AUCs of a section for independent makes intervals too narrow."""
    rng = np.random.default_rng(24)

    def once(own: bool):
        gaps = section_gaps(rng, (0.6, 0.6), 0.0, (200, 50, 50))
        terms = [
            (w, curve(c.negative.scores, c.positive.scores, f"{i} a{i}" if own else _names(c)))
            for i, (w, c) in enumerate(gap_terms(gaps))
        ]
        return combination(terms, 0.95, 300, rng)

    assert_covers(share_covered(repeat(RUNS, lambda: once(own=False)), 0.0))
    assert share_covered(repeat(RUNS, lambda: once(own=True)), 0.0) < COVERED[0]


def _names(one):
    return f"{one.negative.clips} {one.positive.clips}"


def test_repeats_share_their_clips():
    """Means over fits: what fits differ in has expectation 0 and is added with `widened`."""
    rng = np.random.default_rng(25)
    fits, between = 4, 0.15

    def once(widened: bool):
        x, y = rng.normal(size=60), rng.normal(size=60) + shift(0.7)
        moves = rng.normal(size=fits) * between
        terms = [(1 / fits, curve(x, y + move)) for move in moves]
        found = combination(terms, 0.95, 300, rng)
        spread = float(np.var([c.auc for _, c in terms], ddof=1)) / fits
        return found.widened(spread) if widened else found

    assert_covers(share_covered(repeat(RUNS, lambda: once(widened=True)), 0.7))


def clips_of_recordings(rng, recordings, clips, icc=0.5):
    """Scores of ``clips`` clips a recording, correlated within it."""
    common = rng.normal(size=recordings).repeat(clips) * np.sqrt(icc)
    return common + rng.normal(size=recordings * clips) * np.sqrt(1 - icc)


@pytest.mark.parametrize(
    ("metric", "auc", "recordings", "clips"),
    [
        ("auc", 0.7, 25, 4),
        pytest.param("auc", 0.93, 25, 4, marks=pytest.mark.slow),
        pytest.param("pauc", 0.7, 40, 3, marks=pytest.mark.slow),
    ],
)
def test_clips_of_one_recording(metric, auc, recordings, clips):
    """Clips of one recording are no independent draws, recordings are."""
    rng = np.random.default_rng(26)
    names = [f"r{i // clips:02d}" for i in range(recordings * clips)]

    def once(known):
        x, y = (clips_of_recordings(rng, recordings, clips) for _ in range(2))
        curves = [(1.0, curve(x, y + shift(auc)))]
        return combination(curves, 0.95, 400, rng, metric, known)

    truth = auc if metric == "auc" else true_pauc(auc)
    assert share_covered(repeat(RUNS, lambda: once(None)), truth) < 0.88
    assert_covers(share_covered(repeat(RUNS, lambda: once({"n": names, "p": names})), truth))
