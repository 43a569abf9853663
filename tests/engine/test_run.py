from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

import asdbench
from asdbench.engine.run import run
from asdbench.errors import BadClipError, DataError
from toy import events


def run_toy(suite: Path, tmp_path: Path, name: str = "run", **options):
    options = {"store": tmp_path / "store", "workers": 0, **options}
    return run(suite, out=tmp_path / name, **options)


def test_run_writes_its_folder(toy_suite: Path, tmp_path: Path):
    result = run_toy(toy_suite, tmp_path)
    assert result.complete
    names = {str(path.relative_to(result.folder)) for path in result.folder.rglob("*.*")}
    assert {
        "suite.yaml",
        "suite.lock.yaml",
        "run.json",
        "events.jsonl",
        "scores.parquet",
        "report/report.json",
        "report/report.md",
        "report/tables/cells.csv",
        "audio/perturbed_fan_00_anomaly.wav",
    } <= names
    # 2 machines x (source, target, all) x 2 detectors x 2 grids
    assert len(result.report.cells) == 24
    assert {e["event"] for e in events(result.folder)} == {"started", "finished"}


def test_auc_agrees_with_scikit_learn_on_the_score_table(toy_suite: Path, tmp_path: Path):
    result = run_toy(toy_suite, tmp_path)
    scores = pd.read_parquet(result.folder / "scores.parquet")
    checked = 0
    for cell in result.report.cells:
        mine = scores[
            (scores.detector == cell.detector)
            & (scores.machine == cell.machine)
            & (scores.section == cell.section)
        ]
        real = mine[mine.origin == "real"]
        normal = real[real.label == "normal"]
        if cell.domain != "all":
            normal = normal[normal.domain == cell.domain]
        arms = {"real": real[real.label == "anomaly"], "generated": mine[mine.origin == cell.grid]}
        for arm, anomalies in arms.items():
            truth = np.r_[np.zeros(len(normal)), np.ones(len(anomalies))]
            values = np.r_[normal.score, anomalies.score]
            expected = roc_auc_score(truth, values)
            assert getattr(cell.auc, arm) == pytest.approx(expected, abs=1e-12)
            checked += 1
            if cell.domain == "all":
                expected = roc_auc_score(truth, values, max_fpr=0.1)
                assert getattr(cell.pauc, arm) == pytest.approx(expected, abs=1e-12)
        assert cell.auc.gap == pytest.approx(cell.auc.generated - cell.auc.real)
        assert cell.auc.gap_low is None or cell.auc.gap_low <= cell.auc.gap <= cell.auc.gap_high
    assert checked == 48


def test_a_flipped_sign_flips_the_auc(toy_suite: Path, tmp_path: Path):
    report = run_toy(toy_suite, tmp_path).report
    by_key = {(c.machine, c.domain, c.detector, c.grid): c for c in report.cells}
    for (machine, domain, detector, grid), cell in by_key.items():
        if detector == "level":
            other = by_key[machine, domain, "flipped", grid]
            assert other.auc.real == pytest.approx(1 - cell.auc.real)


def test_second_run_is_served_from_the_store_with_the_same_bytes(toy_suite: Path, tmp_path: Path):
    first = run_toy(toy_suite, tmp_path, "a")
    second = run_toy(toy_suite, tmp_path, "b")
    assert json.loads((second.folder / "run.json").read_text())["tasks_done"] == 0
    text = (first.folder / "report/report.json").read_bytes()
    assert text == (second.folder / "report/report.json").read_bytes()


def test_workers_change_no_byte(toy_suite: Path, tmp_path: Path):
    alone = run_toy(toy_suite, tmp_path, "a", store=tmp_path / "s1")
    crew = run_toy(toy_suite, tmp_path, "b", store=tmp_path / "s2", workers=2)
    text = (alone.folder / "report/report.json").read_bytes()
    assert text == (crew.folder / "report/report.json").read_bytes()


def test_report_names_no_path_and_no_host(toy_suite: Path, tmp_path: Path):
    result = run_toy(toy_suite, tmp_path)
    text = (result.folder / "report/report.json").read_text()
    import platform

    assert str(tmp_path) not in text
    assert platform.node() not in text


