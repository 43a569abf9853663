from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from twin_runs import MADE, scores, side

from asdbench.comparison import Comparison, Key, Side, compare
from asdbench.comparison.numbers import pairs_of
from asdbench.comparison.paired import Paired, PairedRuns
from asdbench.comparison.quantity import Quantity
from asdbench.metrics.rank import auc
from asdbench.stats.delong import placements

FAN = Key("fan", "00", "source", "ae", None)
MADE_FAN = replace(FAN, grid="made")
REAL = Quantity("auc", "real")


def interval(base: Side, new: Side, key: Key = FAN, quantity: Quantity = REAL) -> Paired:
    (pair,) = [
        p for p in pairs_of(base.report, new.report, ()) if (p.key, p.quantity) == (key, quantity)
    ]
    return PairedRuns(base, new).interval(pair)


def width(found: Paired) -> float:
    assert found.low is not None
    assert found.high is not None
    return found.high - found.low


def pools(one: Side) -> tuple[np.ndarray, np.ndarray]:
    """Normals of the source domain and anomalies of both, in the order of the clips."""
    table = one.scores
    assert table is not None
    own = table[(table.machine == "fan") & (table.detector == "ae") & (table.origin == "real")]
    own = own.sort_values("clip")
    normal = own[(own.label == "normal") & (own.domain == "source")]
    return normal.score.to_numpy(), own[own.label == "anomaly"].score.to_numpy()


def test_the_interval_is_delongs_for_two_correlated_curves(before: Side, after: Side):
    found = interval(before, after)
    (n0, a0), (n1, a1) = pools(before), pools(after)
    (v10, v01), (w10, w01) = placements(n0, a0), placements(n1, a1)
    variance = np.var(w10 - v10, ddof=1) / len(n0) + np.var(w01 - v01, ddof=1) / len(a0)
    difference = auc(n1, a1) - auc(n0, a0)
    half = 1.959964 * np.sqrt(variance)
    assert (found.low, found.high) == pytest.approx((difference - half, difference + half))
    assert found.method == "delong"


def test_pairing_narrows_the_interval(before: Side, after: Side):
    assert before.scores is not None
    renamed = after.scores.assign(clip="x" + after.scores["clip"])  # type: ignore[union-attr]
    unpaired = interval(before, replace(after, scores=renamed))
    assert width(interval(before, after)) < 0.7 * width(unpaired)


def test_generated_clips_are_paired_only_where_they_are_the_same():
    noisy = scores(noise=0.2, seed=1)
    base, same = side(scores()), side(noisy)
    other_audio = {grid: dict.fromkeys(places, "z") for grid, places in MADE.items()}
    quantity = Quantity("auc", "matched")
    paired = interval(base, same, MADE_FAN, quantity)
    apart = interval(base, side(noisy, made=other_audio), MADE_FAN, quantity)
    assert width(paired) < 0.5 * width(apart)


def test_a_gap_is_a_difference_of_differences(before: Side, after: Side):
    found = interval(before, after, MADE_FAN, Quantity("auc", "matched", True))
    real = interval(before, after)
    assert found.low == pytest.approx(-(real.high or 0.0))  # generated clips score the same
    assert found.high == pytest.approx(-(real.low or 0.0))


def test_a_mean_over_sections_has_an_interval_too(before: Side, after: Side):
    key = Key("fan", None, None, "ae", "made")
    machine = interval(before, after, key, Quantity("auc", "matched", True))
    both = interval(before, after, replace(key, machine=None), Quantity("auc", "matched", True))
    assert width(both) == pytest.approx(0.5 * width(machine), rel=0.01)  # the valve is unchanged


def test_fits_of_the_detector_add_their_variance():
    def fits(noise: float, seed: int) -> pd.DataFrame:
        return scores(repeats=3, noise=noise, seed=seed)

    calm = interval(side(fits(0.05, 1), 3), side(fits(0.05, 2), 3))
    wild = interval(side(fits(0.6, 1), 3), side(fits(0.6, 2), 3))
    assert width(wild) > 2 * width(calm)


def test_the_same_scores_need_no_interval(before: Side):
    assert interval(before, before) == Paired(0.0, 0.0, "identical scores")
    assert compare(before, before).verdict == "same"
    scaled = replace(before, scores=before.scores.assign(score=before.scores["score"] * 3))  # type: ignore[union-attr]
    assert interval(before, scaled) == Paired(0.0, 0.0, "identical ranks")


def test_scores_of_another_run_are_not_used(before: Side, after: Side):
    mixed = Side(after.report, before.scores)
    found = interval(before, mixed)
    assert found.low is None
    assert "not this report's" in (found.reason or "")


def test_without_scores_the_tolerance_decides_and_a_note_says_so(before: Side, after: Side):
    outcome = compare(before.report, after, 0.02)
    assert outcome.exit_code == 3
    assert any("no scores.parquet beside base" in note for note in outcome.notes)
    assert all(row.low is None for row in outcome.rows)


def test_statuses(regression: Comparison):
    of = {(str(row.key), row.value): row for row in regression.rows}
    real = of["fan/00/source/ae", "auc_real"]
    assert (real.status, real.fails) == ("regression", True)
    assert of["fan/00/source/knn", "auc_real"].status == "within tolerance"
    assert of["valve/00/all/ae", "auc_real"].method == "identical scores"
    assert of["fan/00/all/ae/made", "auc_matched"].status == "within tolerance"
    assert of["fan/ae/made", "auc_matched_gap"].status == "regression"
    assert regression.changes[0].status == "regression"


def test_what_reaches_beyond_the_tolerance_is_unresolved_and_fails_not():
    before = side(scores())
    noisy = side(scores(noise=0.1, seed=3))
    outcome = compare(before, noisy, 0.012, {"auc": 0.012})
    found = [row for row in outcome.unresolved if not row.beyond]
    assert found
    assert not any(row.fails for row in found)
    assert "more clips are needed" in (found[0].reason or "")
    wide = compare(before, noisy, gates={"auc": 0.2})
    assert (wide.verdict, len(wide.changes)) == ("same", 0)


def test_the_interval_never_excuses_a_number():
    before = side(scores())
    noisy = side(scores(noise=0.4, seed=5))
    outcome = compare(before, noisy, 0.0, {"auc": 0.0})
    chance = [row for row in outcome.unresolved if row.beyond]
    assert chance
    assert all(row.fails for row in chance)
    assert "includes 0" in (chance[0].reason or "")
    assert outcome.exit_code == 3


def test_clips_of_one_recording_count_once():
    """Every clip twice, each pair cut from one recording: no more is known than from one."""

    def twice(table: pd.DataFrame, recording: bool) -> pd.DataFrame:
        both = pd.concat([table, table.assign(clip=table["clip"] + "b")], ignore_index=True)
        cut = both["clip"].str.removesuffix("b") if recording else None
        return both.assign(recording=pd.Series(cut, dtype="string", index=both.index))

    tables = scores(), scores(worse=0.6)
    once = interval(*(side(table) for table in tables))
    apart = interval(*(side(twice(table, recording=False)) for table in tables))
    together = interval(*(side(twice(table, recording=True)) for table in tables))
    assert width(together) == pytest.approx(width(once), rel=0.02)
    assert width(apart) == pytest.approx(width(once) / np.sqrt(2), rel=0.02)
