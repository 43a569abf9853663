from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

KILLS = 20


def start(suite: Path, store: Path, out: Path) -> subprocess.Popen[str]:
    arguments = ["run", str(suite), "--store", str(store), "--out", str(out), "--workers", "2"]
    return subprocess.Popen(
        [sys.executable, "-m", "asdbench", *arguments, "--set", "detectors.level.params.pause=0.3"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_killed_runs_resume_to_the_same_bytes(toy_suite: Path, tmp_path: Path):
    """SIGKILL at random moments, from the first import to the last byte of the report."""
    reference = start(toy_suite, tmp_path / "store", tmp_path / "reference")
    began = time.monotonic()
    assert reference.wait(timeout=300) == 0
    duration = time.monotonic() - began
    expected = (tmp_path / "reference/report/report.json").read_bytes()

    moments = random.Random(11)
    kills, stores = 0, 0
    while kills < KILLS:
        stores += 1
        store, out = tmp_path / f"store-{stores}", tmp_path / f"run-{stores}"
        while True:
            process = start(toy_suite, store, out)
            if kills == KILLS:
                assert process.wait(timeout=300) == 0, process.stderr and process.stderr.read()
                break
            try:
                code = process.wait(timeout=moments.uniform(0.2, 0.9) * duration)
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
                process.wait()
                kills += 1
                continue
            assert code == 0
            break
        assert (out / "report/report.json").read_bytes() == expected


@pytest.mark.slow
def test_two_runs_at_once_on_one_store(toy_suite: Path, tmp_path: Path):
    both = [start(toy_suite, tmp_path / "store", tmp_path / name) for name in ("a", "b")]
    assert [process.wait(timeout=300) for process in both] == [0, 0]
    first, second = ((tmp_path / name / "report/report.json").read_bytes() for name in ("a", "b"))
    assert first == second


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_run_says_how_to_continue(toy_suite: Path, tmp_path: Path, number: int):
    process = start(toy_suite, tmp_path / "store", tmp_path / "run")
    assert process.stderr is not None
    process.stderr.readline()  # the data is read
    process.stderr.readline()  # the plan is laid out
    process.send_signal(number)
    message = process.stderr.read()
    assert process.wait(timeout=60) == 130
    assert "What was finished is kept. The same command continues:\n" in message
    assert f"-m asdbench run {toy_suite} " in message  # as it was called
    assert "Traceback" not in message
