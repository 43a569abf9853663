from __future__ import annotations

import csv
import io
from collections.abc import Mapping

import pytest

from asdbench.metrics.definitions import DefinitionId
from asdbench.report.gates import check_gates, verdict_of
from asdbench.report.outcome_schema import GateResult, PublishedRow
from asdbench.report.real_results import RealResults
from asdbench.report.references import published_rows
from asdbench.report.schema import Cell, Comparison
from asdbench.report.selection import select
from asdbench.report.tables import _gate_rows
from asdbench.suite.gate_models import ReferenceGateModel
from asdbench.suite.model import Suite
from asdbench.suite.outcome_models import SelectionModel
from asdbench.suite.reference import Reference
from made_report import made_report

Table = Mapping[tuple[str, str, str], tuple[float, float]]
"""(detector, machine, section) -> AUC of the source and of the target domain."""


def comparison(value: float | None, reason: str | None = None) -> Comparison:
    return Comparison(real=value, generated=None, gap=None, reason=reason)


def cell(detector: str, machine: str, section: str, domain: str, auc: float | None) -> Cell:
    """pAUC is the AUC less 0.1; of the whole section, 0.6."""
    failed = "task failed" if auc is None else None
    pauc = 0.6 if domain == "all" else None if auc is None else auc - 0.1
    return Cell(
        machine=machine,
        section=section,
        domain=domain,
        detector=detector,
        generator=None,
        grid=None,
        n_normal=0 if failed else 50,
        n_anomaly_real=0 if failed else 50,
        n_anomaly_generated=0,
        repeats=1,
        auc=comparison(auc, failed),
        pauc=comparison(None if failed else pauc, failed),
        status="error" if failed else "ok",
        reason=failed,
    )


def results(
    table: Table,
    definition: DefinitionId = DefinitionId.DCASE2021,
    failed: tuple[str, str, str] | None = None,
) -> RealResults:
    cells = []
    for key, (source, target) in table.items():
        aucs = {"source": source, "target": target, "all": (source + target) / 2}
        cells += [cell(*key, domain, None if key == failed else v) for domain, v in aucs.items()]
    return RealResults.of(cells, definition)


TABLE: Table = {
    ("a", "fan", "00"): (0.9, 0.8),  # the best to choose on
    ("b", "fan", "00"): (0.7, 0.6),
    ("a", "fan", "01"): (0.6, 0.5),
    ("b", "fan", "01"): (0.8, 0.8),  # the best to report on
    ("a", "pump", "00"): (0.5, 0.5),
    ("b", "pump", "00"): (0.7, 0.7),
    ("a", "pump", "01"): (0.5, 0.5),
    ("b", "pump", "01"): (0.9, 0.7),
}
BEST = SelectionModel.model_validate(
    {
        "id": "best",
        "among": ("a", "b"),
        "choose_on": {"sections": ("00",)},
        "report_on": {"sections": ("01",)},
    }
)


def hmean(*values: float) -> float:
    return len(values) / sum(1 / value for value in values)


def test_the_choice_is_made_on_other_sections_than_the_result() -> None:
    fan, pump, everything = select([BEST], results(TABLE))
    assert (fan.machine, fan.chosen, fan.oracle) == ("fan", "a", "b")
    assert fan.validation == pytest.approx(hmean(0.9, 0.8, 0.8, 0.7))
    assert fan.hmean == pytest.approx(hmean(0.6, 0.5, 0.5, 0.4))
    assert fan.auc == pytest.approx(0.55)
    assert fan.pauc == pytest.approx(0.45)
    assert fan.oracle_hmean == pytest.approx(hmean(0.8, 0.8, 0.7, 0.7))
    assert (pump.chosen, pump.oracle) == ("b", "b")
    assert pump.hmean == pump.oracle_hmean
    assert (everything.machine, everything.chosen, everything.reason) == (None, None, None)
    values = (0.6, 0.5, 0.5, 0.4, 0.9, 0.7, 0.8, 0.6)
    assert everything.hmean == pytest.approx(hmean(*values))
    assert everything.oracle_hmean >= everything.hmean


