"""The suites of the papers, reduced, on the simulated twin."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from asdbench.api import Context
from asdbench.datasets.simulated import Simulated, SimulatedParams
from asdbench.engine.run import run
from asdbench.report.schema import Report
from toy import DETECTOR

pytestmark = pytest.mark.slow

EXTRACTOR = {"epochs": 1, "n_mels": 32, "hop_length": 512, "width": 0.25, "depth": 0.25}


@pytest.fixture(scope="module")
def twin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two machines with three sections, a few short clips each."""
    folder = tmp_path_factory.mktemp("twin")
    made = Simulated(SimulatedParams(train=8, test=3, duration=5.0))
    for part in made.parts():
        if part.partition("/")[0] in ("fan", "valve"):
            made.build(part, folder, Context(0, folder))
    (folder / "simulated.json").write_text("{}")
    return folder


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("store")


def reduced(name: str, twin: Path, store: Path, out: Path, *settings: str) -> Report:
    common = (f"dataset.root={twin}", "dataset.machines=[fan, valve]", "statistics.bootstrap=100")
    done = run(name, overrides=[*common, *settings], store=store, out=out, workers=0, device="cpu")
    assert done.report.problems == ()
    assert done.report.complete
    assert done.report.data.simulated
    return done.report


def extractor(path: str, **more: object) -> list[str]:
    return [f"{path}.{key}={value}" for key, value in {**EXTRACTOR, **more}.items()]


