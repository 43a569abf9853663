from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from asdbench.report.write import read_report
from asdbench.scaffold import Kind, write_package

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
DETECTORS = "detectors:\n"


def run(suite: Path, out: Path, *options: object, path: Path | None = None):
    environment = dict(os.environ)
    if path is not None:
        environment["PYTHONPATH"] = str(path)
    arguments = ["run", suite, "--store", out.parent / "store", "--out", out, "--workers", "1"]
    return subprocess.run(
        [sys.executable, "-m", "asdbench", *map(str, arguments), *map(str, options)],
        cwd=suite.parent,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )


@pytest.mark.slow
def test_an_installed_plugin_package_gets_its_row(toy_suite: Path, tmp_path: Path):
    """A package of one's own, installed and run away from the project."""
    write_package(Kind.DETECTOR, "mine", tmp_path)
    site = tmp_path / "site"
    install = ["install", "--quiet", "--no-deps", "--no-build-isolation", "--target", str(site)]
    built = subprocess.run(
        [sys.executable, "-m", "pip", *install, str(tmp_path / "mine")],
        capture_output=True,
        text=True,
    )
    assert built.returncode == 0, built.stderr
    text = toy_suite.read_text()
    toy_suite.write_text(text.replace(DETECTORS, f"{DETECTORS}  - {{id: knn, use: mine}}\n"))
    done = run(toy_suite, tmp_path / "run", path=site)
    assert done.returncode == 0, done.stderr
    assert "knn" in done.stdout
    rows = [c for c in read_report(tmp_path / "run").cells if c.detector == "knn"]
    assert len(rows) == 12
    scores = pd.read_parquet(tmp_path / "run/scores.parquet")
    assert scores[scores.detector == "knn"].score.nunique() > 10


@pytest.mark.slow
@pytest.mark.skipif(not EXAMPLES.is_dir(), reason="the examples are part of the repository only")
@pytest.mark.parametrize("way", ["option", "use"])
def test_a_single_file_gets_its_row(toy_suite: Path, tmp_path: Path, way: str):
    file = toy_suite.parent / "my_detector.py"
    file.write_text((EXAMPLES / "my_detector.py").read_text())
    name = next(
        line.split('"')[1] for line in file.read_text().splitlines() if line.startswith("@detector")
    )
    cls = next(
        line.split("(")[0].removeprefix("class ")
        for line in file.read_text().splitlines()
        if line.startswith("class ") and "(Detector)" in line
    )
    use = name if way == "option" else f"./my_detector.py:{cls}"
    text = toy_suite.read_text()
    toy_suite.write_text(text.replace(DETECTORS, f"{DETECTORS}  - {{id: mine, use: '{use}'}}\n"))
    options = ["--plugin", file] if way == "option" else []
    done = run(toy_suite, tmp_path / "run", *options)
    assert done.returncode == 0, done.stderr
    rows = [c for c in read_report(tmp_path / "run").cells if c.detector == "mine"]
    assert len(rows) == 12
    assert all(c.auc.real is not None for c in rows)


def test_an_unknown_plugin_is_named_with_its_neighbor(toy_suite: Path, tmp_path: Path):
    toy_suite.write_text(toy_suite.read_text().replace("use: perturb", "use: pertub"))
    done = run(toy_suite, tmp_path / "run")
    assert done.returncode == 2
    assert "unknown generator 'pertub'. Did you mean 'perturb'?" in done.stderr
    assert "toy.yaml:7: " in done.stderr