def test_the_harmonic_mean_follows_the_definition() -> None:
    found = results(TABLE, DefinitionId.DCASE2022).measure("hmean", {"fan": "a"}, ["00"])
    assert found.value == pytest.approx(hmean(0.9, 0.8, 0.6))
    found = results(TABLE, DefinitionId.DCASE2022).measure("pauc", {"fan": "a"}, ["00"])
    assert found.value == pytest.approx(0.6)
    found = results(TABLE).measure("pauc", {"fan": "a"}, ["00"], "target")
    assert found.value == pytest.approx(0.7)


def test_the_first_of_equals_is_chosen() -> None:
    table = {(d, "fan", s): (0.7, 0.6) for d in "ab" for s in ("00", "01")}
    assert select([BEST], results(table))[0].chosen == "a"


def test_no_choice_is_made_among_those_that_happened_to_succeed() -> None:
    fan, pump, everything = select([BEST], results(TABLE, failed=("b", "fan", "00")))
    assert (fan.chosen, fan.hmean, fan.validation) == (None, None, None)
    assert fan.reason == "1 of 2 have no result to choose by (task failed)"
    assert fan.oracle == "b"
    assert pump.chosen == "b"
    assert (everything.hmean, everything.reason) == (None, "1 of 2 machines have no choice")


def test_sections_that_were_not_run_are_named() -> None:
    table = {key: value for key, value in TABLE.items() if key[2] == "00"}
    fan, *_ = select([BEST], results(table))
    assert (fan.chosen, fan.hmean, fan.oracle) == ("a", None, None)
    assert fan.reason is not None
    assert "fan/01 is no part of this run" in fan.reason


def reference(**changes: object) -> Reference:
    content = {
        "schema": "asdbench/reference@1",
        "id": "paper",
        "source": "A paper.",
        "what": "Numbers.",
        "definition": "dcase2021",
        "sections": ("01",),
        "values": (
            {"method": "A", "machine": "fan", "section": "01", "domain": "source", "metric": "auc"},
            {"method": "A", "machine": "fan", "section": "01", "domain": "target", "metric": "auc"},
            {"method": "A", "machine": "pump", "section": "01", "metric": "auc"},
            {"method": "Best", "machine": "fan", "metric": "hmean"},
            {"method": "Best", "machine": "pump", "metric": "hmean"},
            {"method": "Best", "metric": "hmean"},
            {"method": "Bound", "machine": "fan", "metric": "hmean"},
            {"method": "Other", "machine": "fan", "metric": "hmean"},
        ),
        **changes,
    }
    content["values"] = tuple({"value": 0.5, **v} for v in content["values"])  # type: ignore[attr-defined]
    return Reference.model_validate(content)


def suite(**detectors: str) -> Suite:
    named = detectors or {"A": "a", "Best": "best", "Bound": "best:oracle"}
    return Suite.model_validate(
        {
            "name": "s",
            "dataset": {"use": "manifest"},
            "definition": "dcase2021",
            "detectors": [{"id": name, "use": "dcase-ae"} for name in "ab"],
            "selections": [BEST.model_dump()],
            "references": [{"use": "paper", "detectors": named}],
        }
    )


def published(table: Table = TABLE, **detectors: str) -> list[PublishedRow]:
    found = results(table)
    asked = suite(**detectors)
    return published_rows(asked, {"paper": reference()}, select(asked.selections, found), found)


def test_ours_stands_beside_what_was_published() -> None:
    rows = published()
    assert [(r.method, r.detector) for r in rows[::3]] == [
        ("A", "a"),
        ("Best", "best"),
        ("Bound", "best:oracle"),
    ]
    ours = [r.ours for r in rows]
    assert ours[:3] == pytest.approx([0.6, 0.5, 0.5])
    assert ours[3] == pytest.approx(hmean(0.6, 0.5, 0.5, 0.4))
    assert ours[5] == pytest.approx(hmean(0.6, 0.5, 0.5, 0.4, 0.9, 0.7, 0.8, 0.6))
    assert ours[6] == pytest.approx(hmean(0.8, 0.8, 0.7, 0.7))
    assert rows[0].difference == pytest.approx(0.1)
    assert all(r.reason is None for r in rows)


