from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from asdbench.comparison import compare
from asdbench.report.schema import Report
from asdbench.report.write import read_report, write_report

DATA = Path(__file__).parents[1] / "historic_reports"


@pytest.fixture
def base() -> Report:
    return read_report(DATA / "report_1.json")


def moved(report: Report, row: int, by: float) -> Report:
    cells = list(report.cells)
    auc = cells[row].auc
    cells[row] = cells[row].model_copy(
        update={"auc": auc.model_copy(update={"real": auc.real + by})}
    )
    return report.model_copy(update={"cells": tuple(cells)})


def test_old_reports_load(base):
    assert base.schema_ == "asdbench/report@1"
    assert len(base.cells) == 24


def test_old_reports_with_arms_load():
    report = read_report(DATA / "report_2.json")
    assert len(report.arms) == 12
    assert len(report.artifacts) == 4


@pytest.mark.parametrize("name", ["report_1.json", "report_2.json"])
def test_old_reports_are_rendered(name, tmp_path):
    report = read_report(DATA / name)
    write_report(report, tmp_path)
    page = (tmp_path / "report.md").read_text()
    assert ("## Arms" in page) == bool(report.arms)
    assert read_report(tmp_path) == report


def test_lost_arms_are_lost_and_new_ones_are_not():
    full = read_report(DATA / "report_2.json")
    less = full.model_copy(update={"arms": ()})
    outcome = compare(full, less)
    assert outcome.exit_code == 5
    assert {c.status for c in outcome.changes} == {"lost"}
    assert {c.value for c in outcome.changes} == {
        f"{metric}_{arm}"
        for metric in ("auc", "pauc")
        for arm in ("matched", "artifact", "coded", "codec")
    } | {"auc_matched_gap", "auc_coded_gap"}
    more = compare(less, full)
    assert (more.exit_code, more.counts["new"]) == (0, len(outcome.changes))


def test_a_report_equals_itself(base):
    outcome = compare(base, base)
    assert outcome.verdict == "same"
    assert outcome.exit_code == 0
    assert outcome.n_rows == 24


@pytest.mark.parametrize("by", [0.011, -0.011])
def test_a_change_beyond_tolerance_counts_in_both_directions(base, by):
    outcome = compare(base, moved(base, 0, by))
    assert outcome.exit_code == 3
    (change,) = outcome.changes
    assert change.value == "auc_real"
    assert change.difference == pytest.approx(by)
    assert (change.key.machine, change.key.section) == (base.cells[0].machine, "00")
    assert change.status == ("improvement" if by > 0 else "regression")
    assert str(change.key) == "fan/00/source/level/perturbed"


def test_a_change_at_tolerance_does_not_count(base):
    assert compare(base, moved(base, 0, 0.01), tolerance=0.01).verdict == "same"


def test_a_lost_row_is_incomplete(base):
    shorter = base.model_copy(update={"cells": base.cells[1:]})
    outcome = compare(base, shorter)
    assert outcome.exit_code == 5
    assert len(outcome.lost) == 1
    assert compare(shorter, base).added == outcome.lost
    assert compare(shorter, base).exit_code == 0


def test_a_failed_row_is_lost(base):
    failed = base.cells[0].model_copy(update={"status": "error"})
    worse = base.model_copy(update={"cells": (failed, *base.cells[1:])})
    assert compare(base, worse).exit_code == 5


def test_a_value_that_became_null_is_lost_and_the_other_way_it_appeared(base):
    auc = base.cells[0].auc.model_copy(update={"generated": None, "reason": "all clips failed"})
    cell = base.cells[0].model_copy(update={"auc": auc})
    without = base.model_copy(update={"cells": (cell, *base.cells[1:])})
    outcome = compare(base, without)
    assert outcome.exit_code == 5
    (change,) = outcome.changes
    assert (change.value, change.status, change.difference) == ("auc_paper", "lost", None)
    assert "all clips failed" in (change.reason or "")
    back = compare(without, base)
    assert back.exit_code == 3
    assert [(c.value, c.status) for c in back.changes] == [("auc_paper", "appeared")]
    neither = compare(without, without)
    assert (neither.verdict, neither.exit_code) == ("unresolved", 0)
    assert "no value on either side" in (neither.unresolved[0].reason or "")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"definition": "dcase2021"}, "metric definitions"),
        ({"suite": {"name": "other"}}, "different suites"),
        ({"data": {"digest": "f" * 64}}, "different data"),
        ({"data": {"split_digest": "0" * 64}}, "different splits"),
        ({"data": {"simulated": True}}, "simulated"),
    ],
)
def test_what_is_not_comparable(base, change, message):
    updates = {
        field: getattr(base, field).model_copy(update=value) if isinstance(value, dict) else value
        for field, value in change.items()
    }
    outcome = compare(base, base.model_copy(update=updates))
    assert outcome.exit_code == 4
    assert any(message in obstacle for obstacle in outcome.obstacles)
    assert not outcome.changes


def test_an_empty_base_is_not_comparable(base):
    outcome = compare(base.model_copy(update={"cells": ()}), base)
    assert outcome.exit_code == 4


def test_changed_code_and_parameters_are_noted(base):
    detector = base.detectors[0].model_copy(update={"code": "0" * 64, "params": {"x": 1}})
    new = base.model_copy(update={"detectors": (detector, *base.detectors[1:])})
    notes = " ".join(compare(base, new).notes)
    assert f"parameters of {detector.id} differ" in notes
    assert f"code of {detector.id} differs" in notes


def test_tolerance_is_reported(base):
    assert compare(base, base, 0.5).tolerances == {"default": 0.5}
    assert np.isclose(compare(base, moved(base, 0, 0.4), 0.5).n_rows, 24)
