from __future__ import annotations

from pathlib import Path

import pandas as pd

from asdbench.engine.run import run
from toy import events


def run_arms(suite: Path, tmp_path: Path, name: str = "run", **options):
    options = {"store": tmp_path / "store", "workers": 0, **options}
    return run(suite, out=tmp_path / name, **options)


def test_each_grid_and_machine_has_a_row(arms_suite, tmp_path):
    result = run_arms(arms_suite, tmp_path)
    assert result.complete
    rows = {(r.grid, r.machine): r for r in result.report.quality}
    grids = ["made", "made-normals", "coded", "coded-normals"]
    assert set(rows) == {(grid, machine) for grid in grids for machine in ("fan", "pump")}
    normals = rows["made-normals", "fan"]
    assert (normals.real_clips, normals.generated_clips, normals.train_clips) == (12, 12, 14)
    assert normals.embedding == "logmel-stats"
    assert normals.fad > 0
    coded = rows["coded-normals", "fan"]
    assert coded.train_clips == 0
    assert coded.copied_share is None
    assert coded.fad < normals.fad  # the same clips with a little noise


def test_training_clips_given_back_are_called_copies_by_name(arms_suite, tmp_path):
    result = run_arms(arms_suite, tmp_path)
    row = next(r for r in result.report.quality if (r.grid, r.machine) == ("made", "fan"))
    assert row.copied_share == 1.0
    assert row.nearness > 0.999 > row.nearness_real
    assert row.suspects[0].startswith("made/fan/00/")
    assert " is near fan_" in row.suspects[0]
    assert "_test_anomaly_" in row.suspects[0]
    page = (result.folder / "report/report.md").read_text()
    assert "## Audio" in page
    assert "possible copies of training clips: made/fan/00/" in page
    table = pd.read_csv(result.folder / "report/tables/quality.csv")
    assert len(table) == 8


def test_quality_is_measured_once(arms_suite, tmp_path):
    first = run_arms(arms_suite, tmp_path, "a")
    sign = ["detectors.level.params.pause=0.01"]
    second = run_arms(arms_suite, tmp_path, "b", overrides=sign)
    kinds = {e["kind"] for e in events(second.folder) if e["event"] == "started"}
    assert "quality" not in kinds
    assert first.report.quality == second.report.quality


def test_a_failed_grid_has_no_row_and_its_reason_is_listed(arms_suite, tmp_path):
    result = run_arms(arms_suite, tmp_path, overrides=["generators.tape.params.lose=1"])
    assert {r.grid for r in result.report.quality} == {"made", "made-normals"}
    assert "compare coded fan" in {p.task for p in result.report.problems}


def test_too_few_clips_are_a_note(arms_suite, tmp_path):
    manifest = arms_suite.parent / "clips.csv"
    lines = manifest.read_text().splitlines()
    kept = [x for x in lines if "fan_" not in x or "test_anomaly" not in x or "_anomaly_0" in x]
    manifest.write_text("\n".join(kept) + "\n")
    result = run_arms(arms_suite, tmp_path, overrides=["split.generator_train=0.0"])
    row = next(r for r in result.report.quality if (r.grid, r.machine) == ("coded", "fan"))
    assert row.real_clips <= 2
    assert row.kad is None
    assert row.notes
