from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from asdbench.engine.forecast import forecast, gate_forecast
from asdbench.engine.forecast.duration import estimate
from asdbench.engine.forecast.outlook import Outlook
from asdbench.engine.forecast.power import PowerRow
from asdbench.engine.plan import make_plan
from asdbench.engine.run import run
from asdbench.engine.store import Store
from asdbench.errors import DataError
from asdbench.stats.power import Sizes, certifiable_margin, gap_se
from asdbench.suite import LoadedSuite, examine, load_suite

DETECTORS = "detectors: [{id: ae, use: dcase-ae}, {id: knn, use: knn}]\n"
SUITE = """\
schema: asdbench/suite@1
name: planned
dataset: {use: simulated, train: 99, test: 50, machines: [fan, valve], sections: ["00", "01"]}
split: {generator_train: 0.5}
generators: [{id: altered, use: perturb}, {id: again, use: resample}]
grids:
  faults: {generator: altered, label: anomaly, multiplier: 4}
  normals: {generator: altered, label: normal, multiplier: 2}
  copies: {generator: again, label: anomaly}
"""


def loaded(tmp_path: Path, gates: str = "", text: str = SUITE + DETECTORS) -> LoadedSuite:
    path = tmp_path / "my.yaml"
    path.write_text(text + (f"gates: [{gates}]\n" if gates else ""))
    found, problems = examine(path, data_needed=False)
    assert found is not None, [str(problem) for problem in problems]
    return found


def outlooks(tmp_path: Path, *gates: str, text: str = SUITE + DETECTORS) -> list[Outlook]:
    wanted = ", ".join(f"{{id: g{i}, {gate}}}" for i, gate in enumerate(gates))
    return gate_forecast(loaded(tmp_path, wanted, text))


def row(rows: tuple[PowerRow, ...], generator: str, gap: str, over: str) -> PowerRow:
    (found,) = [r for r in rows if generator in r.generators and (r.gap, r.over) == (gap, over)]
    return found


