from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import soundfile

from asdbench.audio import AudioFormat
from asdbench.engine.plan import make_plan
from asdbench.engine.run import run
from asdbench.engine.store import Store
from asdbench.suite import load_suite
from toy import events


def run_arms(suite: Path, tmp_path: Path, name: str = "run", **options):
    options = {"store": tmp_path / "store", "workers": 0, **options}
    return run(suite, out=tmp_path / name, **options)


def test_every_test_clip_of_the_label_goes_through_the_codec_once(arms_suite, tmp_path):
    result = run_arms(arms_suite, tmp_path)
    assert result.complete, result.report.problems
    scores = pd.read_parquet(result.folder / "scores.parquet")
    for grid, label in (("coded", "anomaly"), ("coded-normals", "normal")):
        real = scores[(scores.origin == "real") & (scores.label == label)]
        coded = scores[scores.origin == grid]
        keys = ["detector", "machine", "section", "domain", "label", "condition"]
        pairs = coded.merge(real, left_on=["copy_of", *keys], right_on=["clip", *keys])
        assert len(pairs) == len(coded) == len(real)
        assert (pairs.score_x - pairs.score_y).abs().max() < 0.01  # little is added
        assert (pairs.score_x != pairs.score_y).all()
    assert scores[~scores.origin.str.startswith("coded")].copy_of.isna().all()


def test_a_coded_clip_is_the_clip_with_the_noise_of_its_own_seed(arms_suite, tmp_path):
    result = run_arms(arms_suite, tmp_path)
    loaded = load_suite(arms_suite)
    store = Store(tmp_path / "store")
    plan = make_plan(loaded, store)
    (task,) = [t for t in plan.tasks if t.title == "roundtrip coded fan/00"]
    rows = json.loads((store.path("clips", task.entry.key) / "clips.json").read_text())
    assert [row["seed"] for row in rows] == list(task.seeds)
    assert len(set(task.seeds)) == len(task.seeds) == 6
    for index, (ref, seed) in enumerate(zip(task.real, task.seeds, strict=True)):
        clip, _ = soundfile.read(ref.path)
        hiss = np.random.default_rng(seed).standard_normal(len(clip))
        made, rate = soundfile.read(store.path("clips", task.entry.key) / f"{index:06d}.wav")
        assert rate == AudioFormat().sample_rate
        expected = clip + 0.05 * np.std(clip) * hiss
        assert np.abs(made - expected).max() < 1e-4
    assert (result.folder / "audio/coded_fan_00_anomaly.wav").exists()


def test_the_codec_cannot_read_the_domain_from_the_order(arms_suite, tmp_path):
    plan = make_plan(load_suite(arms_suite), Store(tmp_path / "store"))
    for task in plan.tasks:
        if task.title.startswith("roundtrip"):
            domains = [ref.condition.domain for ref in task.real]
            assert domains not in (sorted(domains), sorted(domains, reverse=True))


def kinds_done(folder: Path) -> list[str]:
    if not (folder / "events.jsonl").exists():
        return []
    return [str(e["kind"]) for e in events(folder) if e["event"] == "started"]


def test_another_way_of_making_reuses_every_fit(arms_suite, tmp_path):
    run_arms(arms_suite, tmp_path, "a")
    text = arms_suite.read_text()
    coded = "coded: {generator: tape, label: anomaly, make: roundtrip}"
    assert coded in text
    arms_suite.write_text(text.replace(coded, "coded: {generator: tape, label: anomaly}"))
    second = run_arms(arms_suite, tmp_path, "b")
    assert kinds_done(second.folder) == []  # the same clips as those of the grid `made`
    scores = pd.read_parquet(second.folder / "scores.parquet")
    both = [scores[scores.origin == name].score.to_numpy() for name in ("made", "coded")]
    assert np.array_equal(*both)
    arms_suite.write_text(text.replace(", make: roundtrip}", "}", 1).replace("coded:", "x:", 1))
    third = run_arms(arms_suite, tmp_path, "c", overrides=["grids.x.multiplier=2"])
    assert set(kinds_done(third.folder)) == {"clips", "scores", "quality", "audit"}


def test_what_was_coded_is_not_coded_again(arms_suite, tmp_path):
    first = run_arms(arms_suite, tmp_path, "a")
    second = run_arms(arms_suite, tmp_path, "b", workers=1)
    assert kinds_done(second.folder) == []
    names = ("report/report.json", "report/report.md")
    for name in names:
        assert (first.folder / name).read_bytes() == (second.folder / name).read_bytes()
    one = ["generators.tape.params.hiss=0.1"]
    third = run_arms(arms_suite, tmp_path, "c", overrides=one)
    assert "detector" not in kinds_done(third.folder)
    assert kinds_done(third.folder).count("clips") == 8


def test_a_codec_that_loses_clips_fails_its_grids_only(arms_suite, tmp_path):
    result = run_arms(arms_suite, tmp_path, overrides=["generators.tape.params.lose=1"])
    assert not result.complete
    messages = {p.message for p in result.report.problems if p.error == "PluginError"}
    assert any("'tape' made 5 clips for 6 requests" in m for m in messages)
    titles = {p.task for p in result.report.problems}
    assert titles
    assert all("coded" in title for title in titles)
    assert {c.status for c in result.report.cells} == {"ok"}
