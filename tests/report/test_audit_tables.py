from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest

from asdbench.report.audit_schema import (
    CoverageRow,
    FidelityRow,
    LeakageRow,
    MemorizationRow,
    SeenRow,
)
from asdbench.report.audit_tables import audit_blocks
from asdbench.report.audits import memorization_rows
from asdbench.report.coverage_table import coverage_blocks
from asdbench.report.markdown import render_markdown
from asdbench.report.quality_schema import QualityRow
from asdbench.report.schema import Report
from asdbench.report.tables import csv_tables

OLD = sorted((Path(__file__).parents[1] / "historic_reports").glob("*.json"))[0]
COVERED = {"machine": "fan", "section": "00", "detector": "ae", "generator": "gen", "grid": "made"}


@pytest.fixture
def report() -> Report:
    return Report.model_validate_json(OLD.read_text())


def leaked(**changes) -> LeakageRow:
    values = {
        "generator": "gen",
        "status": "leaked",
        "n_checked": 40,
        "n_training": 90,
        "n_overlap": 12,
        "clips": ("fan/a_b.wav", "fan/c.wav"),
        "sentence": "gen learned from 12 of the 40 evaluation clips.",
    }
    return LeakageRow(**{**values, **changes})


def faithful(**changes) -> FidelityRow:
    values = {
        "generator": "gen",
        "grid": "made",
        "machine": "fan",
        "section": "00",
        "attribute": "vel",
        "values": 5,
        "n_real": 40,
        "n_generated": 30,
        "accuracy": 0.91,
        "ceiling": 0.93,
        "chance": 0.2,
        "p_chance": 0.0002,
        "p_ceiling": 0.4,
        "finding": "kept",
    }
    return FidelityRow(**{**values, **changes})


def quality(machine: str, share: float | None, p: float | None, **changes) -> QualityRow:
    values = {
        "grid": "made",
        "machine": machine,
        "label": "anomaly",
        "real_clips": 40,
        "generated_clips": 30,
        "train_clips": 80,
        "copied_share": share,
        "copied_share_expected": 0.034,
        "copied_p": p,
    }
    return QualityRow(**{**values, **changes})


def page(report: Report, **rows) -> str:
    return "\n\n".join(audit_blocks(report.model_copy(update=rows)))


def test_a_report_without_audits_has_no_section(report):
    assert audit_blocks(report) == []
    assert coverage_blocks(report) == []
    assert "## Audits" not in render_markdown(report)


def test_leaked_clips_are_named(report):
    text = page(report, leakage=(leaked(), leaked(status="unknown", clips=(), n_overlap=0)))
    assert "- **leakage: leaked**. gen learned from 12 of the 40" in text
    assert "Clips: fan/a_b.wav, fan/c.wav and 10 more." in text
    assert "**leakage: unknown**" in text


def test_machines_of_a_grid_are_tested_together():
    rows = list(
        memorization_rows(
            [
                quality("fan", 0.9, 1e-9),
                quality("slider", 0.1, 0.008),
                quality("valve", None, None),
            ],
            {"made": "gen"},
        )
    )
    # 0.008 is below 0.01, and is not doubled beside one that is smaller.
    assert [row.finding for row in rows] == ["copied", "copied", "not measured"]
    rows = list(
        memorization_rows(
            [quality("fan", 0.1, 0.008), quality("slider", 0.1, 0.2)], {"made": "gen"}
        )
    )
    assert [row.finding for row in rows] == ["not copied", "not copied"]
    assert [row.p for row in rows] == [0.008, 0.2]


