from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from asdbench.suite import problems

ROOT = Path(__file__).resolve().parents[1]
README = ROOT / "README.md"

pytestmark = pytest.mark.skipif(not README.exists(), reason="needs the checkout")


def commands() -> list[list[str]]:
    """The asdbench commands in indented blocks of the README."""
    lines = [line.strip() for line in README.read_text().splitlines() if line.startswith("    ")]
    words = [line.removeprefix(".venv/bin/").split() for line in lines]
    return [w[1:] for w in words if w and w[0] == "asdbench"]


def test_every_command_and_option_exists():
    found = commands()
    assert len(found) >= 5
    for words in found:
        name = words[:2] if words[0] in {"plugins", "data"} else words[:1]
        done = subprocess.run(
            [sys.executable, "-m", "asdbench", *name, "--help"], capture_output=True, text=True
        )
        assert done.returncode == 0, words
        for option in (w for w in words if w.startswith("--")):
            assert option in done.stdout, (words, option)


def test_every_link_leads_somewhere():
    links = re.findall(r"\]\(([^)#]+)\)", README.read_text())
    assert links
    for link in links:
        assert (ROOT / link).exists(), link


@pytest.mark.parametrize("suite", ["my_suite.yaml", "my_recordings.yaml"])
def test_example_suites_are_valid(suite: str):
    assert problems(ROOT / "examples" / suite) == []


@pytest.mark.slow
def test_the_example_of_the_readme_runs(tmp_path: Path):
    words = next(w for w in commands() if w[:2] == ["run", "examples/my_suite.yaml"])
    small = ["--set", "dataset.train=4", "--set", "dataset.test=2"]
    small += ["--set", "detectors.ae-mse.params.epochs=1"]
    out = ["--out", str(tmp_path / "run"), "--store", str(tmp_path / "store"), "--workers", "1"]
    done = subprocess.run(
        [sys.executable, "-m", "asdbench", *words, *small, *out],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "mine" in done.stdout


@pytest.mark.slow
def test_the_quickstart_suite_runs_small(tmp_path: Path):
    small = ["--set", "dataset.train=4", "--set", "dataset.test=2"]
    small += [f"--set=detectors.{name}.params.epochs=1" for name in ("ae-mse", "ae-mahala")]
    out = ["--out", str(tmp_path / "run"), "--store", str(tmp_path / "store"), "--workers", "2"]
    done = subprocess.run(
        [sys.executable, "-m", "asdbench", "run", "quickstart", *small, *out],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "simulated data" in done.stdout
    assert all(m in done.stdout for m in ("bearing", "fan", "gearbox", "slider", "valve"))


@pytest.mark.slow
def test_the_full_suite_runs_on_a_small_twin(tmp_path: Path):
    """`mimii_dg` reads the simulated twin's folder as it reads the recorded one, and says so."""
    python = [sys.executable, "-m", "asdbench"]
    size = ["--train", "3", "--test", "2", "--machines", "bearing,fan,gearbox,slider,valve"]
    twin = tmp_path / "twin"
    made = subprocess.run(
        [*python, "data", "simulate", str(twin), *size], capture_output=True, text=True
    )
    assert made.returncode == 0, made.stderr
    small = [f"--set=detectors.{name}.params.epochs=1" for name in ("ae-mse", "ae-mahala")]
    out = ["--out", str(tmp_path / "run"), "--store", str(tmp_path / "store"), "--workers", "2"]
    done = subprocess.run(
        [*python, "run", "mimii_dg", "--set", f"dataset.root={twin}", *small, *out],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "mimii_dg 1.1.0 (simulated data)" in done.stdout
    report = (tmp_path / "run/report/report.json").read_text()
    assert str(tmp_path) not in report
