from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

import pytest
from trainable import call, start, wait_until, write_plugin

from asdbench.audio import file_digest
from asdbench.engine.plan import make_plan
from asdbench.engine.store import Store
from asdbench.suite import load_suite

SIMULATED = ["--data", "simulated", "--machines", "fan", "--sections", "00"]
SIMULATED += ["--data-set", "train=8", "--data-set", "test=2", "--data-set", "duration=1"]


@pytest.fixture
def toy(tmp_path: Path) -> str:
    return write_plugin(tmp_path / "plugins")


def manifest(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "training_manifest.json").read_text())
    return found


@pytest.fixture
def by_suite(toy_suite: Path, toy: str, tmp_path: Path) -> list[str | Path]:
    return ["train", "chain", toy, "--suite", toy_suite, "--store", tmp_path / "store"]


def test_a_suite_lends_no_evaluation_clip(
    by_suite: list[str | Path], toy_suite: Path, tmp_path: Path
) -> None:
    done = call(*by_suite, "--out", tmp_path / "out", "--hold-out", "0.25", "--preset", "base")
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"chain of toy: {tmp_path / 'out'}\n"
    found = manifest(tmp_path / "out")
    used = [*found["train"], *found["held_out"]]
    plan = make_plan(load_suite(toy_suite), Store(tmp_path / "store"))
    assert {c["id"] for c in used} == {c.id for c in plan.split.generator_train}
    evaluated = {file_digest(c.path) for c in plan.split.evaluation}
    assert len(evaluated) == len(plan.split.evaluation) > 0
    assert not evaluated & {c["digest"] for c in used}
    for clip in used:
        assert clip["digest"] == file_digest(toy_suite.parent / clip["id"])
    assert {c["label"] for c in found["train"]} == {"normal", "anomaly"}
    assert found["plugin"]["params"]["preset"] == "base"
    result = json.loads((tmp_path / "out/result.json").read_text())
    assert result["train"] == len(found["train"])
    assert result["held_out"] == len(found["held_out"]) > 0


def test_the_manifest_depends_on_the_request_alone(
    by_suite: list[str | Path], tmp_path: Path
) -> None:
    for name in ("a", "b"):
        folder = tmp_path / name
        done = call(*by_suite, "--out", folder, "--store", tmp_path / f"store-{name}")
        assert done.returncode == 0, done.stderr
    first, second = ((tmp_path / n / "training_manifest.json").read_text() for n in ("a", "b"))
    assert first == second
    assert str(tmp_path) not in first


def test_another_request_is_refused_with_what_differs(
    by_suite: list[str | Path], tmp_path: Path
) -> None:
    out = ["--hold-out", "0.25", "--out", tmp_path / "out"]
    assert call(*by_suite, *out).returncode == 0
    before = (tmp_path / "out/result.json").stat().st_mtime_ns
    again = call(*by_suite, *out)
    assert again.returncode == 0
    assert "resuming chain of toy" in again.stderr
    other = call(*by_suite, *out, "--set", "steps=5", "--seed", "3")
    assert other.returncode == 2
    assert "plugin.params.steps: 12 there, 5 asked for" in other.stderr
    assert "seed: 0 there, 3 asked for" in other.stderr
    assert "train: " in other.stderr
    assert "others there" in other.stderr
    assert "--out" in other.stderr
    assert before <= (tmp_path / "out/result.json").stat().st_mtime_ns
    strange = tmp_path / "strange"
    strange.mkdir()
    (strange / "thesis.txt").write_text("mine")
    refused = call(*by_suite, "--out", strange)
    assert refused.returncode == 2
    assert "is not empty: thesis.txt" in refused.stderr
    assert [p.name for p in strange.iterdir()] == ["thesis.txt"]


