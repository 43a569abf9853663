from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from asdbench.metrics.definitions import DefinitionId
from asdbench.report.below_chance import below_chance
from asdbench.report.cells import Arm, Rules

RULES = Rules(DefinitionId.DCASE2022, 0.95, 200, 0)


def arm(rng: np.random.Generator, shift: float, clips: int = 40) -> Arm:
    """Return normals and anomalies of two domains; anomalies score ``shift`` higher."""
    anomaly = np.repeat([False, True], 2 * clips)
    domain = np.tile(np.repeat(["source", "target"], clips), 2)
    score = rng.standard_normal(4 * clips) + shift * anomaly
    return Arm(score, anomaly, domain, None, np.array([f"{i:03d}" for i in range(4 * clips)]))


def rows(arms: dict[tuple[str, str, str, str], list[Arm]], rules: Rules = RULES) -> list:
    detectors = list(dict.fromkeys(key[1] for key in arms))
    sections = {(key[2], key[3]): True for key in arms}
    return list(below_chance(arms, detectors, sections, rules))


def test_only_the_detector_with_the_wrong_sign_is_named() -> None:
    rng = np.random.default_rng(1)
    good = arm(rng, 0.8)
    flipped = Arm(-good.score, good.anomaly, good.domain, None, good.clip)
    arms = {
        ("real", "good", "fan", "00"): [good],
        ("real", "flipped", "fan", "00"): [flipped],
        ("real", "chance", "fan", "00"): [arm(rng, 0.0)],
    }
    (row,) = rows(arms)
    assert (row.machine, row.detector) == ("fan", "flipped")
    aucs = []
    for domain in ("source", "target"):
        chosen = (good.domain == domain) | good.anomaly  # anomalies of both domains
        aucs.append(roc_auc_score(good.anomaly[chosen], flipped.score[chosen]))
    assert row.auc == pytest.approx(np.mean(aucs))
    assert row.low is not None
    assert row.high is not None
    assert row.low < row.auc < row.high < 0.5
    assert row.sentence.startswith("fan, flipped: AUC 0.")
    assert "wrong sign" in row.sentence


def test_perfect_separation_the_wrong_way_is_named_too() -> None:
    clips = arm(np.random.default_rng(2), -100.0)
    (row,) = rows({("real", "flipped", "fan", "00"): [clips]})
    assert row.auc == 0.0
    assert "AUC 0.000" in row.sentence


def test_sections_and_fits_are_averaged() -> None:
    rng = np.random.default_rng(3)
    arms = {
        ("real", "mixed", "fan", "00"): [arm(rng, 1.0), arm(rng, 1.0)],
        ("real", "mixed", "fan", "01"): [arm(rng, -1.0), arm(rng, -1.0)],
        ("real", "flipped", "fan", "00"): [arm(rng, -1.0), arm(rng, -1.0)],
        ("real", "flipped", "fan", "01"): [arm(rng, -1.0), arm(rng, -1.0)],
    }
    assert [row.detector for row in rows(arms)] == ["flipped"]


def test_a_section_without_scores_names_nobody() -> None:
    arms = {("real", "flipped", "fan", "00"): [arm(np.random.default_rng(4), -2.0)]}
    sections = {("fan", "00"): True, ("fan", "01"): True}
    assert list(below_chance(arms, ["flipped"], sections, RULES)) == []


def test_few_recordings_of_many_clips_are_not_called_below_chance() -> None:
    """Ten recordings a pool of eight clips each, alike: more often low by chance than 80 clips."""
    number = np.arange(320) // 8
    called = {False: 0, True: 0}
    for seed in range(80):
        rng = np.random.default_rng(seed)
        clips = arm(rng, 0.0, 80)
        score = rng.standard_normal(40)[number]
        for known in called:
            cut = number.astype(str) if known else None
            given = replace(clips, score=score, recording=cut)
            called[known] += bool(rows({("real", "ae", "fan", "00"): [given]}))
    assert called[True] <= 8  # of 80: 2.5 %, and a little more with so few recordings
    assert called[False] > 2 * called[True]


def test_chance_is_called_below_chance_at_most_at_half_the_level() -> None:
    """Ten detectors in each of 60 reports: some row in at most 2.5 % of the reports."""
    called = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        found = rows({("real", f"d{i}", "fan", "00"): [arm(rng, 0.0, 25)] for i in range(10)})
        called += bool(found)
    assert called <= 6  # of 60 at 2.5 %: more happen once in 1,000 times
