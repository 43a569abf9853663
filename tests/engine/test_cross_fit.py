"""Cross-fitting, repeats of generators and sweeps, laid out and run."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from asdbench.engine.material import lent_by_suite
from asdbench.engine.plan import Plan, data_problems, make_plan
from asdbench.engine.run import run
from asdbench.engine.store import Store
from asdbench.engine.tasks import FitGenerator, MakeClips, SweepClips
from asdbench.errors import DataError
from asdbench.report.build import scored_arms
from asdbench.suite import load_suite
from toy import GENERATOR, events

SPLIT = "split: {generator_train: 0.5, generator_normals: 0.5}"
SWEEP = '  sweep: {generator: tape, clips_per_cell: 3, axes: {fan: {"00": {speed: %s}}}}\n'
DATA_AND_9 = "{from: dataset, add: [9]}"


def rewrite(suite: Path, *changes: tuple[str, str]) -> Path:
    text = suite.read_text()
    for old, new in changes:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    suite.write_text(text)
    return suite


def crossed(suite: Path, by: str = "clip", folds: int = 3) -> Path:
    return rewrite(suite, (SPLIT, f"split: {{folds: {folds}, by: {by}, generator_normals: 0.5}}"))


def sweeping(suite: Path, axis: str = DATA_AND_9) -> Path:
    return rewrite(suite, ("detectors:\n", SWEEP % axis + "detectors:\n"))


def plan_of(suite: Path, tmp_path: Path, *overrides: str) -> Plan:
    return make_plan(load_suite(suite, overrides), Store(tmp_path / "store"))


def run_it(suite: Path, tmp_path: Path, name: str = "run", **options):
    options = {"store": tmp_path / "store", "workers": 0, **options}
    return run(suite, out=tmp_path / name, **options)


@pytest.mark.parametrize("by", ["clip", "condition"])
def test_no_clip_is_made_like_one_that_its_fit_learned_from(arms_suite, tmp_path, by):
    plan = plan_of(crossed(arms_suite, by, folds=2), tmp_path)
    trained = {t.entry: t for t in plan.tasks if isinstance(t, FitGenerator)}
    assert len(trained) == 2 * 2  # machines x folds
    followed: Counter[tuple[str, str]] = Counter()
    for task in plan.tasks:
        if isinstance(task, MakeClips):
            train = trained[task.fitted].train
            assert not {r.digest for r in task.real} & {r.digest for r in train}
            followed.update((task.grid, ref.digest) for ref in task.real)
            if by == "condition" and task.label == "anomaly":
                learned = {r.condition.attributes for r in train if r.label == "anomaly"}
                assert learned
                assert not {r.condition.attributes for r in task.real} & learned
    # Every real clip is followed once by every grid: 2 x 2 grids, 24 normals or anomalies.
    assert set(followed.values()) == {1}
    assert len(followed) == 4 * 24


@pytest.mark.slow
def test_a_crossed_run_evaluates_every_anomaly(arms_suite, tmp_path):
    result = run_it(crossed(arms_suite), tmp_path)
    assert result.complete
    whole = [c for c in result.report.cells if c.domain == "all"]
    assert {c.n_anomaly_real for c in whole} == {12}
    assert {c.n_anomaly_generated for c in whole} == {12}
    data = result.report.data
    assert data.n_test_anomaly == data.n_generator_train_anomaly == 24
    assert [f.n_generator_train_anomaly for f in data.folds] == [16, 16, 16]
    assert [f.n_test_anomaly for f in data.folds] == [8, 8, 8]
    assert {f.n_generator_train_normal for f in data.folds} == {data.n_generator_train_normal}
    assert data.folds_by == "clip"
    page = (result.folder / "report/report.md").read_text()
    assert "in 3 folds: each generator was fitted 3 times" in page
    scores = pd.read_parquet(result.folder / "scores.parquet")
    made = scores[(scores.origin == "made") & (scores.detector == "level")]
    assert made["clip"].is_unique
    coded = scores[(scores.origin == "coded") & (scores.detector == "level")]
    real = scores[(scores.origin == "real") & (scores.detector == "level")]
    assert set(coded.copy_of) == set(real[real.label == "anomaly"]["clip"])
    # The tape gives training clips back: each clip is a copy of one that its own fit learned from.
    row = next(r for r in result.report.quality if (r.grid, r.machine) == ("made", "fan"))
    assert (row.real_clips, row.generated_clips, row.train_clips) == (12, 12, 8 + 12)
    assert row.copied_share == pytest.approx(1.0)
    assert row.nearness > 0.999 > row.nearness_real  # real clips of the fold are no copies
    assert any("3 folds" in note for note in row.notes)
    assert len(row.suspects) == 12


def test_folds_change_no_request_and_no_seed(arms_suite, tmp_path):
    def asked(plan: Plan) -> set[tuple[str, str, str, int]]:
        return {
            (task.grid, str(ref.condition), ref.digest, seed)
            for task in plan.tasks
            if isinstance(task, MakeClips)
            for ref, seed in zip(task.real, task.seeds, strict=True)
        }

    two = asked(plan_of(crossed(arms_suite, folds=2), tmp_path))
    assert two == asked(plan_of(arms_suite, tmp_path, "split.folds=6"))


def test_one_condition_alone_cannot_be_crossed(arms_suite, tmp_path):
    rows = (arms_suite.parent / "clips.csv").read_text().replace(",7\n", ",6\n")
    (arms_suite.parent / "clips.csv").write_text(rows.replace(",7\r\n", ",6\r\n"))
    suite = crossed(arms_suite, "condition")
    fan, _ = data_problems(load_suite(suite))
    assert fan.startswith("fan: all anomalies share one condition")
    with pytest.raises(DataError, match="split by clip"):
        plan_of(suite, tmp_path)
    assert data_problems(load_suite(suite, ["split.by=clip"])) == []


def test_folds_without_anomalies_are_a_mistake(arms_suite, tmp_path):
    suite = crossed(arms_suite, "condition", folds=3)
    fan, _ = data_problems(load_suite(suite))
    assert fan.startswith("fan: 3 folds, but its anomalies have 2 conditions")
    with pytest.raises(DataError, match=r"set split\.folds to 2 or fewer, or split by clip"):
        plan_of(suite, tmp_path)
    assert data_problems(load_suite(suite, ["split.folds=2"])) == []
    clips = ["split.by=clip", "split.folds=13"]
    fan, _ = data_problems(load_suite(suite, clips))
    assert fan.startswith("fan: 13 folds, but its anomalies have 12 clips (or recordings)")
    assert data_problems(load_suite(suite, [clips[0], "split.folds=12"])) == []


def test_a_crossed_suite_lends_no_clips_to_a_training(arms_suite, tmp_path):
    with pytest.raises(DataError, match="crosswise"):
        lent_by_suite(load_suite(crossed(arms_suite)), Store(tmp_path / "store"))


REPEATS = ("statistics:", "seeds: {generator_repeats: 2}\nstatistics:")


@pytest.mark.slow
def test_repeats_of_a_generator_are_told_apart(arms_suite, tmp_path):
    first = run_it(arms_suite, tmp_path, "once")
    result = run_it(rewrite(arms_suite, REPEATS), tmp_path)
    assert result.complete
    scores = pd.read_parquet(result.folder / "scores.parquet")
    assert scores.generation.dtype == np.int32
    assert set(scores[scores.origin == "real"].generation) == {0}
    for grid in ("made", "made-normals", "coded", "coded-normals"):
        clips = scores[(scores.origin == grid) & (scores.detector == "level")]
        clips_each = 24 if grid.endswith("normals") else 12
        assert Counter(clips.generation) == {0: clips_each, 1: clips_each}
        assert clips["clip"].is_unique
    # The noise of the codec is drawn anew; the first repeat is that of a suite without repeats.
    coded = scores[(scores.origin == "coded") & (scores.detector == "level")]
    by_clip = coded.pivot(index="copy_of", columns="generation", values="score")
    assert (by_clip[0] != by_clip[1]).all()
    once = pd.read_parquet(first.folder / "scores.parquet")
    both = once.merge(scores, on=["clip", "detector", "origin"], suffixes=("", "_again"))
    assert len(both) == len(once)
    assert (both.score == both.score_again).all()
    done = Counter(e["kind"] for e in events(result.folder) if e["event"] == "started")
    assert done["generator"] == 2  # the second fit of each machine
    assert "detector" not in done
    sizes = [[c.n_anomaly_generated for c in r.report.cells] for r in (first, result)]
    assert sizes[0] == sizes[1]  # of one fit, as in the arms
    row = result.report.arms[0]
    assert row.matched.auc is not None
    assert row.artifact.auc is not None


def test_a_sweep_serves_the_coverage_map_alone(arms_suite, tmp_path):
    plain = run_it(arms_suite, tmp_path, "plain")
    result = run_it(sweeping(arms_suite), tmp_path)
    assert result.complete
    facts = result.report.grids["sweep"]
    assert (facts.match, facts.clips_per_cell, facts.refused) == ("axes", 3, ())
    assert facts.axes["fan"]["00"]["speed"] == {"from": "dataset", "add": [9], "values": []}
    scores = pd.read_parquet(result.folder / "scores.parquet")
    swept = scores[(scores.origin == "sweep") & (scores.detector == "level")]
    assert Counter(c.rpartition("/")[2] for c in swept.condition) == {
        "speed=6": 3,
        "speed=7": 3,
        "speed=9": 3,
    }
    assert set(swept.machine) == {"fan"}
    old, new = plain.report, result.report
    for rows in ("cells", "means", "official", "arms", "arm_means", "artifacts", "quality"):
        assert getattr(old, rows) == getattr(new, rows), rows
    assert "for the coverage map only" in (result.folder / "report/report.md").read_text()
    again = run_it(arms_suite, tmp_path, "again")
    assert not (again.folder / "events.jsonl").exists()
    pages = [(r.folder / "report/report.json").read_bytes() for r in (result, again)]
    assert pages[0] == pages[1]


def test_another_value_makes_no_other_clip_anew(arms_suite, tmp_path):
    def cells(plan: Plan) -> dict[str, str]:
        tasks = [t for t in plan.tasks if isinstance(t, SweepClips)]
        return {str(t.real[0].condition): t.entry.key for t in tasks}

    few = plan_of(sweeping(arms_suite), tmp_path)
    more = plan_of(rewrite(arms_suite, ("add: [9]", "add: [1, 9, 11]")), tmp_path)
    assert cells(few).items() < cells(more).items()
    assert len(cells(more)) == 5
    names = [{r.clip for p in plan.pools for r in p.rows} for plan in (few, more)]
    assert names[0] < names[1]


def test_a_sweep_of_a_crossed_suite_leaves_held_conditions_to_their_fit(arms_suite, tmp_path):
    plan = plan_of(sweeping(crossed(arms_suite, "condition", 2)), tmp_path)
    learned = {
        t.entry: {r.condition.attributes for r in t.train if r.label == "anomaly"}
        for t in plan.tasks
        if isinstance(t, FitGenerator)
    }
    count: Counter[str] = Counter()
    for task in plan.tasks:
        if isinstance(task, SweepClips):
            for ref in task.real:
                count[ref.condition.attributes[0][1]] += 1
                assert ref.condition.attributes not in learned[task.fitted]
    assert count == {"6": 3, "7": 3, "9": 3}


SHY = GENERATOR.replace('"tape"', '"shy"').replace(
    "    def fit(",
    """    def refuses(self, request):
        speed = dict(request.condition.attributes)["speed"]
        return "too fast" if float(speed) > 8 else None

    def fit(""",
)


def test_a_refused_condition_is_recorded_and_the_rest_is_made(arms_suite, tmp_path):
    (arms_suite.parent / "tape.py").write_text(SHY)
    rewrite(arms_suite, ("use: tape", "use: shy"))
    result = run_it(sweeping(arms_suite, "{from: dataset, add: [9, 8]}"), tmp_path)
    assert result.complete
    assert not result.report.problems
    assert result.report.grids["sweep"].refused == ("fan/00/source/speed=9: too fast",)
    scores = pd.read_parquet(result.folder / "scores.parquet")
    swept = scores[scores.origin == "sweep"]
    assert set(swept.condition) == {f"fan/00/source/speed={speed}" for speed in (6, 7, 8)}
    assert swept.score.notna().all()
    page = (result.folder / "report/report.md").read_text()
    assert "it refused fan/00/source/speed=9: too fast" in page


def test_sweep_clips_have_the_most_common_length(arms_suite, tmp_path):
    import soundfile

    for file in sorted(arms_suite.parent.glob("fan_*_test_*.wav"))[:3]:
        audio, rate = soundfile.read(file)
        soundfile.write(file, audio[:6000], rate, subtype="PCM_16")
    (arms_suite.parent / "tape.py").write_text(
        GENERATOR.replace("clip.astype", "np.resize(clip, r.samples).astype")
    )
    sweeping(arms_suite)
    rewrite(
        arms_suite,
        ("  made: {generator: tape, label: anomaly}\n", ""),
        ("  made-normals: {generator: tape, label: normal}\n", ""),
    )
    run_it(arms_suite, tmp_path)
    plan = plan_of(arms_suite, tmp_path)
    for task in plan.tasks:
        if isinstance(task, SweepClips):
            folder = Store(tmp_path / "store").path("clips", task.entry.key)
            assert {soundfile.info(f).frames for f in folder.glob("*.wav")} == {8000}
            assert len(json.loads((folder / "clips.json").read_text())) == 3


def test_recordings_are_in_the_score_table_which_may_lack_them(arms_suite, tmp_path):
    file = arms_suite.parent / "clips.csv"
    clips = pd.read_csv(file, dtype=str)
    clips["recording"] = [f"r{i // 2}" for i in range(len(clips))]
    clips.to_csv(file, index=False)
    result = run_it(arms_suite, tmp_path)
    scores = pd.read_parquet(result.folder / "scores.parquet")
    known = dict(zip(clips.path, clips.recording, strict=True))
    real = scores[scores.origin == "real"]
    assert [known[name] for name in real["clip"]] == list(real.recording)
    coded = scores[scores.origin == "coded"]
    assert [known[name] for name in coded.copy_of] == list(coded.recording)
    assert scores[scores.origin == "made"].recording.isna().all()
    older = scores.drop(columns=["generation", "recording"])
    assert scored_arms(older).keys() == scored_arms(scores).keys()
