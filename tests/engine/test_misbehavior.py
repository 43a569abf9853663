"""Plug-ins that break their contract, and data that breaks expectations."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from asdbench.engine.local import _Crew
from asdbench.engine.run import run
from asdbench.engine.store import Store
from asdbench.errors import DataError, SuiteError

GENERATOR = """
import numpy as np
from asdbench.api import GeneratedBatch, Generator, GeneratorInfo


class Odd(Generator):
    info = GeneratorInfo(id="odd", version="1")

    def fit(self, train, context): ...

    def generate(self, requests, train, context):
        for r in requests:
            audio = 0.1 * np.random.default_rng(r.seed).standard_normal(r.samples)
            yield {batch}

    def save(self, folder): ...

    @classmethod
    def load(cls, folder, params, context):
        return cls(params)
"""


def run_toy(suite: Path, tmp_path: Path, **options):
    options = {"store": tmp_path / "store", "workers": 0, "out": tmp_path / "run", **options}
    return run(suite, **options)


def edit_manifest(suite: Path, change) -> None:
    path = suite.parent / "clips.csv"
    rows = list(csv.DictReader(path.open()))
    rows = [row for row in map(change, rows) if row is not None]
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


@pytest.mark.parametrize(
    ("batch", "message"),
    [
        ("GeneratedBatch([audio[:100]], 16000)", "100 samples at 16000 Hz instead of 8000"),
        ("GeneratedBatch([audio[None]], 16000)", "unusable clip"),
        ("GeneratedBatch([audio * np.nan], 16000)", "NaN"),
        ("GeneratedBatch([audio * 0], 16000)", "silent"),
        ("GeneratedBatch([(audio * 9e3).astype(np.int16)], 16000)", "int16"),
        ("GeneratedBatch([audio, audio], 16000)", "made a batch"),
        ("GeneratedBatch([], 16000)", "made 0 clips for"),
        ("GeneratedBatch([audio], 16000, [{}, {}])", "2 notes"),
    ],
)
def test_generators_that_break_their_contract(toy_suite, tmp_path, batch, message):
    (toy_suite.parent / "odd.py").write_text(GENERATOR.replace("{batch}", batch))
    toy_suite.write_text(toy_suite.read_text().replace("use: perturb}", "use: ./odd.py:Odd}"))
    result = run_toy(toy_suite, tmp_path, only=["machine=fan", "detector=level"])
    assert any(message in p.message for p in result.report.problems), result.report.problems
    by_grid = {c.grid: c for c in result.report.cells}
    failed, whole = by_grid["perturbed"], by_grid["resampled"]
    assert (failed.status, whole.status) == ("error", "ok")
    # What is known about the real clips is not lost with the generated ones.
    assert failed.auc.real == whole.auc.real
    assert failed.auc.generated is None
    assert "no scores of generated clips" in failed.auc.reason


@pytest.mark.parametrize(("how", "message"), [("decide", "decide()"), ("exit", "")])
def test_detectors_that_break_their_contract(toy_suite, tmp_path, how, message):
    result = run_toy(toy_suite, tmp_path, overrides=[f"detectors.level.params.fail={how}"])
    assert {c.status for c in result.report.cells if c.detector == "level"} == {"error"}
    assert {c.status for c in result.report.cells if c.detector == "flipped"} == {"ok"}
    first = next(p for p in result.report.problems if p.error != "upstream")
    assert message in first.message


def test_a_plugin_cannot_change_the_process_for_others(toy_suite, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before = Path.cwd()
    options = {"overrides": ["detectors.level.params.fail=state"], "store": Path("relative")}
    assert run_toy(toy_suite, tmp_path, **options).complete
    assert torch.get_default_dtype() == torch.float32
    assert Path.cwd() == before
    assert (tmp_path / "relative" / "scores").is_dir()


def test_order_of_clips_says_nothing_about_labels(toy_suite, tmp_path):
    run_toy(toy_suite, tmp_path)
    scores = pd.read_parquet(tmp_path / "run/scores.parquet")
    real = scores[(scores.origin == "real") & (scores.detector == "level")]
    for _, one in real.groupby("machine"):
        anomalous = (one.label == "anomaly").to_numpy()
        places = np.arange(len(one))
        assert abs(places[anomalous].mean() - places[~anomalous].mean()) < len(one) / 4


def test_a_grid_cannot_be_named_real(toy_suite, tmp_path):
    toy_suite.write_text(toy_suite.read_text().replace("  perturbed:", "  real:"))
    with pytest.raises(SuiteError, match="a grid cannot be named 'real'"):
        run_toy(toy_suite, tmp_path)


def test_another_channel_of_the_recordings(toy_suite, tmp_path):
    import soundfile

    for path in toy_suite.parent.glob("*.wav"):
        audio, rate = soundfile.read(path)
        soundfile.write(path, np.stack([audio * 0.5, audio], axis=1), rate, subtype="PCM_16")
    result = run_toy(toy_suite, tmp_path, overrides=["audio.channel=1"])
    assert result.complete, result.report.problems


def test_one_machine_with_domains_and_one_without(toy_suite, tmp_path):
    def change(row):
        return {**row, "domain": row["domain"] if row["machine"] == "fan" else ""}

    edit_manifest(toy_suite, change)
    result = run_toy(toy_suite, tmp_path)
    assert result.complete
    domains = {
        m: {c.domain for c in result.report.cells if c.machine == m} for m in ("fan", "pump")
    }
    assert domains == {"fan": {"source", "target", "all"}, "pump": {"all"}}
    overall = next(m for m in result.report.means if m.over == "detector")
    assert overall.n_cells == 3  # two domains of the fan, all of the pump
    assert result.report.official[0].real is None
    assert "pump" in (tmp_path / "run/report/report.md").read_text()


def test_sections_without_anomalies_are_named_before_any_work(toy_suite, tmp_path):
    edit_manifest(
        toy_suite, lambda r: None if (r["machine"], r["label"]) == ("fan", "anomaly") else r
    )
    with pytest.raises(DataError, match="fan/00: no anomalous test clips"):
        run_toy(toy_suite, tmp_path)
    assert not (tmp_path / "store" / "scores").exists()


def test_odd_machine_names_reach_tables_unharmed(toy_suite, tmp_path):
    names = {"fan": "a|b <script>/[/x] *y*", "pump": "泵 ../p"}
    edit_manifest(toy_suite, lambda row: {**row, "machine": names[row["machine"]]})
    result = run_toy(toy_suite, tmp_path)
    assert result.complete
    page = (tmp_path / "run/report/report.md").read_text()
    assert "<script>" not in page.replace("\\<script\\>", "")
    tables = [block.splitlines() for block in page.split("\n\n") if block.startswith("|")]
    named = [table for table in tables if any("a\\|b" in line for line in table)]
    assert len(named) > 2
    for table in named:  # a name adds no column
        assert len({line.replace("\\|", "").count("|") for line in table}) == 1
    samples = list((tmp_path / "run/audio").iterdir())
    assert len(samples) == 4
    assert all(path.suffix == ".wav" for path in samples)


def test_simulated_clips_in_a_manifest_are_called_simulated(toy_suite, tmp_path):
    assert not run_toy(toy_suite, tmp_path).report.data.simulated
    (toy_suite.parent / "simulated.json").write_text("{}")
    again = run_toy(toy_suite, tmp_path, out=tmp_path / "again")
    assert again.report.data.simulated
    assert "(simulated data)" in (tmp_path / "again/report/report.md").read_text()


def test_fresh_deletes_nothing(toy_suite, tmp_path):
    kept = tmp_path / "run" / "store" / "thesis.txt"
    kept.parent.mkdir(parents=True)
    kept.write_text("precious")
    with pytest.raises(DataError, match="starts with an empty store"):
        run_toy(toy_suite, tmp_path, fresh=True)
    assert kept.read_text() == "precious"


def test_the_run_of_another_suite_is_not_replaced(toy_suite, tmp_path):
    run_toy(toy_suite, tmp_path)
    report = tmp_path / "run/report/report.json"
    before = report.read_bytes()
    other = toy_suite.with_name("other.yaml")
    other.write_text(toy_suite.read_text().replace("name: toy", "name: other"))
    with pytest.raises(DataError, match="holds a run of suite 'toy'; this is suite 'other'") as e:
        run_toy(other, tmp_path)
    assert "--out DIR" in str(e.value)
    assert report.read_bytes() == before
    (tmp_path / "run/suite.lock.yaml").write_text("")
    with pytest.raises(DataError, match=r"suite\.lock\.yaml that cannot be read"):
        run_toy(toy_suite, tmp_path)


def test_samples_are_those_of_the_last_run_of_the_suite(toy_suite, tmp_path):
    (tmp_path / "run/audio").mkdir(parents=True)
    (tmp_path / "run/audio/song.wav").write_bytes(b"mine")
    run_toy(toy_suite, tmp_path)
    audio = tmp_path / "run/audio"
    first = {path.name for path in audio.iterdir()}
    assert "song.wav" in first  # no run was there before
    run_toy(toy_suite, tmp_path, only=["machine=fan"])
    last = {path.name for path in audio.iterdir()}
    assert last == {name for name in first if "_fan_" in name}


def test_unusable_places_are_one_error(toy_suite, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match=r"the store .* cannot be written to"):
        run_toy(toy_suite, tmp_path, store=tmp_path / "file")
    with pytest.raises(DataError, match="run folder"):
        run_toy(toy_suite, tmp_path, out=tmp_path / "file" / "run")


def test_a_damaged_entry_is_named(toy_suite, tmp_path):
    run_toy(toy_suite, tmp_path)
    damaged = next((tmp_path / "store/scores").rglob("scores.npy"))
    damaged.write_bytes(damaged.read_bytes()[:20])
    with pytest.raises(DataError, match="is damaged") as caught:
        run_toy(toy_suite, tmp_path)
    assert str(damaged.parent) in str(caught.value)


def test_an_idle_worker_that_died_is_replaced(tmp_path):
    with _Crew(1, Store(tmp_path), "cpu") as crew:
        first = crew._workers[0]
        first.process.kill()
        first.process.join()
        crew.give("not a task")  # the new worker fails it, which is an answer
        (message,) = crew.listen()
        assert crew._workers[0].process is not first.process
        assert message.failure is not None


def test_traces_stay_out_of_the_report(toy_suite, tmp_path):
    result = run_toy(toy_suite, tmp_path, overrides=["detectors.level.params.fail=fit"])
    text = (result.folder / "report/report.json").read_text()
    assert "no luck today" in text
    assert "Traceback" not in text
    assert str(toy_suite.parent) not in text
    log = [json.loads(line) for line in (tmp_path / "run/events.jsonl").read_text().splitlines()]
    assert any("Traceback" in event.get("trace", "") for event in log)


def test_an_evaluation_set_without_labels_is_scored(toy_suite, tmp_path, monkeypatch):
    """As the challenge publishes it: scores are made, and no metric."""
    from dataclasses import replace as changed

    from asdbench.datasets.manifest import Manifest

    listed = Manifest.clips

    def unlabelled(self):
        return [changed(c, label=None) if c.split == "test" else c for c in listed(self)]

    monkeypatch.setattr(Manifest, "clips", unlabelled)
    text = toy_suite.read_text()
    start, end = text.index("generators:"), text.index("detectors:")
    toy_suite.write_text(text[:start] + text[end:])
    result = run_toy(toy_suite, tmp_path)
    assert result.report.data.n_test_unlabelled == 48
    assert {c.status for c in result.report.cells} == {"empty"}
    assert {c.reason for c in result.report.cells} == {"no labelled test clips"}
    scores = pd.read_parquet(tmp_path / "run/scores.parquet")
    assert len(scores) == 96
    assert scores.label.isna().all()


def test_wrong_data_leaves_no_run_folder(toy_suite, tmp_path):
    (toy_suite.parent / "clips.csv").unlink()
    with pytest.raises(DataError):
        run_toy(toy_suite, tmp_path)
    assert not (tmp_path / "run").exists()
