"""Rankings of detectors by generated anomalies."""

from __future__ import annotations

import numpy as np
import pytest
from known_truth import make_section, make_suite, trust_of

from asdbench.report.trust_words import ranking_words

IDS = ("weak", "fair", "good")
DETECTORS = [{"id": name, "use": "d"} for name in IDS]


def ranked(rng: np.random.Generator, lost: tuple[float, float, float], n: int = 100, **changes):
    """Three detectors of which the last is best on real anomalies."""
    arms = {}
    for machine in ("fan", "valve"):
        for k, name in enumerate(IDS):
            place = (name, machine, "00")
            arms |= make_section(rng, n=n, shift=0.3 + 0.6 * k, lost=lost[k], place=place)
    return trust_of(arms, make_suite(detectors=DETECTORS, **changes)).agreement


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(11)


def test_a_faithful_generator_ranks_as_real_clips_do(rng):
    rows = ranked(rng, (0.0, 0.0, 0.0))
    assert [(r.machine, r.gap) for r in rows] == [
        (machine, gap) for gap in ("matched", "paper") for machine in ("fan", "valve", None)
    ]
    row = rows[2]
    assert (row.best_real, row.best_generated) == ("good", "good")
    assert (row.tau, row.regret, row.n_detectors) == (1.0, 0.0, 3)
    assert row.top1 > 0.9
    assert 0.8 < row.tau_ceiling <= 1.0


def test_a_generator_that_turns_the_ranking_round_costs(rng):
    row = ranked(rng, (-1.2, 0.0, 1.2))[2]
    assert (row.best_real, row.best_generated) == ("good", "weak")
    assert row.tau == -1.0
    assert row.tau_high < row.tau_ceiling
    assert row.regret > 0.2 > row.regret_ceiling


def test_detectors_that_tie_are_all_named(rng):
    arms = {}
    for name in ("fair", "good"):  # the same scores
        twin = np.random.default_rng(5)
        arms |= make_section(twin, place=(name, "fan", "00"))
    arms |= make_section(rng, shift=0.0, place=("weak", "fan", "00"))
    row = trust_of(arms, make_suite(["made"], detectors=DETECTORS)).agreement[0]
    assert (row.best_real, row.best_generated) == ("fair, good", "fair, good")
    said = ranking_words(row)
    assert "Best detector: none (fair and good tie) by real and by generated anomalies" in said
    said = ranking_words(row.model_copy(update={"best_generated": "good"}))
    assert "**none (fair and good tie) by real, good by generated anomalies**" in said


def test_one_detector_is_no_ranking(rng):
    assert trust_of(make_section(rng)).agreement == ()


def test_a_missing_section_is_a_reason(rng):
    arms = make_section(rng, place=("weak", "fan", "00"))
    arms |= make_section(rng, place=("fair", "fan", "00"))
    del arms["made", "fair", "fan", "00"]
    rows = trust_of(arms, make_suite(["made"], detectors=DETECTORS[:2])).agreement
    assert {(r.tau, r.best_real) for r in rows} == {(None, None)}
    assert all("a task failed" in r.reason for r in rows)


def test_detectors_that_cannot_be_told_apart_have_a_low_ceiling(rng):
    arms = {}
    for name in IDS:
        arms |= make_section(rng, n=50, place=(name, "fan", "00"))
    row = trust_of(arms, make_suite(["made"], detectors=DETECTORS)).agreement[0]
    assert row.tau_ceiling < 0.5
