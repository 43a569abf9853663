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


EVERY_DETECTOR = """\
schema: asdbench/suite@1
name: real_machines
dataset: {{use: manifest, file: clips.csv, root: {root}}}
detectors:
  - {{id: knn, use: knn}}
  - {{id: gmm, use: gmm}}
  - {{id: dcase-ae, use: dcase-ae, params: {{epochs: 60}}}}
  - {{id: gamma-vae, use: gamma-vae, params: {{epochs: 60}}}}
  - id: mobilenet-v2
    use: mobilenet-v2
    params: {{classes: machine-section, epochs: 2, test_hop: 32}}
  - {{id: serial-oe, use: serial-oe, params: {serial}}}
  - id: smoothed-ae
    use: smoothed-ae
    params:
      generative: {{use: dcase-ae, params: {{epochs: 60}}}}
      discriminative: {{use: serial-oe, params: {serial}}}
      neighbors: 3
statistics: {{bootstrap: 100}}
"""
SERIAL = (
    "{epochs: 5, batch_size: 16, log: true, n_mels: 64, hop_length: 512, width: 0.25, "
    "depth: 0.25, segments: 3, inliers: all, clusters: 1, reg_covar: 0.01}"
)


@pytest.mark.slow
@pytest.mark.shared
def test_every_detector_on_recorded_machines(shared: Path, tmp_path: Path):
    """The fan id_00 with its faults, beside another fan, a pump and a slider to tell it from."""
    root = shared / "data"
    folders = {
        ("fan", "00"): root / "mimii_fan_id_00",
        ("fan", "06"): root / "dcase2020_dev" / "fan",
        ("pump", "04"): root / "dcase2020_dev" / "pump",
        ("slider", "00"): root / "dcase2020_dev" / "slider",
    }
    rows = []
    for (machine, section), folder in folders.items():
        clips = sorted(path.relative_to(root).as_posix() for path in folder.rglob("*.wav"))
        normals = [name for name in clips if "/normal" in name]
        learned = normals[: 2 * len(normals) // 3]
        for name in clips:
            split = "train" if name in learned else "test"
            label = "normal" if name in normals else "anomaly"
            rows.append([name, machine, section, split, label])
    with (tmp_path / "clips.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["path", "machine", "section", "split", "label"])
        writer.writerows(rows)
    suite = tmp_path / "real_machines.yaml"
    suite.write_text(EVERY_DETECTOR.format(root=root, serial=SERIAL))

    result = run(suite, out=tmp_path / "run", store=tmp_path / "store", workers=0)

    assert result.report.problems == ()
    assert result.complete
    fan = {
        cell.detector: cell
        for cell in result.report.cells
        if (cell.machine, cell.section) == ("fan", "00")
    }
    assert len(fan) == 7
    for cell in fan.values():
        assert (cell.n_normal, cell.n_anomaly_real) == (7, 20)
        assert cell.auc.real is not None
    # This fan's faults are audible to whoever models its normal sound.
    for name in ("knn", "gmm", "dcase-ae", "gamma-vae"):
        assert fan[name].auc.real > 0.5, name