def test_detectors_that_differ_in_score_parameters_share_a_fit(toy_suite: Path, tmp_path: Path):
    result = run_toy(toy_suite, tmp_path)
    fits = [e for e in events(result.folder) if e["event"] == "started" and e["kind"] == "detector"]
    assert len(fits) == 2  # one a machine, for two entries of the suite


def test_a_failing_detector_fails_its_rows_only(toy_suite: Path, tmp_path: Path):
    result = run_toy(toy_suite, tmp_path, overrides=["detectors.level.params.fail=fit"])
    assert not result.complete
    status = {(c.detector, c.status) for c in result.report.cells}
    assert status == {("level", "error"), ("flipped", "ok")}
    errors = {p.error for p in result.report.problems}
    assert errors == {"ValueError", "upstream"}
    assert any("no luck today" in p.message for p in result.report.problems)
    incomplete = [m for m in result.report.means if m.detector == "level"]
    assert all(m.auc_real is None and m.reason for m in incomplete)
    assert "no luck today" in (result.folder / "report/report.md").read_text()


def test_scores_that_are_not_finite_are_an_error(toy_suite: Path, tmp_path: Path):
    result = run_toy(toy_suite, tmp_path, overrides=["detectors.level.params.fail=nan"])
    assert any("not finite" in p.message for p in result.report.problems)
    assert "NaN" not in (result.folder / "report/report.json").read_text()


def test_a_dying_worker_fails_its_task_only(toy_suite: Path, tmp_path: Path):
    overrides = ["detectors.level.params.fail=die"]
    result = run_toy(toy_suite, tmp_path, overrides=overrides, workers=2)
    assert {c.status for c in result.report.cells if c.detector == "flipped"} == {"ok"}
    assert {p.error for p in result.report.problems} == {"WorkerDied", "upstream"}


def test_a_failed_task_is_tried_again(toy_suite: Path, tmp_path: Path):
    plugin = toy_suite.parent / "level.py"
    text = plugin.read_text()
    plugin.write_text(
        text.replace(
            "def fit(self, train, context):", "def fit(self, train, context):\n        1 / 0"
        )
    )
    assert not run_toy(toy_suite, tmp_path, "a").complete
    plugin.write_text(text)
    assert run_toy(toy_suite, tmp_path, "b").complete


def test_bad_clip_is_an_error_by_default(toy_suite: Path, tmp_path: Path):
    broken = toy_suite.parent / "fan_source_test_anomaly_0.wav"
    broken.write_bytes(broken.read_bytes()[:1000])
    with pytest.raises(
        BadClipError, match=r"(?s)1 of 80 clips.*fan_source_test_anomaly_0\.wav"
    ) as caught:
        run_toy(toy_suite, tmp_path)
    assert "on_bad_clip: skip" in str(caught.value)


def test_bad_clip_can_be_skipped_and_is_listed(toy_suite: Path, tmp_path: Path):
    broken = toy_suite.parent / "fan_source_test_normal_0.wav"
    broken.write_bytes(b"")
    result = run_toy(toy_suite, tmp_path, overrides=["on_bad_clip=skip"])
    assert result.complete
    assert list(result.report.data.skipped) == ["fan_source_test_normal_0.wav"]
    assert result.report.data.n_test_normal == 23
    assert "fan_source_test_normal_0.wav" in (result.folder / "report/report.md").read_text()


def test_changed_audio_is_noticed(toy_suite: Path, tmp_path: Path):
    import soundfile

    before = run_toy(toy_suite, tmp_path, "a").report
    clip = toy_suite.parent / "fan_source_test_anomaly_0.wav"
    audio, rate = soundfile.read(clip)
    soundfile.write(clip, audio * 0.5, rate, subtype="PCM_16")
    after = run_toy(toy_suite, tmp_path, "b").report
    assert before.data.digest != after.data.digest


