"""The main job on recorded machines; skipped where the recordings are not at hand."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from asdbench.engine.run import run

SUITE = """\
schema: asdbench/suite@1
name: real_fan
dataset: {{use: manifest, file: clips.csv, root: {root}, hold_out: 0.5}}
split: {{generator_train: 0.5, generator_normals: 0.2}}
generators:
  - {{id: perturb, use: perturb}}
  - {{id: resample, use: resample}}
grids:
  perturbed: {{generator: perturb, multiplier: 2}}
  resampled: {{generator: resample, multiplier: 2}}
detectors:
  - {{id: ae-mse, use: dcase-ae, params: {{score: mse, epochs: 10}}}}
  - {{id: ae-mahala, use: dcase-ae, params: {{score: mahalanobis, epochs: 10}}}}
statistics: {{bootstrap: 200}}
"""


@pytest.mark.slow
@pytest.mark.shared
def test_forty_recorded_fan_clips(shared: Path, tmp_path: Path):
    root = shared / "data" / "mimii_fan_id_00"
    names = sorted(path.relative_to(root).as_posix() for path in root.rglob("*.wav"))
    assert len(names) == 40
    with (tmp_path / "clips.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["path", "machine", "label"])
        writer.writerows([name, "fan", name.split("/")[0]] for name in names)
    suite = tmp_path / "real_fan.yaml"
    suite.write_text(SUITE.format(root=root))

    result = run(suite, out=tmp_path / "run", store=tmp_path / "store", workers=0)

    assert result.complete
    assert not result.report.data.simulated
    data = result.report.data
    assert (data.n_detector_train, data.n_generator_train_normal) == (8, 2)
    assert (data.n_test_normal, data.n_test_anomaly) == (10, 10)
    scores = pd.read_parquet(result.folder / "scores.parquet")
    assert len(result.report.cells) == 4
    for cell in result.report.cells:
        mine = scores[scores.detector == cell.detector]
        real = mine[mine.origin == "real"]
        normal, anomaly = (real[real.label == label].score for label in ("normal", "anomaly"))
        made = mine[mine.origin == cell.grid].score
        assert len(made) == 20
        for found, value in ((anomaly, cell.auc.real), (made, cell.auc.generated)):
            truth = np.r_[np.zeros(len(normal)), np.ones(len(found))]
            assert value == pytest.approx(roc_auc_score(truth, np.r_[normal, found]), abs=1e-12)
        # This fan's faults are audible: a score with the wrong sign would fall below chance.
        assert cell.auc.real > 0.5
