"""Verdicts on gaps, on score tables whose truth is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from known_truth import (
    RULES,
    arm_rows_of,
    clips,
    findings_of,
    joined,
    make_section,
    make_suite,
    row_of,
    sections_of,
    trust_of,
)

from asdbench.metrics.rank import auc
from asdbench.report.measured_gaps import measure_gap
from asdbench.report.placed_gaps import placed_gaps
from asdbench.stats.equivalence import verdict


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(23)


def test_a_perfect_generator_with_many_clips_is_equivalent(rng):
    suite = make_suite(statistics={"bootstrap": 200, "margin": 0.1})
    trust = trust_of(make_section(rng, n=500), suite)
    for gap in ("matched", "paper"):
        row = row_of(trust, gap=gap)
        assert row.verdict == "equivalent"
        assert row.certifiable < row.margin == 0.1
        assert row.low < row.value < row.high
        assert row.noise_floor < 0.1
    assert row_of(trust, gap="coded").reason is not None  # the very same scores


def test_few_clips_are_inconclusive_however_good_the_generator(rng):
    row = row_of(trust_of(make_section(rng, n=20)), gap="matched")
    assert row.verdict == "inconclusive"
    assert row.certifiable > 3 * row.margin


def test_a_generator_that_loses_the_fault_is_different(rng):
    trust = trust_of(make_section(rng, n=200, lost=0.8))
    for over, gap in (("machine", "matched"), ("machine", "paper"), ("suite", "matched")):
        row = row_of(trust, over=over, gap=gap)
        assert row.verdict == "different"
        assert row.high < -0.1
        assert row.p_permutation < 0.01
        assert abs(row.value) > row.noise_floor


def test_a_small_difference_that_is_certain_is_negligible(rng):
    sections, _ = sections_of(make_section(rng, n=20000, lost=0.07))
    found = measure_gap(sections[0], "matched", ("source", "target"), "auc").interval
    assert verdict(found, 0.05) == "negligible"
    assert found.high < 0.0


def test_an_artifact_moves_the_papers_gap_alone(rng):
    trust = trust_of(make_section(rng, n=400, artifact=1.0))
    assert row_of(trust, gap="paper").verdict == "different"
    assert row_of(trust, gap="matched").verdict in ("equivalent", "inconclusive")
    assert row_of(trust, gap="matched").headline
    assert not row_of(trust, gap="paper").headline


@pytest.mark.slow
def test_a_perfect_generator_is_called_different_at_the_nominal_rate():
    rng = np.random.default_rng(7)
    verdicts = {"matched": [], "paper": []}
    p_values = []
    below = 0
    for _ in range(200):
        sections, domains = sections_of(make_section(rng, n=50), make_suite(["made", "controls"]))
        placed = {
            gap.gap: gap.measured
            for gap in placed_gaps(sections, domains)
            if (gap.over, gap.metric) == ("machine", "auc")
        }
        for gap, found in verdicts.items():
            interval = placed[gap].interval
            found.append(not interval.low <= 0.0 <= interval.high)
        matched = placed["matched"]
        p_values.append(matched.p_permutation)
        below += abs(matched.interval.estimate) < matched.floor
    for found in verdicts.values():
        assert np.mean(found) < 0.1  # 0.05 and three standard errors
    assert np.mean(np.array(p_values) < 0.1) == pytest.approx(0.1, abs=0.06)
    assert below / 200 == pytest.approx(0.95, abs=0.05)


def test_the_mean_over_domains_knows_that_they_share_anomalies(rng):
    sections, _ = sections_of(make_section(rng, n=60, lost=0.4), rules=replace(RULES, draws=100))
    measured = measure_gap(sections[0], "paper", ("source", "target"), "auc")
    real = sections[0].scored["real", "real normals"][0]
    made = sections[0].scored["paper", "generated anomalies"][0]
    anomalies = real.score[real.anomaly]
    normals = {d: real.score[~real.anomaly & (real.domain == d)] for d in ("source", "target")}
    draws = []
    for _ in range(600):
        a, g = (rng.choice(scores, len(scores)) for scores in (anomalies, made.score))
        drawn = [rng.choice(scores, len(scores)) for scores in normals.values()]
        draws.append(np.mean([auc(n, g) - auc(n, a) for n in drawn]))
    assert measured.clips.se == pytest.approx(np.std(draws), rel=0.12)


def test_sections_share_no_clips_so_variances_add(rng):
    arms = {}
    for machine in ("fan", "valve"):
        for section in ("00", "01"):
            arms |= make_section(rng, n=60, place=("ae", machine, section))
    trust = trust_of(arms)
    sections, _ = sections_of(arms)
    units = [measure_gap(s, "matched", ("source", "target"), "auc") for s in sections]
    suite = row_of(trust, over="suite", gap="matched")
    assert suite.value == pytest.approx(np.mean([u.clips.estimate for u in units]))
    assert suite.se == pytest.approx(np.sqrt(np.sum([u.clips.se**2 for u in units])) / 4)
    fan = row_of(trust, machine="fan", gap="matched")
    assert fan.se == pytest.approx(np.hypot(units[0].clips.se, units[1].clips.se) / 2)
    assert (suite.margin, fan.margin) == (0.025, 0.05)
    assert suite.noise_floor < fan.noise_floor


def test_margins_are_those_of_the_suite(rng):
    suite = make_suite(statistics={"bootstrap": 200, "margin": 0.5, "suite_margin": 0.4})
    trust = trust_of(make_section(rng, n=60), suite)
    assert row_of(trust, gap="matched").verdict == "equivalent"
    assert row_of(trust, over="suite", gap="matched").margin == 0.4


def test_an_arm_that_the_suite_did_not_ask_for_is_null_with_the_reason(rng):
    trust = trust_of(make_section(rng), make_suite(["made"]))
    for over in ("machine", "suite"):
        row = row_of(trust, over=over, gap="matched")
        assert (row.value, row.verdict, row.headline) == (None, None, False)
        assert row.reason.endswith("{generator: gen, label: normal}")
        assert row_of(trust, over=over, gap="paper").headline
    assert not [r for r in trust.verdicts if r.over == "section" and r.gap != "paper"]


def test_a_mean_over_an_incomplete_set_is_not_given(rng):
    arms = {**make_section(rng), **make_section(rng, place=("ae", "fan", "01"))}
    del arms["made", "ae", "fan", "01"]
    trust = trust_of(arms)
    row = row_of(trust, gap="matched")
    assert row.value is None
    assert row.reason.startswith("1 of 2 sections have no gap: no scores of generated anomalies")
    assert row_of(trust, over="section", section="00", domain="source", gap="matched").value
    assert row_of(trust, over="section", section="01", domain="source", gap="matched").reason


def test_one_generated_clip_has_no_interval(rng):
    arms = make_section(rng)
    arms["made", "ae", "fan", "00"] = [clips(np.array([1.0]), "anomaly", "made")]
    row = row_of(trust_of(arms), gap="paper")
    assert row.value is not None
    assert row.verdict is None
    assert row.reason == "only one clip in: generated anomalies; an interval needs two of each"


def test_perfect_separation_somewhere_does_not_silence_the_mean(rng):
    arms = {
        **make_section(rng, shift=50.0),
        **make_section(rng, place=("ae", "fan", "01")),
    }
    row = row_of(trust_of(arms), gap="matched")
    assert row.verdict is not None
    assert row.note == "no variation in fan/00: the interval is too narrow"


def repeated(parts: list[dict], origins: tuple[str, ...]) -> dict:
    """Arms of several fits; origins not listed have the scores of the first alone."""
    return {
        key: [part[key][0] for part in parts] if key[0] in origins else arm
        for key, arm in parts[0].items()
    }


def refitted(arms: dict, rng: np.random.Generator, sd: float) -> dict:
    """The same clips with the scores of another fit: anomalies heard better or worse."""
    found = {}
    for key, (arm,) in arms.items():
        heard = sd * rng.standard_normal() if key[0] in ("real", "made") else 0.0
        found[key] = [replace(arm, score=arm.score + heard * arm.anomaly)]
    return found


def test_fits_of_the_detector_add_their_variance(rng):
    arms = make_section(rng, n=200)
    suite = make_suite(seeds={"detector_repeats": 4})
    same = trust_of(repeated([arms] * 4, tuple(k[0] for k in arms)), suite)
    once = row_of(trust_of(arms), gap="matched")
    row = row_of(same, gap="matched")
    assert (row.value, row.se) == (pytest.approx(once.value), pytest.approx(once.se))
    assert row.method == "delong, 4 fits of the detector"
    others = [refitted(arms, rng, 0.3) for _ in range(4)]
    sections, _ = sections_of(repeated(others, tuple(k[0] for k in arms)), suite)
    measured = measure_gap(sections[0], "matched", ("source", "target"), "auc")
    spread = np.var(measured.fits[:, 0], ddof=1)
    assert measured.fits.shape == (4, 1)
    assert measured.interval.se == pytest.approx(np.sqrt(measured.clips.se**2 + spread / 4))
    assert measured.components.buy == "detector repeats"


def generations(rng: np.random.Generator, sd: float, fits: int, n: int = 200) -> dict:
    """Arms whose generator was fitted several times, its clips more or less like faults."""
    parts = []
    for fit in range(fits):
        part = make_section(rng, n=n, lost=sd * rng.standard_normal())
        parts.append({k: [replace(a, generation=fit) for a in v] for k, v in part.items()})
    return repeated(parts, ("made", "controls"))


def test_fits_of_the_generator_are_a_component_of_their_own(rng):
    alike = trust_of(generations(rng, 0.0, 4)).components
    unlike = trust_of(generations(rng, 1.0, 4)).components
    for rows in (alike, unlike):
        assert {(r.detector_repeats, r.generator_repeats) for r in rows} == {(1, 4)}
    assert alike[0].sd_generator < 0.03
    assert alike[0].buy == "clips"
    assert unlike[0].sd_generator == pytest.approx(0.2, abs=0.15)  # 1 of a score: about 0.2 AUC
    assert unlike[0].buy == "generator repeats"
    assert unlike[0].sd_detector is None


def test_clips_of_several_fits_of_the_generator_count_as_more_clips(rng):
    sections, _ = sections_of(generations(rng, 0.0, 4))
    several = measure_gap(sections[0], "paper", ("all",), "auc")
    single, _ = sections_of(make_section(rng, n=200, times=4))
    one = measure_gap(single[0], "paper", ("all",), "auc")
    assert several.clips.se == pytest.approx(one.clips.se, rel=0.15)


def test_other_scores_of_the_normals_and_folds(rng):
    """A transductive detector: normals score otherwise beside generated clips, fold by fold."""
    arms = make_section(rng, n=60, times=2)
    real = arms["real", "ae", "fan", "00"][0]
    made = arms.pop(("made", "ae", "fan", "00"))[0]
    beside = [replace(real, score=real.score + 0.05 * rng.standard_normal(120)) for _ in range(2)]
    folds = [made.take(np.arange(0, 60)), made.take(np.arange(60, 120))]
    arms["real in real+made", "ae", "fan", "00"] = beside
    arms["made in real+made", "ae", "fan", "00"] = folds
    sections, _ = sections_of(arms)
    measured = measure_gap(sections[0], "paper", ("all",), "auc")
    normals = [arm.score[~arm.anomaly] for arm in (real, *beside)]
    anomalies = real.score[real.anomaly]
    expected = np.mean([auc(n, f.score) for n, f in zip(normals[1:], folds, strict=True)])
    assert measured.clips.estimate == pytest.approx(expected - auc(normals[0], anomalies))
    plain, _ = sections_of(make_section(np.random.default_rng(23), n=60, times=2))
    alike = measure_gap(plain[0], "paper", ("all",), "auc")
    assert measured.clips.se == pytest.approx(alike.clips.se, rel=0.15)
    assert measured.fits.shape == (1, 1)  # folds are no fits


def test_clips_of_one_recording_vary_together(rng):
    normal, anomaly = (np.repeat(rng.standard_normal(30) + s, 4) for s in (0.0, 0.8))
    arms = make_section(rng, n=120)
    cut = np.repeat([f"r{i}" for i in range(60)], 4)
    real = joined(clips(normal, "normal", "n"), clips(anomaly, "anomaly", "a"))
    arms["real", "ae", "fan", "00"] = [real]
    apart = row_of(trust_of(arms, make_suite(["made"])), gap="paper")
    alone = findings_of(*sections_of(arms))[0]
    arms["real", "ae", "fan", "00"] = [replace(real, recording=cut)]
    together = row_of(trust_of(arms, make_suite(["made"])), gap="paper")
    assert together.value == apart.value
    assert together.se > 1.4 * apart.se
    assert together.noise_floor > 1.2 * apart.noise_floor
    assert apart.p_permutation is not None
    assert together.p_permutation is None  # single clips cannot be exchanged
    heard = findings_of(*sections_of(arms))[0]
    assert heard.auc == alone.auc
    assert heard.auc_high - heard.auc > 1.2 * (alone.auc_high - alone.auc)


def test_normals_of_few_recordings_are_not_taken_for_separated(rng):
    """Generated normals are perfect; the real ones come from 30 recordings of 4 clips each."""
    found: dict[bool, int] = {False: 0, True: 0}
    number = np.arange(240) // 8 * 2 + np.arange(240) % 2  # clips are of both domains in turn
    for _ in range(40):
        arms = make_section(rng, n=120)
        normal = rng.standard_normal(30)[number[:120]]
        real = joined(clips(normal, "normal", "n"), clips(normal + 1.0, "anomaly", "a"))
        for known in found:
            cut = number.astype(str) if known else None
            arms["real", "ae", "fan", "00"] = [replace(real, recording=cut)]
            found[known] += findings_of(*sections_of(arms))[0].finding == "separated"
    assert found[True] <= 6  # of 40
    assert found[False] > 2 * found[True]


def test_notes_name_no_digest_of_clips(rng):
    arms = make_section(rng)
    controls = arms["controls", "ae", "fan", "00"][0]
    arms["controls", "ae", "fan", "00"] = [controls.take(np.array([0]))]
    row = arm_rows_of(*sections_of(arms))[0]
    assert row.artifact.note == "only one clip in: generated normals; an interval needs two of each"


def test_the_same_scores_give_the_same_rows(rng):
    arms = make_section(rng, shift=2.5)  # AUCs above 0.9: bootstrap
    assert trust_of(arms) == trust_of(arms)
    assert row_of(trust_of(arms), gap="matched").method == "bootstrap"


def test_pauc_has_a_verdict_of_section_machine_and_suite(rng):
    trust = trust_of(make_section(rng))
    rows = [r for r in trust.verdicts if r.metric == "pauc" and r.gap == "matched"]
    assert [r.over for r in rows] == ["section", "machine", "suite"]
    assert {r.domain for r in rows} == {"all", None}
    assert all(r.verdict is not None and r.method == "bootstrap" for r in rows)
