"""The audits of a run whose generators have known defects."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile

from asdbench.engine.plan import make_plan
from asdbench.engine.run import run
from asdbench.engine.store import Store
from asdbench.suite import load_suite
from toy import DETECTOR

ECHO = '''
import json
from pathlib import Path

import numpy as np

from asdbench.api import (
    GeneratedBatch, Generator, GeneratorInfo, Params, TrainingClip, TrainingManifest, generator
)
from asdbench.conditions import parse_condition


class EchoParams(Params):
    heeds: bool = True
    """Whether a clip has the tone that was asked for."""
    says: str = "nothing"
    """What it says it learned from elsewhere: `nothing`, `unknown`, or a list of clips."""


class Mute(Generator):
    """Makes tones in noise; says nothing of what it learned from."""

    info = GeneratorInfo(id="mute", version="1", params=EchoParams)

    def fit(self, train, context): ...

    def generate(self, requests, train, context):
        for r in requests:
            rng = np.random.default_rng(r.seed)
            speed = dict(r.condition.attributes)["speed"] if self.params.heeds else "6"
            time = np.arange(r.samples) / train.sample_rate
            level = 0.25 if r.label == "anomaly" else 0.1
            tone = np.sin(2 * np.pi * 100 * int(speed) * time) + rng.standard_normal(r.samples)
            clip = (level * tone / 4).astype(np.float32)
            yield GeneratedBatch([clip], train.sample_rate)

    def save(self, folder):
        (folder / "echo.json").write_text(json.dumps({}))

    @classmethod
    def load(cls, folder, params, context):
        return cls(params)


generator("mute")(Mute)


@generator("echo")
class Echo(Mute):
    """The same, and says what it learned from."""

    info = GeneratorInfo(id="echo", version="1", params=EchoParams)

    def training_manifest(self):
        if self.params.says == "nothing":
            return TrainingManifest()
        if self.params.says == "unknown":
            return None
        rows = [line.split() for line in Path(self.params.says).read_text().splitlines()]
        clips = [TrainingClip(d, parse_condition(c), label) for d, c, label in rows]
        return TrainingManifest(clips, 16000)
'''

SUITE = """\
schema: asdbench/suite@1
name: audits
dataset: {use: manifest, file: clips.csv}
plugins: [./level.py, ./echo.py]
split: {generator_train: 0.5, generator_normals: 0.5, by: BY}
generators:
  - {id: heeding, use: echo}
  - {id: deaf, use: echo, params: {heeds: false}}
  - {id: mute, use: mute}
  - {id: resample, use: resample}
grids:
  heeded: {generator: heeding, multiplier: 2}
  heeded-normals: {generator: heeding, label: normal}
  ignored: {generator: deaf, multiplier: 2}
  muted: {generator: mute}
  resampled: {generator: resample, multiplier: 2}
detectors:
  - {id: level, use: level}