def test_mimii_dg_baselines(
    twin: Path, store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASDBENCH_DATA", "unused")
    report = reduced(
        "mimii_dg_baselines",
        twin,
        store,
        tmp_path / "out",
        "detectors.ae.params.epochs=1",
        "detectors.mobilenet-v2.params.epochs=1",
    )
    compared = [r for r in report.published if r.ours is not None]
    assert len(compared) == 2 * 2 * 3 * 2  # methods, machines, sections, domains
    assert {r.reason for r in report.published if r.machine is None} == {
        "gearbox, bearing, slider: no part of this run"
    }
    assert [gate.verdict for gate in report.gates] == ["inconclusive", "inconclusive"]


def test_gammavae_dcase2024(
    twin: Path, store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASDBENCH_DATA", "unused")
    names = ("baseline", "gamma-vae", "gamma-vae-printed")
    report = reduced(
        "gammavae_dcase2024",
        twin,
        store,
        tmp_path / "out",
        *(f"detectors.{name}.params.epochs=1" for name in names),
    )
    compared = [r for r in report.published if r.ours is not None]
    assert len(compared) == 2 * 2 * 3  # methods, machines, AUC of two domains and pAUC
    assert {r.detector for r in compared} == {"baseline", "gamma-vae"}


def test_neighborhood_smoothing(
    twin: Path, store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASDBENCH_DATA", "unused")
    chosen = [
        f'selections.{name}.{key}.sections=["{sections}"]'
        for name in ("serial-oe", "proposed")
        for key, sections in (("choose_on", '00","01'), ("report_on", "02"))
    ]
    report = reduced(
        "neighborhood_smoothing",
        twin,
        store,
        tmp_path / "out",
        'dataset.sections=["00","01","02"]',
        *chosen,
        "detectors.ae.params.epochs=1",
        "detectors.smooth.params.generative.params.epochs=1",
        *extractor("detectors.serial.params"),
        *extractor("detectors.smooth.params.discriminative.params"),
        "detectors.serial.sweep.clusters=[1, 2]",
        "detectors.smooth.sweep.neighbors=[2, 8]",
    )
    rows = {(r.selection, r.machine): r for r in report.selections}
    assert set(rows) == {(s, m) for s in ("serial-oe", "proposed") for m in ("fan", "valve", None)}
    for row in report.selections:
        assert row.reason is None
        assert row.hmean is not None
        assert row.oracle_hmean is not None
    for machine in ("fan", "valve"):
        row = rows["proposed", machine]
        assert row.candidates == 4
        assert row.chosen is not None
        assert row.chosen.startswith("smooth.neighbors-")
        assert row.oracle_hmean >= row.hmean
    assert all(r.ours is None and r.reason for r in report.published)  # sections 03-05
    assert {gate.verdict for gate in report.gates} == {"inconclusive"}


def test_neighborhood_samples(
    twin: Path, store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASDBENCH_DATA", "unused")
    report = reduced(
        "neighborhood_samples",
        twin,
        store,
        tmp_path / "out",
        'dataset.sections=["00","01","02"]',
        "detectors.ae.params.epochs=1",
        "detectors.smooth.params.generative.params.epochs=1",
        *extractor("detectors.smooth.params.discriminative.params"),
        "detectors.smooth.sweep.neighbors=[4]",
        "detectors.smooth.sweep.pool=[all]",
        "detectors.smooth.sweep.share=[0.25, 1.0]",
        "detectors.smooth.sweep.trial=[0, 1]",
    )
    aucs = {
        p.id: [c.auc.real for c in report.cells if c.detector == p.id] for p in report.detectors
    }

    def of(share: float, trial: int) -> list[float | None]:
        return aucs[f"smooth.share-{share}.trial-{trial}.neighbors-4.pool-all"]

    assert of(0.25, 0) != of(0.25, 1)
    assert of(1.0, 0) == of(1.0, 1)  # there is one way to take all


def write_dcase_2021(root: Path) -> None:
    """Write both subsets in the layout of 2021, with short noise: louder where it is anomalous."""
    rng = np.random.default_rng(3)
    for machine in ("fan", "gearbox", "pump", "slider", "ToyCar", "ToyTrain", "valve"):
        for section in range(6):
            subset = "dev_data" if section < 3 else "eval_data"
            for folder, domain, label, count in (
                ("train", "source", "normal", 3),
                ("train", "target", "normal", 1),
                *(
                    (f"{domain}_test", domain, label, 3)
                    for domain in ("source", "target")
                    for label in ("normal", "anomaly")
                ),
            ):
                split = folder.rpartition("_")[2]
                for i in range(count):
                    level = 0.1 * (1.2 if label == "anomaly" else 1.0) * rng.uniform(0.8, 1.2)
                    name = f"section_{section:02d}_{domain}_{split}_{label}_{i:04d}.wav"
                    path = root / subset / machine / folder / name
                    path.parent.mkdir(parents=True, exist_ok=True)
                    audio = np.clip(level * rng.standard_normal(2000), -1, 1)
                    soundfile.write(path, audio, 16000, subtype="PCM_16")


def test_table_2_is_filled_from_both_subsets_of_2021(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The suite as it ships, with detectors that take no time."""
    monkeypatch.setenv("ASDBENCH_DATA", "unused")
    write_dcase_2021(tmp_path / "data")
    (tmp_path / "level.py").write_text(DETECTOR)
    sweep = "sweep: {sign: [1, -1]}"
    detectors = f"{{id: ae, use: level}}, {{id: serial, use: level, {sweep}}}, "
    detectors += f"{{id: smooth, use: level, {sweep}}}"
    done = run(
        "neighborhood_smoothing",
        overrides=[
            f"dataset.root={tmp_path / 'data'}",
            f"plugins=[{tmp_path / 'level.py'}]",
            f"detectors=[{detectors}]",
        ],
        store=tmp_path / "store",
        out=tmp_path / "out",
        workers=0,
        device="cpu",
    )
    report = done.report
    assert done.complete
    assert len(report.published) == 4 * 9
    assert all(row.reason is None for row in report.published)
    ours = {(r.method, r.machine, r.section): r.ours for r in report.published}
    cells = [
        c
        for c in report.cells
        if (c.detector, c.machine) == ("ae", "fan")
        and c.section in ("03", "04", "05")
        and c.domain != "all"
    ]
    assert len(cells) == 6
    values = [v for c in cells for v in (c.auc.real, c.pauc.real)]
    assert ours["AE", "fan", None] == pytest.approx(len(values) / sum(1 / v for v in values))
    toy_car = [
        c.auc.real
        for c in report.cells
        if (c.detector, c.machine, c.section) == ("ae", "ToyCar", "05") and c.domain != "all"
    ]
    assert ours["AE", "ToyCar", "05"] == pytest.approx(sum(toy_car) / 2)
    assert ours["Proposed (Oracle)", None, None] >= ours["Proposed", None, None]
    assert {gate.id: len(gate.values) for gate in report.gates} == {"all-hmean": 4, "machines": 28}
    assert {gate.verdict for gate in report.gates} <= {"pass", "fail"}
