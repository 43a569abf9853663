"""Findings under another margin or demand are never called better."""

from __future__ import annotations

import pytest

from asdbench.comparison import Side, compare
from asdbench.report.outcome_schema import GateResult, GateValue
from asdbench.report.schema import Report


def gate(name: str = "eq", verdict: str = "pass", **settings: object) -> GateResult:
    return GateResult.model_validate(
        {
            "id": name,
            "check": "equivalence",
            "settings": {"multiplicity": "holm", **settings},
            "verdict": verdict,
            "reason": "all pass",
            "values": (),
        }
    )


def with_gates(one: Side, *gates: GateResult) -> Report:
    return one.report.model_copy(update={"gates": gates})


def with_margin(one: Side, margin: float, word: str | None = None) -> Report:
    rows = tuple(
        row.model_copy(update={"margin": margin, "verdict": word or row.verdict})
        for row in one.report.verdicts
    )
    return one.report.model_copy(update={"verdicts": rows})


@pytest.mark.parametrize("word", [None, "negligible"])
def test_a_looser_margin_is_no_improvement(before: Side, word: str | None):
    base = with_margin(before, 0.05, "different")
    outcome = compare(base, with_margin(before, 0.5, word), gates={"verdict": 0.0})
    words = [row for row in outcome.rows if row.value.startswith("verdict_")]
    assert words
    assert {row.status for row in words} == {"other demand"}
    assert "margin 0.05 -> 0.5" in (words[0].reason or "")
    assert "margin 0.05 -> 0.5" in outcome.notes
    assert outcome.exit_code == 3


def test_a_looser_confidence_is_another_demand(before: Side):
    loose = before.report.model_copy(update={"confidence": 0.5})
    outcome = compare(before.report, loose, gates={"verdict": 0.0})
    assert {r.status for r in outcome.changes} == {"other demand"}
    assert outcome.exit_code == 3


@pytest.mark.parametrize("verdict", ["pass", "fail"])
def test_a_looser_gate_is_no_improvement(before: Side, verdict: str):
    base = with_gates(before, gate(verdict=verdict, margin=0.1))
    outcome = compare(base, with_gates(before, gate(margin=0.5)))
    (row,) = outcome.changes
    assert (row.value, row.status, outcome.exit_code) == ("gate_eq", "other demand", 3)
    assert "demand of gate eq changed: margin 0.1 -> 0.5" in outcome.notes


def test_a_setting_that_an_older_report_has_not_is_no_other_demand(before: Side):
    base = with_gates(before, gate(verdict="fail", margin=0.1))
    outcome = compare(base, with_gates(before, gate(margin=0.1, added_later=None)))
    (row,) = outcome.changes
    assert row.status == "improvement"


def test_published_numbers_belong_to_the_demand(before: Side):
    sides = [
        with_gates(
            before,
            gate(tolerance=0.1).model_copy(
                update={
                    "values": (GateValue(machine="fan", ours=0.7, published=value, verdict="pass"),)
                }
            ),
        )
        for value in (0.8, 0.7)
    ]
    (row,) = compare(*sides).changes
    assert row.reason == "under another demand: published/fan 0.8 -> 0.7"


def test_the_margin_of_the_suite_belongs_to_a_gate_on_coverage(before: Side):
    cover = gate("cov").model_copy(update={"check": "coverage"})
    sides = [
        with_margin(Side(with_gates(before, cover)), margin, "equivalent") for margin in (0.05, 0.5)
    ]
    rows = {row.value: row for row in compare(*sides).rows}
    assert rows["gate_cov"].reason == "under another demand: margin 0.05 -> 0.5"


def test_an_added_gate_is_new_and_covers_nothing_of_the_base(before: Side):
    bare = before.report.model_copy(
        update={"verdicts": (), "artifacts": (), "memorization": (), "fidelity": (), "leakage": ()}
    )
    more = bare.model_copy(update={"gates": (gate(verdict="fail", margin=0.1),)})
    outcome = compare(bare, more)
    assert outcome.exit_code == 0
    assert [(r.value, r.new) for r in outcome.rows if r.status == "new"] == [("gate_eq", "fail")]
    assert compare(bare, more, gates={"verdict": 0.0}).exit_code == 4
    described = more.suite.model_copy(update={"digest": "0" * 64})
    noted = compare(bare, more.model_copy(update={"suite": described}))
    assert any("with gates eq" in note for note in noted.notes)