@pytest.mark.slow
def test_killed_training_resumes_to_the_same_result(toy: str, tmp_path: Path) -> None:
    """Also: a data set that builds itself is built first, and conditions are held out whole."""
    common = ["train", "chain", toy, *SIMULATED, "--store", tmp_path / "store"]
    common += ["--hold-out", "0.2", "--hold-out-by", "condition", "--set", "pause=0.2"]
    whole = call(*common, "--out", tmp_path / "whole")
    assert whole.returncode == 0, whole.stderr
    assert "simulate fan/00" in whole.stderr
    assert "12/12 steps" in whole.stderr
    out = tmp_path / "out"
    for _ in range(2):
        process = start(*common, "--out", out)
        seen = len(progress(out))
        wait_until(lambda: len(progress(out)) >= seen + 3)  # noqa: B023
        process.send_signal(signal.SIGKILL)
        process.communicate()
    assert 6 <= len(progress(out)) < 12
    assert not (out / "result.json").exists()
    resumed = call(*common, "--out", out)
    assert resumed.returncode == 0, resumed.stderr
    assert "resuming" in resumed.stderr
    for name in ("result.json", "state.json", "training_manifest.json"):
        assert (out / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    found = manifest(out)
    kept = {clip["condition"].rpartition("/")[2] for clip in found["train"]}
    held = {clip["condition"].rpartition("/")[2] for clip in found["held_out"]}
    assert kept
    assert held
    assert not kept & held
    assert found["data"]["params"] == {"train": 8, "test": 2, "seed": 0, "duration": 1.0}


def test_interrupted_training_says_how_to_resume(
    by_suite: list[str | Path], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    process = start(*by_suite, "--out", out, "--set", "pause=0.5")
    wait_until(lambda: len(progress(out)) >= 2)
    locked = call(*by_suite, "--out", out, "--set", "pause=0.5")
    assert locked.returncode == 2
    assert "another process is at work" in locked.stderr
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "The same command continues:\n" in err
    assert f"-m asdbench train chain {by_suite[2]} --suite " in err
    assert "Traceback" not in err
    assert len(progress(out)) >= 2


def progress(folder: Path) -> list[str]:
    state = folder / "state.json"
    found: list[str] = json.loads(state.read_text()) if state.exists() else []
    return found


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["chian", "TOY", "--suite", "quickstart"], "Did you mean 'chain'?"),
        (["chian", "TOY", "--suite", "quickstart"], "chain: a chain of digests"),
        (["generator", "perturb", "--suite", "quickstart"], "'perturb' has nothing to train"),
        (["chain", "preturb", "--suite", "quickstart"], "Did you mean 'perturb'?"),
        (["chain", "simulated", "--suite", "quickstart"], "has nothing to train"),
        (["chain", "TOY"], "--suite and --data"),
        (["chain", "TOY", "--suite", "quickstart", "--data", "simulated"], "--suite and --data"),
        (["chain", "TOY", "--data", "simulatd"], "Did you mean 'simulated'?"),
        (
            ["chain", "TOY", "--data", "simulated", "--data-set", "trian=1"],
            "--data-set trian=1: unknown parameter 'trian' of 'simulated'. Did you mean 'train'?",
        ),
        (
            ["chain", "TOY", "--data", "simulated", "--data-set", "use=dcase"],
            "that is no parameter of 'simulated'",
        ),
        (["chain", "TOY", "--data", "simulated", "--data-set", "train"], "expected KEY=VALUE"),
        (["chain", "TOY", "--data", "manifest"], "--data manifest: missing parameter 'file'"),
        (["chain", "TOY", "--data", "simulated", "--machines", "fam"], "Did you mean 'fan'?"),
        (["chain", "TOY", "--suite", "quickstart", "--preset", "mni"], "Did you mean 'mini'?"),
        (
            ["chain", "TOY", "--suite", "quickstart", "--set", "step=3"],
            "--set step=3: unknown parameter 'step' of",
        ),
        (["chain", "TOY", "--suite", "quickstart", "--hold-out-by", "day"], "'day'"),
        (["chain", "TOY", "--suite", "quickstart", "--data-set", "seed=1"], "belongs to --data"),
    ],
)
def test_mistakes_are_answered(
    arguments: list[str], expected: str, toy: str, tmp_path: Path
) -> None:
    named = [toy if argument == "TOY" else argument for argument in arguments]
    done = call("train", *named, "--out", tmp_path / "out", "--store", tmp_path / "store")
    assert done.returncode == 2
    assert expected in " ".join(done.stderr.split())
    assert not (tmp_path / "out").exists()


def test_a_suite_without_generators_lends_nothing(
    toy_suite: Path, toy: str, tmp_path: Path
) -> None:
    text = toy_suite.read_text()
    start_, end = text.index("generators:"), text.index("detectors:")
    toy_suite.write_text(text[:start_] + text[end:])
    out = ["--out", tmp_path / "out", "--store", tmp_path / "store"]
    done = call("train", "chain", toy, "--suite", toy_suite, *out)
    assert done.returncode == 2
    assert "no generators" in done.stderr


def test_unlabelled_clips_are_left_out(toy_suite: Path, toy: str, tmp_path: Path) -> None:
    source = (toy_suite.parent / "toy_data.py").resolve()
    source.write_text(
        "from asdbench.api import *\n"
        "from dataclasses import replace\n"
        "from asdbench.datasets.manifest import Manifest\n"
        "class Half(Manifest):\n"
        "    def clips(self):\n"
        "        return [replace(c, label=None if c.domain == 'target' else c.label)\n"
        "                for c in super().clips()]\n"
    )
    out = ["--out", tmp_path / "out", "--store", tmp_path / "store"]
    data = ["--data", f"{source}:Half", "--data-set", f"file={toy_suite.parent / 'clips.csv'}"]
    done = call("train", "chain", toy, *data, *out)
    assert done.returncode == 0, done.stderr
    assert "40 clips without a label are left out" in done.stderr
    found = manifest(tmp_path / "out")
    assert len(found["train"]) + len(found["held_out"]) == 40
    assert all("/source/" in clip["condition"] for clip in found["train"])
    assert str(tmp_path) not in (tmp_path / "out/training_manifest.json").read_text()


def test_a_plug_in_that_fails_leaves_the_folder_free(
    by_suite: list[str | Path], tmp_path: Path
) -> None:
    by_suite[1] = "broken"
    for _ in range(2):
        with pytest.raises(RuntimeError, match="no luck today"):  # with its traceback, exit code 1
            call(*by_suite, "--out", tmp_path / "out")
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["training_manifest.json"]