def test_what_has_no_counterpart_says_why() -> None:
    rows = published({key: value for key, value in TABLE.items() if key[1] == "fan"})
    reasons = {(r.method, r.machine): r.reason for r in rows}
    assert reasons["A", "fan"] is None
    assert reasons["A", "pump"] == "pump: no part of this run"
    assert reasons["Best", None] == "pump: no part of this run"
    assert all((r.ours is None) == (r.difference is None) == (r.reason is not None) for r in rows)


def test_no_number_comes_from_sections_that_were_chosen_on() -> None:
    found = results(TABLE)
    asked = suite()
    on_both = reference(sections=("00", "01"))
    rows = published_rows(asked, {"paper": on_both}, select(asked.selections, found), found)
    (best,) = [r for r in rows if (r.method, r.machine) == ("Best", "fan")]
    assert (best.ours, best.reason) == (None, "'best' does not report on section 00")


def check(tolerance: float, metric: str, over: str, simulated: bool = False) -> GateResult:
    gate = ReferenceGateModel.model_validate(
        {
            "id": "g",
            "check": "reference",
            "reference": "paper",
            "metric": metric,
            "over": over,
            "tolerance": tolerance,
        }
    )
    (result,) = check_gates([gate], made_report(published=published(), simulated=simulated))
    return result


@pytest.mark.parametrize(
    ("metric", "over", "tolerance", "verdict", "values"),
    [
        ("auc", "section", 0.1, "pass", 3),  # off by 0.1, 0 and 0: the limit itself passes
        ("auc", "section", 0.09, "fail", 3),
        ("auc", "machine", 0.05, "pass", 2),  # the mean of the domains is off by 0.05
        ("auc", "machine", 0.04, "fail", 2),
        ("auc", "all", 0.034, "pass", 1),
        ("auc", "all", 0.03, "fail", 1),
        ("hmean", "machine", 0.25, "pass", 3),
        ("hmean", "machine", 0.2, "fail", 3),
        ("hmean", "all", 0.3, "pass", 2),  # Best: what is published over all; Bound: of fan
        ("pauc", "all", 0.3, "inconclusive", 0),
    ],
)
def test_a_gate_compares_at_its_level(
    metric: str, over: str, tolerance: float, verdict: str, values: int
) -> None:
    result = check(tolerance, metric, over)
    assert (result.verdict, len(result.values)) == (verdict, values), result.reason


def test_over_all_prefers_what_was_published_over_all() -> None:
    best = next(v for v in check(0.5, "hmean", "all").values if v.method == "Best")
    assert best.ours == pytest.approx(hmean(0.6, 0.5, 0.5, 0.4, 0.9, 0.7, 0.8, 0.6))


@pytest.mark.parametrize("tolerance", [0.5, 0.01])
def test_simulated_data_neither_pass_nor_fail(tolerance: float) -> None:
    result = check(tolerance, "auc", "section", simulated=True)
    assert result.verdict == "inconclusive"
    assert result.reason.startswith("not applicable: simulated")
    assert all(value.ours is not None for value in result.values)


def test_a_missing_number_is_inconclusive_unless_another_is_off() -> None:
    table = {key: value for key, value in TABLE.items() if key[1] == "fan"}
    gate = ReferenceGateModel(
        id="g", check="reference", reference="paper", metric="auc", over="section", tolerance=0.1
    )
    report = made_report(published=published(table))
    (missing,) = check_gates([gate], report)
    assert missing.verdict == "inconclusive"
    assert missing.reason == "1 of 3 values have no counterpart in this run"
    strict = gate.model_copy(update={"tolerance": 0.05})
    (off,) = check_gates([strict], report)
    assert off.verdict == "fail"
    assert verdict_of([missing, off]) == "fail"
    assert verdict_of([missing]) == "inconclusive"


def test_a_gate_without_values_is_a_row_too() -> None:
    empty = check(0.3, "pauc", "all")
    assert [row["gate_verdict"] for row in _gate_rows(empty)] == ["inconclusive"]
    full = check(0.3, "auc", "section")
    text = io.StringIO()
    rows = list(_gate_rows(full))
    csv.DictWriter(text, list(rows[0])).writerows(rows)
    assert len(text.getvalue().splitlines()) == 3