def test_clips_are_counted_without_any_audio(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    found = forecast(loaded(tmp_path), store)
    assert not store.root.exists()  # nothing is written
    assert len(found.expected.sections) == 4
    fan = found.expected.sections[0]
    assert (fan.machine, fan.section) == ("fan", "00")
    assert fan.normals == {"source": 50, "target": 50}
    assert fan.anomalies == {"source": 25, "target": 25}
    assert fan.made == {
        "faults": {"source": 100, "target": 100},
        "normals": {"source": 100, "target": 100},
        "copies": {"source": 25, "target": 25},
    }
    kinds = {count.kind: (count.total, count.todo) for count in found.tasks}
    assert kinds["clips"] == (12, 12)
    assert found.absent is None


def test_what_can_be_certified_follows_from_the_numbers_of_clips(tmp_path: Path) -> None:
    rows = forecast(loaded(tmp_path), Store(tmp_path / "store")).power
    paper = Sizes(50, 50, 200)
    section = row(rows, "altered (faults)", "paper", "section")
    assert section.sizes == paper
    assert section.margins == pytest.approx(
        [certifiable_margin(gap_se(auc, paper)) for auc in (0.6, 0.75, 0.9)]
    )
    machine = Sizes(50, 50, 200, domains=2, sections=2)
    assert row(rows, "altered (faults)", "paper", "machine").margins[1] == pytest.approx(
        certifiable_margin(gap_se(0.75, machine))
    )
    matched = Sizes(50, 50, 200, 100, domains=2, sections=4)
    assert row(rows, "altered (faults)", "matched", "suite").margins[1] == pytest.approx(
        certifiable_margin(gap_se(0.75, matched))
    )
    assert all("again (copies)" not in r.generators for r in rows if r.gap == "matched")


def test_a_definition_without_shared_anomalies_certifies_less(tmp_path: Path) -> None:
    text = SUITE + DETECTORS + "definition: dcase2021\n"
    rows = forecast(loaded(tmp_path, text=text), Store(tmp_path / "store")).power
    assert row(rows, "altered (faults)", "paper", "section").sizes == Sizes(50, 25, 100)


def test_a_margin_that_cannot_be_certified_is_named_with_what_to_change(tmp_path: Path) -> None:
    wide, narrow, joint = outlooks(
        tmp_path,
        "check: equivalence, margin: 0.2, generators: [altered]",
        "check: equivalence, margin: 0.05, generators: [altered]",
        "check: equivalence, margin: 0.11, generators: [altered]",
    )
    assert wide.expected == "can pass"
    assert wide.chance == pytest.approx(1.0, abs=0.01)
    assert narrow.expected == "cannot pass"
    assert "certifiable with 80 % power: 0.117 at AUC 0.6, 0.100 at AUC 0.75" in narrow.reason
    assert "Set the margin to 0.1 or more" in narrow.advice
    assert "no number of generated clips alone is enough" in narrow.advice
    assert joint.expected in ("unlikely", "can pass")
    assert joint.chance is not None
    assert joint.chance < 0.9


def test_enough_clips_are_enough(tmp_path: Path) -> None:
    """What the advice says is needed passes when it is tried."""
    (narrow,) = outlooks(
        tmp_path, "check: equivalence, over: suite, margin: 0.065, generators: [again]"
    )
    assert narrow.expected == "cannot pass"
    assert "generate 1.5 times as many clips" in narrow.advice
    more = (SUITE + DETECTORS).replace("copies: {", "copies: {multiplier: 1.5, ")
    (enough,) = outlooks(
        tmp_path,
        "check: equivalence, over: suite, margin: 0.065, generators: [again]",
        text=more,
    )
    assert enough.expected != "cannot pass"


@pytest.mark.parametrize(
    ("gate", "expected", "reason"),
    [
        ("check: artifact, margin: 0.2, generators: [altered]", "can pass", "margin 0.2"),
        ("check: artifact, margin: 0.01, generators: [altered]", "cannot pass", "certifiable"),
        ("check: artifact, margin: 0.2", "cannot pass", "no grid of generated normals"),
        (
            "check: equivalence, arm: codec, margin: 0.1",
            "cannot pass",
            "no grid of coded normals",
        ),
        ("check: equivalence, gap: coded, margin: 0.1", "cannot pass", "no grid of coded"),
        ("check: equivalence, gap: matched, margin: 0.3", "cannot pass", "no grid of generated"),
        ("check: equivalence, metric: pauc, margin: 0.1", "unknown", "pAUC"),
        ("check: sign", "cannot pass", "2 machines, 4 detectors and grids"),
        ("check: rank_agreement", "cannot pass", "2 detectors are no ranking"),
        ("check: leakage", "can pass", "every generator says"),
        ("check: memorization", "can pass", "grids: faults, normals, copies"),
        ("check: coverage, max_distance: 1.0", "cannot pass", "beyond the conditions"),
        ("check: coverage, min_validated: 0.5", "cannot pass", "too few to show a gap within"),
        (
            "check: coverage, min_validated: 0.5, generators: [again]",
            "cannot pass",
            "again (fan, valve): a condition has at most",
        ),
    ],
)
def test_gates_are_judged_before_a_run(
    tmp_path: Path, gate: str, expected: str, reason: str
) -> None:
    (found,) = outlooks(tmp_path, gate)
    assert (found.expected, reason in found.reason) == (expected, True), found
    assert bool(found.advice) == (expected == "cannot pass")


FEW = """\
schema: asdbench/suite@1
name: few
dataset: {use: simulated, train: 12, test: 4, machines: [fan], sections: ["00"]}
split: {folds: 4}
generators: [{id: again, use: resample}, {id: idle, use: perturb}]
grids:
  copies: {generator: again, multiplier: 2}
  swept: {generator: again, axes: {fan: {"00": {m-n: {from: dataset}}}}}
"""


def test_so_few_clips_that_copies_cannot_be_found_are_no_pass(tmp_path: Path) -> None:
    (few,) = outlooks(tmp_path, "check: memorization", text=FEW + DETECTORS)
    assert few.expected == "cannot pass"
    assert "copies fan: too few clips to find copies" in few.reason
    assert "would not be below 0.012" in few.reason  # 4 folds of 4 clips beside 2 real ones
    more = (FEW + DETECTORS).replace("multiplier: 2", "multiplier: 3")
    (enough,) = outlooks(tmp_path, "check: memorization", text=more)
    assert enough.expected == "can pass"


WIDE = """\
schema: asdbench/suite@1
name: wide
dataset: {use: simulated, train: 40, test: TEST, machines: [fan, valve], sections: ["00"]}
split: {folds: 2}
generators: [{id: again, use: resample}, {id: other, use: perturb}]
grids:
  copies: {generator: again, multiplier: 1}
  swept: {generator: again, axes: {fan: {"00": {m-n: {from: dataset, add: [Q]}}}}}
statistics: {margin: MARGIN}
"""


@pytest.mark.parametrize(
    ("test", "margin", "gate", "expected", "said"),
    [
        # 12 normals and 12 anomalies a domain: 6 of each of the conditions.
        (12, 0.3, "min_validated: 0.1", "cannot pass", ["6 real", "10 are needed", "Have more"]),
        (12, 0.3, "max_distance: 1.0", "cannot pass", ["again (valve): no grid goes beyond"]),
        (60, 0.05, "min_validated: 0.1", "cannot pass", ["margin higher", "within 0.05"]),
        (60, 0.3, "min_validated: 0.5", "can pass", ["up to 30 real"]),
        (60, 0.3, "max_distance: 1.0", "cannot pass", ["again (valve)", "generators"]),
        (60, 0.3, "max_distance: 1.0, generators: [other]", "cannot pass", ["no grid generates"]),
    ],
)
def test_the_map_is_judged_by_condition(
    tmp_path: Path, test: int, margin: float, gate: str, expected: str, said: list[str]
) -> None:
    text = WIDE.replace("TEST", str(test)).replace("MARGIN", str(margin)) + DETECTORS
    (found,) = outlooks(tmp_path, f"check: coverage, {gate}", text=text)
    words = f"{found.reason} {found.advice}"
    assert (found.expected, [w for w in said if w not in words]) == (expected, []), found


@pytest.mark.parametrize(("test", "expected"), [(12, "cannot pass"), (60, "unknown")])
def test_distances_need_a_condition_that_can_be_validated(
    tmp_path: Path, test: int, expected: str
) -> None:
    swept = WIDE.replace("machines: [fan, valve]", "machines: [fan]")
    text = swept.replace("TEST", str(test)).replace("MARGIN", "0.3") + DETECTORS
    (found,) = outlooks(tmp_path, "check: coverage, max_distance: 1.0", text=text)
    assert found.expected == expected, found
    assert ("no validated condition" in found.reason) == (expected == "cannot pass")


def test_one_machine_is_no_machines_of_a_plan(tmp_path: Path) -> None:
    (found,) = outlooks(tmp_path, "check: sign, detectors: [ae]", text=FEW + DETECTORS)
    assert found.reason.startswith("1 machine, 1 detector and grid: no p-value")


def test_a_generator_that_is_not_fitted_is_not_audited(tmp_path: Path) -> None:
    every, named = outlooks(
        tmp_path, "check: leakage", "check: leakage, generators: [idle]", text=FEW + DETECTORS
    )
    assert every.expected == "can pass"
    assert named.expected == "cannot pass"
    assert named.reason == "idle: no grid asks for its clips, so it is not fitted"
    fits = make_plan(loaded(tmp_path, text=FEW + DETECTORS), Store(tmp_path / "store")).audits.fits
    assert {fit.generator for fit in fits} == {"again"}


@pytest.mark.parametrize(
    "gate",
    [
        "check: equivalence, margin: 0.3, grids: [swept]",
        "check: sign, grids: [swept]",
        "check: memorization, grids: [swept]",
        "check: fidelity, grids: [swept]",
    ],
)
def test_grids_over_axes_serve_the_map_alone(tmp_path: Path, gate: str) -> None:
    (found,) = outlooks(tmp_path, gate, text=FEW + DETECTORS)
    assert found.expected == "cannot pass"
    assert found.reason == "grid swept is over axes and serves the coverage map only"
    assert "without axes" in found.advice


def test_published_numbers_cannot_be_met_by_simulated_clips(tmp_path: Path) -> None:
    text = SUITE + DETECTORS + "references: [{use: mimii_dg_table3, detectors: {AE: ae}}]\n"
    gate = "check: reference, reference: mimii_dg_table3, metric: auc, over: all, tolerance: 0.1"
    (found,) = outlooks(tmp_path, gate, text=text)
    assert found.expected == "cannot pass"
    assert "simulated" in found.reason


def test_a_generator_that_says_nothing_of_its_training_cannot_pass(
    tmp_path: Path, arms_suite: Path
) -> None:
    arms_suite.write_text(arms_suite.read_text() + "gates: [{id: g, check: leakage}]\n")
    (found,) = gate_forecast(load_suite(arms_suite))
    assert found.expected == "cannot pass"
    assert "tape: does not say what it learned from" in found.reason


@pytest.mark.slow
def test_the_full_data_set_is_planned_without_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ASDBENCH_DATA", raising=False)
    suite, _ = examine("mimii_dg", data_needed=False)
    assert suite is not None
    found = forecast(suite, Store(tmp_path / "store"))
    assert found.absent is not None
    assert len(found.expected.sections) == 15
    assert len(found.expected.split.detector_train) == 15_000
    assert "dataset" not in {count.kind for count in found.tasks}
    machine = row(found.power, "perturb (perturbed)", "paper", "machine")
    assert [round(margin, 3) for margin in machine.margins] == [0.076, 0.065, 0.04]
    assert {gate.gate: gate.expected for gate in found.gates} == dict.fromkeys(
        ("fidelity", "machines", "artifact", "leakage"), "can pass"
    )


def test_data_of_unknown_layout_must_be_there(tmp_path: Path) -> None:
    text = SUITE.partition("dataset:")[0] + "dataset: {use: dcase, root: none, year: 2021}\n"
    with pytest.raises(DataError, match="none"):
        forecast(loaded(tmp_path, text=text + DETECTORS), Store(tmp_path / "store"))


@pytest.mark.slow
def test_the_time_is_that_of_like_tasks_scaled_by_clips(toy_suite: Path, tmp_path: Path) -> None:
    suite = load_suite(toy_suite)
    store = Store(tmp_path / "store")
    before = forecast(suite, store)
    assert (before.duration.known, before.duration.low) == (0, 0.0)
    assert "fit detector level" in before.duration.unknown
    run(suite, store=store.root, out=tmp_path / "out", workers=0, device="cpu")
    after = forecast(suite, store)
    assert [count.todo for count in after.tasks] == [0] * len(after.tasks)
    more = load_suite(toy_suite, ["grids.perturbed.multiplier=4", "seeds.master=5"])
    found = forecast(more, store).duration
    assert not found.unknown
    assert found.devices == ("cpu",)
    assert 0.0 < found.low <= found.high
    made = _infos(store, "clips", "perturb")
    assert {work["size"] for work in made} == {12}
    task = next(t for t in make_plan(more, store).tasks if t.title == "generate perturbed fan/00")
    one = estimate([task], store)  # of 24 clips
    assert one.low == pytest.approx(2.0 * min(work["seconds"] for work in made))
    assert one.high == pytest.approx(2.0 * max(work["seconds"] for work in made))


def _infos(store: Store, kind: str, plugin: str) -> list[dict[str, Any]]:
    paths = sorted((store.root / kind).glob("*/*/info.json"))
    found = [json.loads(path.read_text())["work"] for path in paths]
    return [work for work in found if work["plugin"] == plugin]