def test_clips_too_few_for_any_finding_are_no_evidence():
    def found(*rows):
        return list(memorization_rows(rows, {"made": "gen"}))

    (few,) = found(quality("fan", 1.0, 0.012, copied_p_least=0.012))
    assert few.finding == "not measured"
    assert "never below 0.012" in few.sentence
    (enough,) = found(quality("fan", 0.1, 0.3, copied_p_least=0.008))
    assert enough.finding == "not copied"
    # Beside a second machine, 0.008 is doubled; not where that one is copied.
    slight = quality("fan", 0.1, 0.3, copied_p_least=0.008)
    clear, copied = (quality("slider", 0.1, p, copied_p_least=1e-12) for p in (0.4, 1e-9))
    assert [row.finding for row in found(slight, clear)] == ["not measured", "not copied"]
    assert [row.finding for row in found(slight, copied)] == ["not copied", "copied"]


def test_round_trips_have_no_finding():
    assert list(memorization_rows([quality("fan", None, None, grid="coded")], {"made": "g"})) == []


def test_copies_are_counted_by_machine(report):
    rows = (
        MemorizationRow(
            generator="gen",
            grid="made",
            machine="fan",
            finding="copied",
            share=0.9,
            n=30,
            sentence="",
        ),
        MemorizationRow(
            generator="gen",
            grid="made",
            machine="valve",
            finding="not copied",
            share=1 / 30,
            n=30,
            sentence="",
        ),
    )
    assert "- gen, grid made: **copied**: fan 27 of 30; **not copied**: valve 1 of 30" in page(
        report, memorization=rows
    )


def test_what_was_not_measured_says_why(report):
    missing = faithful(
        accuracy=None, finding="not measured", attribute="mic", reason="all real clips are alike"
    )
    text = page(report, fidelity=(faithful(), missing))
    assert "**kept**" in text
    assert "0.910" in text
    assert "- fidelity not measured, all real clips are alike: made fan/00 mic" in text


def test_the_finding_is_a_word(report):
    for finding in ("kept", "weak", "ignored"):
        assert f"**{finding}** " in page(report, fidelity=(faithful(finding=finding),))


def test_seen_and_unseen_stand_side_by_side(report):
    row = SeenRow(
        machine=None,
        detector="ae",
        generator="gen",
        grid="made",
        seen=False,
        n_conditions=4,
        n_real=20,
        n_generated=40,
        auc_real=0.7,
        auc_generated=0.75,
        gap=0.05,
        low=-0.1,
        high=0.2,
    )
    text = page(report, seen=(row.model_copy(update={"machine": "fan", "seen": True}), row))
    lines = [line for line in text.splitlines() if "+0.050 [-0.100, +0.200]" in line]
    assert ["yes" in line for line in lines] == [True, False]
    assert "**all**" in lines[1]


def test_the_map_has_a_letter_and_a_number_for_each_condition(report):
    rows = (
        CoverageRow(
            **COVERED,
            domain="source",
            condition="vel=6",
            status="validated",
            n_real=90,
            n_generated=90,
            auc_real=0.7,
            auc_generated=0.71,
        ),
        CoverageRow(
            **COVERED,
            domain=None,
            condition="vel=40",
            status="extrapolated",
            n_real=0,
            n_generated=20,
            auc_real=None,
            auc_generated=0.8,
            nearest="00/vel=6",
            distance=1.7,
        ),
    )
    text = "\n\n".join(coverage_blocks(report.model_copy(update={"coverage": rows})))
    assert "**V** 0.710 (0.700)" in text
    assert "X 0.800 (1.70 away)" in text
    assert "- gen, grid made, ae: 1 validated, 0 measured, 1 extrapolated of 2 conditions" in text


def test_every_row_is_in_a_table(report):
    tables = csv_tables(
        report.model_copy(update={"leakage": (leaked(),), "fidelity": (faithful(),)})
    )
    (row,) = csv.DictReader(io.StringIO(tables["fidelity.csv"]))
    assert (row["attribute"], row["finding"], row["p_ceiling"]) == ("vel", "kept", "0.4")
    (row,) = csv.DictReader(io.StringIO(tables["leakage.csv"]))
    assert (row["status"], row["n_overlap"]) == ("leaked", "12")
    assert {"memorization.csv", "coverage.csv", "seen.csv"} <= set(tables)