statistics: {bootstrap: 100}
"""


def tone(rng, speed: int, label: str) -> np.ndarray:
    level = 0.25 if label == "anomaly" else 0.1
    time = np.arange(8000) / 16000
    clip = np.sin(2 * np.pi * 100 * speed * time) + rng.standard_normal(8000)
    return level * clip / 4


def write(folder: Path, by: str = "clip", twins: bool = False) -> Path:
    """Write clips whose tone depends on an attribute; ``twins``: every anomaly under two names."""
    folder.mkdir()
    rng, rows = np.random.default_rng(3), []
    for split, label, count in (
        ("train", "normal", 32),
        ("test", "normal", 16),
        ("test", "anomaly", 32),
    ):
        for index in range(count):
            speed = (6, 9, 12, 15)[index % 4]
            name = f"{split}_{label}_{index:02d}.wav"
            soundfile.write(folder / name, tone(rng, speed, label), 16000, subtype="PCM_16")
            row = {"path": name, "machine": "fan", "section": "00", "split": split}
            rows.append({**row, "label": label, "speed": str(speed)})
            if twins and label == "anomaly":
                other = f"{split}_{label}_again_{index:02d}.wav"
                audio, rate = soundfile.read(folder / name)
                # Another container of the same samples: the files differ, the audio does not.
                soundfile.write(folder / other, audio, rate, subtype="PCM_24")
                rows.append({**rows[-1], "path": other})
    with (folder / "clips.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    (folder / "level.py").write_text(DETECTOR)
    (folder / "echo.py").write_text(ECHO)
    suite = folder / "audits.yaml"
    suite.write_text(SUITE.replace("BY", by))
    return suite


@pytest.fixture(scope="module")
def audited(tmp_path_factory: pytest.TempPathFactory):
    """A finished run."""
    folder = tmp_path_factory.mktemp("audits")
    suite = write(folder / "data")
    return run(suite, out=folder / "run", store=folder / "store", workers=0)


def leakage(report):
    return {row.generator: row for row in report.leakage}


def test_who_learns_from_the_suite_alone_leaks_nothing(audited):
    rows = leakage(audited.report)
    assert set(rows) == {"heeding", "deaf", "mute", "resample"}
    row = rows["heeding"]
    assert (row.status, row.n_checked, row.n_training, row.n_overlap) == ("none", 32, 32, 0)
    assert rows["resample"].status == "none"
    assert "SHA-256 of the samples at 16000 Hz" in row.sentence


def test_who_does_not_say_what_it_learned_from_is_unknown(audited):
    assert leakage(audited.report)["mute"].status == "unknown"


def test_the_same_audio_under_two_names_is_leaked(tmp_path):
    suite = write(tmp_path / "data", twins=True)
    found = leakage(
        run(
            suite,
            only=["generator=heeding"],
            out=tmp_path / "run",
            store=tmp_path / "store",
            workers=0,
        ).report
    )
    row = found["heeding"]
    assert row.status == "leaked"
    assert 0 < row.n_overlap <= row.n_checked
    assert all("anomaly" in name for name in row.clips)
    assert len(row.clips) <= 10


def test_a_checkpoint_that_lists_evaluation_clips_is_leaked(audited, tmp_path):
    from asdbench.api import audio_digest
    from asdbench.audio import AudioFormat, read_audio

    data = audited.folder.parent / "data"
    shutil.copytree(data, tmp_path / "data")
    clip = read_audio(data / "test_normal_03.wav", AudioFormat())
    listed = tmp_path / "listed.txt"
    condition = "fan/00/-/speed=12"
    listed.write_text(f"{'0' * 32} {condition} normal\n{audio_digest(clip)} {condition} normal\n")
    result = run(
        tmp_path / "data" / "audits.yaml",
        overrides=[
            f"generators.heeding.params.says={listed}",
            "generators.deaf.params.says=unknown",
        ],
        out=tmp_path / "run",
        store=audited.folder.parent / "store",
        workers=0,
    )
    rows = leakage(result.report)
    assert rows["heeding"].status == "leaked"
    assert rows["heeding"].clips == ("test_normal_03.wav",)
    assert rows["heeding"].n_training == 34
    assert rows["deaf"].status == "unknown"
    # It lists no anomaly: what the suite gave it, it did not learn from.
    seen = {(row.grid, row.machine, row.seen) for row in result.report.seen}
    assert ("heeded", "fan", False) in seen
    assert ("heeded", "fan", True) not in seen


def test_training_clips_given_back_are_copied_and_others_are_not(audited):
    found = {row.grid: row for row in audited.report.memorization}
    assert found["resampled"].finding == "copied"
    assert found["resampled"].p < 1e-6
    assert found["heeded"].finding == "not copied"
    assert "more than chance explains" in found["resampled"].sentence
    assert "which chance explains" in found["heeded"].sentence


def test_who_heeds_the_condition_keeps_it_and_who_does_not_ignores_it(audited):
    found = {row.grid: row for row in audited.report.fidelity}
    assert {grid: row.finding for grid, row in found.items()} == {
        "heeded": "kept",
        "heeded-normals": "kept",
        "ignored": "ignored",
        "muted": "kept",
        "resampled": "kept",
    }
    row = found["ignored"]
    assert (row.attribute, row.values, row.chance) == ("speed", 4, 0.25)
    assert row.accuracy <= 0.3 < 0.9 < row.ceiling
    assert (row.n_real, row.n_generated) == (32, 32)


def test_conditions_of_the_lent_anomalies_are_seen(audited):
    rows = {(row.grid, row.machine, row.seen): row for row in audited.report.seen}
    assert set(rows) >= {("heeded", "fan", True), ("heeded", None, True), ("muted", "fan", True)}
    assert ("heeded", "fan", False) not in rows
    row = rows["heeded", "fan", True]
    assert (row.n_conditions, row.n_real, row.n_generated) == (4, 16, 32)
    assert row.gap == pytest.approx(row.auc_generated - row.auc_real)


def test_whole_conditions_held_out_are_unseen_unless_nobody_knows(tmp_path):
    suite = write(tmp_path / "data", by="condition")
    report = run(
        suite,
        only=["generator=heeding", "generator=mute"],
        out=tmp_path / "run",
        store=tmp_path / "store",
        workers=0,
    ).report
    rows = {(row.grid, row.machine, row.seen): row for row in report.seen}
    assert ("heeded", "fan", True) not in rows
    assert rows["heeded", "fan", False].gap is not None
    unknown = rows["muted", "fan", False]
    assert unknown.gap is None
    assert "not known whether it learned from them" in unknown.reason


def test_every_condition_is_on_the_map(audited):
    rows = [row for row in audited.report.coverage if row.grid == "heeded"]
    assert [row.condition for row in rows] == ["speed=6", "speed=9", "speed=12", "speed=15"]
    assert {row.status for row in rows} == {"measured"}
    assert (sum(r.n_real for r in rows), sum(r.n_generated for r in rows)) == (16, 32)
    assert "fewer than 10" in rows[0].reason


def test_the_report_says_it_in_words(audited):
    page = (audited.folder / "report/report.md").read_text()
    for text in ("## Audits", "**leakage: unknown**", "**copied**: fan 32 of 32", "**ignored**"):
        assert text in page
    assert "## Coverage" in page
    for name in ("leakage", "memorization", "fidelity", "coverage", "seen"):
        assert (audited.folder / f"report/tables/{name}.csv").read_text().count("\n") > 1


def test_audits_are_computed_once(audited, tmp_path):
    again = run(
        audited.folder.parent / "data" / "audits.yaml",
        out=tmp_path / "again",
        store=audited.folder.parent / "store",
        workers=0,
    )
    assert not (again.folder / "events.jsonl").exists()
    assert again.report == audited.report


def test_without_generators_nothing_is_audited(toy_suite, tmp_path):
    text = toy_suite.read_text()
    a, b = text.index("generators:"), text.index("detectors:")
    toy_suite.write_text(text[:a] + text[b:])
    report = run(toy_suite, out=tmp_path / "run", store=tmp_path / "store", workers=0).report
    rows = (report.leakage, report.memorization, report.fidelity, report.coverage, report.seen)
    assert not any(rows)


@pytest.mark.slow
def test_a_cross_fit_leaks_nothing_although_each_clip_was_lent(tmp_path):
    suite = write(tmp_path / "data")
    text = suite.read_text().replace("generator_train: 0.5", "folds: 2")
    suite.write_text(text + "seeds: {generator_repeats: 2}\n")
    report = run(suite, out=tmp_path / "run", store=tmp_path / "store", workers=0).report
    rows = leakage(report)
    assert (rows["heeding"].status, rows["heeding"].n_checked) == ("none", 48)
    assert rows["resample"].status == "none"
    copied = {row.grid: row.finding for row in report.memorization}
    assert (copied["resampled"], copied["heeded"]) == ("copied", "not copied")
    kept = {row.grid: row.finding for row in report.fidelity}
    assert (kept["heeded"], kept["ignored"]) == ("kept", "ignored")
    seen = {(row.grid, row.machine, row.seen): row for row in report.seen}
    assert seen["heeded", "fan", True].n_real == 32


def test_a_fold_that_no_fit_serves_is_no_unknown_training(tmp_path):
    """16 test normals fill 16 folds of 20; `ignored` asks for normals alone."""
    suite = write(tmp_path / "data")
    text = suite.read_text().replace("generator_train: 0.5", "folds: 20")
    suite.write_text(text.replace("deaf, multiplier: 2", "deaf, label: normal"))
    fits = make_plan(load_suite(suite), Store(tmp_path / "store")).audits.fits
    served = {name: [f for f in fits if f.generator == name] for name in ("heeding", "deaf")}
    assert {name: len(found) for name, found in served.items()} == {"heeding": 20, "deaf": 16}
    assert all(fit.manifest is not None for found in served.values() for fit in found)


def test_conditions_that_only_a_grid_over_axes_asks_for_are_extrapolated(tmp_path):
    suite = write(tmp_path / "data")
    swept = '  swept: {generator: heeding, axes: {fan: {"00": {speed: {values: [6, 24]}}}}}\n'
    suite.write_text(suite.read_text().replace("detectors:", swept + "detectors:"))
    report = run(
        suite, only=["generator=heeding"], out=tmp_path / "run", store=tmp_path / "store", workers=0
    ).report
    rows = {row.condition: row for row in report.coverage if row.grid == "swept"}
    assert set(rows) == {"speed=6", "speed=24"}
    assert (rows["speed=24"].status, rows["speed=24"].n_generated) == ("extrapolated", 20)
    assert rows["speed=24"].auc_generated is not None
    assert rows["speed=6"].status in ("measured", "validated")
    assert {row.grid for row in report.seen}.isdisjoint({"swept"})
    assert "swept" not in {cell.grid for cell in report.cells}


def test_who_fails_when_asked_is_unknown_and_a_problem(audited, tmp_path):
    shutil.copytree(audited.folder.parent / "data", tmp_path / "data")
    says = ["generators.heeding.params.says=/nowhere/listed.txt"]
    result = run(
        tmp_path / "data" / "audits.yaml",
        overrides=says,
        out=tmp_path / "run",
        store=audited.folder.parent / "store",
        workers=0,
    )
    assert leakage(result.report)["heeding"].status == "unknown"
    assert "ask heeding fan" in {problem.task for problem in result.report.problems}
