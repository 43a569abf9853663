"""Cross-fitting, two fits of each and a sweep through the commands, on a tiny suite."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score
from typer.testing import CliRunner

from asdbench.cli.main import app
from asdbench.report.write import read_report

SUITE = """\
schema: asdbench/suite@1
name: crossed
dataset: {use: manifest, file: clips.csv}
plugins: [./level.py, ./tape.py]
split: {folds: 2, by: condition, generator_normals: 0.5}
generators:
  - {id: tape, use: tape}
grids:
  made: {generator: tape, label: anomaly}
  made-normals: {generator: tape, label: normal}
  coded: {generator: tape, make: roundtrip}
  sweep:
    generator: tape
    clips_per_cell: 4
    axes:
      fan: {"00": {speed: {from: dataset, add: [9]}}}
detectors:
  - {id: level, use: level}
  - id: smooth
    use: smoothed-ae
    params: {generative: {use: level}, discriminative: {use: level}, neighbors: 1}
seeds: {generator_repeats: 2}
statistics: {bootstrap: 100}
"""
EMBED = """
    def embed(self, clips, context):
        from asdbench.api import Embedded

        return Embedded.one_per_clip(self.score(clips, context)[:, None])

    def decide("""


@pytest.mark.slow
def test_every_command_knows_a_crossed_suite(toy_suite: Path, tmp_path: Path):
    suite = toy_suite.with_name("crossed.yaml")
    suite.write_text(SUITE)
    detector = toy_suite.with_name("level.py")
    detector.write_text(detector.read_text().replace("\n    def decide(", EMBED))
    where = ["--store", str(tmp_path / "store")]
    for command in (["validate", str(suite)], ["plan", str(suite), *where]):
        result = CliRunner().invoke(app, command)
        assert result.exit_code == 0, result.output
    more = ["--out", str(tmp_path / "run"), "--workers", "0"]
    result = CliRunner().invoke(app, ["run", str(suite), *where, *more])
    assert result.exit_code == 0, result.output
    report = read_report(tmp_path / "run")
    scores = pd.read_parquet(tmp_path / "run" / "scores.parquet")

    # Every anomaly is evaluated; the gap is that of the mean over both fits of the generator.
    assert report.data.n_test_anomaly == 24
    assert {c.grid for c in report.cells} == {"made"}
    for cell in (c for c in report.cells if c.domain == "all" and c.detector == "level"):
        mine = scores[(scores.detector == "level") & (scores.machine == cell.machine)]
        normals = mine[(mine.origin == "real") & (mine.label == "normal")].score
        found = []
        for generation in (0, 1):
            made = mine[(mine.origin == "made") & (mine.generation == generation)].score
            truth = [0] * len(normals) + [1] * len(made)
            found.append(roc_auc_score(truth, pd.concat([normals, made])))
        assert cell.n_anomaly_real == 12
        assert cell.auc.generated == pytest.approx(sum(found) / 2, abs=1e-12)

    # A detector whose scores depend on the clips beside is given each arm of each fit alone.
    pools = scores[scores.detector == "smooth"]
    arms = Counter(zip(pools.pool, pools.generation, strict=True))
    assert {("real+made", 0), ("real+made", 1), ("made-normals+made", 1)} <= arms.keys()
    assert {("real+sweep", 0), ("made-normals+sweep", 0)} <= arms.keys()
    assert ("real+sweep", 1) not in arms

    # The map has the three speeds of the sweep for both detectors, one of them without real clips.
    rows = [r for r in report.coverage if r.grid == "sweep" and r.detector in ("level", "smooth")]
    assert Counter((r.condition, r.n_real > 0) for r in rows) == {
        ("speed=6", True): 2,
        ("speed=7", True): 2,
        ("speed=9", False): 2,
    }
    assert {r.status for r in rows if r.condition == "speed=9"} == {"extrapolated"}
    assert all(r.auc_generated is not None for r in rows)
    assert not any("sweep" in (v.grid or "") for v in report.verdicts)

    # No fit saw what its clips are compared with.
    assert {r.n_overlap for r in report.leakage} == {0}
    text = (tmp_path / "run/report/report.json").read_bytes()
    result = CliRunner().invoke(app, ["run", str(suite), *where, *more])
    assert result.exit_code == 0, result.output
    assert (tmp_path / "run/report/report.json").read_bytes() == text