def test_fresh_uses_a_store_of_its_own(toy_suite: Path, tmp_path: Path):
    first = run_toy(toy_suite, tmp_path, "a")
    fresh = run_toy(toy_suite, tmp_path, "b", fresh=True)
    assert json.loads((fresh.folder / "run.json").read_text())["tasks_done"] > 0
    assert (first.folder / "report/report.json").read_bytes() == (
        fresh.folder / "report/report.json"
    ).read_bytes()


def test_without_generators_only_real_values(toy_suite: Path, tmp_path: Path):
    text = toy_suite.read_text()
    start, end = text.index("generators:"), text.index("detectors:")
    toy_suite.write_text(text[:start] + text[end:])
    report = run_toy(toy_suite, tmp_path).report
    assert report.complete
    assert {c.grid for c in report.cells} == {None}
    assert all(c.auc.generated is None and c.auc.real is not None for c in report.cells)
    assert report.data.n_test_anomaly == 24


def test_repeats_are_averaged_with_a_wider_reason(toy_suite: Path, tmp_path: Path):
    result = run_toy(toy_suite, tmp_path, overrides=["seeds.detector_repeats=3"])
    scores = pd.read_parquet(result.folder / "scores.parquet")
    assert sorted(scores.repeat.unique()) == [0, 1, 2]
    assert {c.repeats for c in result.report.cells} == {3}
    methods = {c.auc.method for c in result.report.cells if c.auc.method}
    assert all("3 fits of the detector" in m for m in methods)
    assert methods


def test_only_one_machine(toy_suite: Path, tmp_path: Path):
    report = run_toy(toy_suite, tmp_path, only=["machine=fan"]).report
    assert {c.machine for c in report.cells} == {"fan"}


def test_empty_selection_says_what_there_is(toy_suite: Path, tmp_path: Path):
    with pytest.raises(DataError, match="no machine 'crane'") as caught:
        run_toy(toy_suite, tmp_path, overrides=["dataset.machines=[crane]"])
    assert "fan, pump" in str(caught.value)


def test_python_api_is_exported(toy_suite: Path, tmp_path: Path):
    result = asdbench.run(toy_suite, out=tmp_path / "r", store=tmp_path / "s", workers=0)
    assert asdbench.compare(result.report, result.report).verdict == "same"


LOUD = """
import numpy as np
from asdbench.api import GeneratedBatch, Generator, GeneratorInfo, generator


@generator("loud")
class Loud(Generator):
    info = GeneratorInfo(id="loud", version="1")

    def fit(self, train, context): ...

    def generate(self, requests, train, context):
        for r in requests:
            audio = 3 * np.random.default_rng(r.seed).standard_normal(r.samples * 3 // 2)
            yield GeneratedBatch([audio.astype(np.float32)], 24000)

    def save(self, folder): ...

    @classmethod
    def load(cls, folder, params, context):
        return cls(params)
"""


def test_other_rates_and_levels_of_a_generator_are_brought_to_the_suites(toy_suite, tmp_path):
    import soundfile

    (toy_suite.parent / "loud.py").write_text(LOUD)
    text = toy_suite.read_text().replace("use: perturb}", "use: ./loud.py:Loud}")
    toy_suite.write_text(text)
    result = run_toy(toy_suite, tmp_path)
    assert result.complete, result.report.problems
    audio, rate = soundfile.read(result.folder / "audio/perturbed_fan_00_anomaly.wav")
    assert (rate, len(audio)) == (16000, 8000)
    assert 0.9 < np.abs(audio).max() <= 1.0
    notes = [json.loads(p.read_text()) for p in (tmp_path / "store/clips").rglob("clips.json")]
    assert any("scaled_to_full_scale_db" in row["notes"] for entry in notes for row in entry)


def test_skipped_clips_are_named_without_the_machines_paths(toy_suite, tmp_path):
    (toy_suite.parent / "fan_source_test_normal_0.wav").write_bytes(b"RIFF")
    result = run_toy(toy_suite, tmp_path, overrides=["on_bad_clip=skip"])
    (why,) = result.report.data.skipped.values()
    assert str(tmp_path) not in why
    assert why.startswith("fan_source_test_normal_0.wav")
