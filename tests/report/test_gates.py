from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter

from asdbench.report.arm_schema import ArmGap, ArmRow, ArmValue, ArtifactFinding
from asdbench.report.audit_schema import FidelityRow
from asdbench.report.gate_tables import gate_blocks
from asdbench.report.gates import check_gates, verdict_of
from asdbench.report.gates.estimate import Estimate, adjusted
from asdbench.report.markdown import render_markdown
from asdbench.report.outcome_schema import GateResult
from asdbench.report.schema import Report
from asdbench.report.tables import csv_tables
from asdbench.report.write import read_report
from asdbench.stats.equivalence import equivalence_p
from asdbench.stats.interval import Interval
from asdbench.suite.gate_models import Gate
from made_report import agreement, condition, gap, leakage, made_report, memorization, plugin

GATE: TypeAdapter[Gate] = TypeAdapter(Gate)


def check(report: Report, check: str, **settings: Any) -> GateResult:
    gate = GATE.validate_python({"id": "g", "check": check, **settings})
    (result,) = check_gates([gate], report)
    return result


def grid(generator: str) -> dict[str, Any]:
    return {"generator": generator, "label": "anomaly", "match": "real", "multiplier": 1}


def verdicts(report: Report, **settings: Any) -> list[str]:
    return [v.verdict for v in check(report, **settings).values]


def test_p_values_are_those_of_the_interval_that_they_come_from() -> None:
    interval = Interval.normal(0.02, 0.015, 0.95)
    assert interval.low is not None
    assert interval.high is not None
    found = Estimate(0.02, interval.low, interval.high, 0.95)
    assert found.p_outside(0.0, 0.05) == pytest.approx(equivalence_p(interval, 0.05))
    assert found.p_above(0.0) == pytest.approx(interval.p_above(0.0))
    assert found.p_below(0.0) == pytest.approx(interval.p_below(0.0))
    # At the end of the interval the two-sided p-value is 1 - confidence.
    assert found.p_equal(interval.low) == pytest.approx(0.05)


def test_each_side_of_a_skewed_interval_counts_for_itself() -> None:
    found = Estimate(0.0, -0.01, 0.10, 0.95)
    assert found.p_above(-0.01) == pytest.approx(0.025)
    assert found.p_below(0.10) == pytest.approx(0.025)


def test_a_number_without_spread_is_on_one_side_or_the_other() -> None:
    found = Estimate(1.0, 1.0, 1.0, 0.95)
    assert (found.p_above(0.5), found.p_below(0.5), found.p_above(1.0)) == (0.0, 1.0, 1.0)


def test_holm_counts_what_was_tested() -> None:
    assert adjusted([0.01, None, 0.04], True) == pytest.approx([0.02, None, 0.04])
    assert adjusted([0.01, None], False) == [0.01, None]


def test_gaps_within_the_margin_pass_off_ones_fail_wide_ones_are_neither() -> None:
    rows = (gap("fan", 0.01), gap("pump", 0.12), gap("valve", 0.02, 0.10))
    result = check(made_report(verdicts=rows), "equivalence", margin=0.05)
    assert [v.verdict for v in result.values] == ["pass", "fail", "inconclusive"]
    assert result.verdict == "fail"
    assert result.reason == "1 of 3 fail: pump, ae, made (faults): +0.120 [+0.090, +0.150]"
    assert result.demand == "headline AUC gap of every machine within 0.05 of 0"
    undecided = check(made_report(verdicts=rows[::2]), "equivalence", margin=0.05)
    assert undecided.verdict == "inconclusive"
    assert undecided.reason.startswith("1 of 2 undecided: valve, ae")
    assert check(made_report(verdicts=rows[:1]), "equivalence", margin=0.05).verdict == "pass"


def test_a_small_gap_that_is_not_zero_passes() -> None:
    report = made_report(verdicts=(gap("fan", 0.02, 0.01),))
    assert check(report, "equivalence", margin=0.05).verdict == "pass"
    assert check(report, "equivalence", margin=0.025).verdict == "fail"


def test_a_gate_with_the_margin_of_the_report_says_what_the_report_says() -> None:
    rows = (gap("fan", 0.01, 0.03, verdict="inconclusive"),)  # e.g. of a skewed bootstrap
    assert verdicts(made_report(verdicts=rows), check="equivalence", margin=0.07) == [
        "inconclusive"
    ]
    assert verdicts(made_report(verdicts=rows), check="equivalence", margin=0.08) == ["pass"]


def test_holm_spares_a_row_that_chance_explains_among_many() -> None:
    rows = (*(gap(f"m{i}", 0.0, 0.1) for i in range(19)), gap("odd", 0.11, 0.10))
    report = made_report(verdicts=rows)
    assert "fail" not in verdicts(report, check="equivalence", margin=0.05)
    alone = check(report, "equivalence", margin=0.05, multiplicity="none")
    assert [v.machine for v in alone.values if v.verdict == "fail"] == ["odd"]


def test_passing_is_not_made_harder_by_the_number_of_rows() -> None:
    row = gap("fan", 0.0, 0.057)
    assert check(made_report(verdicts=(row,)), "equivalence", margin=0.05).verdict == "pass"
    many = tuple(gap(f"m{i}", 0.0, 0.057) for i in range(20))
    assert check(made_report(verdicts=many), "equivalence", margin=0.05).verdict == "pass"


def test_a_gap_without_interval_is_inconclusive_with_its_reason() -> None:
    rows = (gap("fan", None), gap("pump", 0.0, None, note="one clip only"))
    values = check(made_report(verdicts=rows), "equivalence", margin=0.05).values
    assert [v.verdict for v in values] == ["inconclusive"] * 2
    assert [v.reason for v in values] == ["a task failed", "one clip only"]


def test_a_gate_looks_at_the_gap_metric_and_level_that_it_names() -> None:
    rows = (
        gap("fan", 0.0),
        gap("fan", 0.2, gap="paper", headline=False),
        gap("fan", 0.3, metric="pauc"),
        gap(None, 0.4),
        gap("fan", 0.5, over="section", section="00", domain="source"),
        gap("fan", 0.6, over="section", section="00", domain="all"),
        gap("fan", 0.7, over="section", section="01", domain="all"),
    )
    report = made_report(verdicts=rows)

    def looked_at(**settings: Any) -> list[float | None]:
        return [v.ours for v in check(report, "equivalence", margin=0.05, **settings).values]

    assert looked_at() == [0.0]
    assert looked_at(gap="paper") == [0.2]
    assert looked_at(metric="pauc") == [0.3]
    assert looked_at(over="suite") == [0.4]
    assert looked_at(over="section") == [0.5, 0.7]  # all clips only of a section without domains
    assert looked_at(gap="coded") == []
    absent = check(report, "equivalence", margin=0.05, gap="coded")
    assert (absent.verdict, absent.reason) == (
        "inconclusive",
        "the report has no coded AUC gap of every machine",
    )


def test_what_is_named_and_not_there_keeps_a_gate_from_passing() -> None:
    report = made_report(verdicts=(gap("fan", 0.0),), detectors=(plugin("ae"), plugin("knn")))
    result = check(report, "equivalence", margin=0.05)
    assert result.verdict == "inconclusive"
    assert result.reason == "the report has no row of detector 'knn'"
    assert check(report, "equivalence", margin=0.05, detectors=["ae"]).verdict == "pass"
    lost = check(report, "equivalence", margin=0.05, detectors=["ae"], grids=["faults", "more"])
    assert lost.reason == "the report has no row of grid 'more'"


def finding(machine: str, found: str, auc: float, half: float) -> ArtifactFinding:
    return ArtifactFinding.model_validate(
        {
            "machine": machine,
            "detector": "ae",
            "generator": "made",
            "finding": found,
            "auc": auc,
            "auc_low": auc - half,
            "auc_high": auc + half,
            "sentence": f"{machine}: {found}.",
        }
    )


def arm(auc: float | None, half: float = 0.02) -> ArmValue:
    if auc is None:
        return ArmValue(auc=None, reason="no grid of normals")
    return ArmValue(auc=auc, auc_low=auc - half, auc_high=auc + half)


def arms(machine: str, section: str, domain: str, artifact: float | None, codec: float) -> ArmRow:
    nothing = ArmGap(value=None)
    return ArmRow.model_validate(
        {
            "machine": machine,
            "section": section,
            "domain": domain,
            "detector": "ae",
            "generator": "made",
            "grid": "faults",
            "repeats": 1,
            **dict.fromkeys(("real", "coded", "paper", "matched"), arm(0.7)),
            "artifact": arm(artifact),
            "codec": arm(codec),
            **dict.fromkeys(("matched_gap", "paper_gap", "coded_gap"), nothing),
        }
    )


ARMS = made_report(
    arms=(
        arms("fan", "00", "source", 0.51, 0.52),
        arms("fan", "00", "target", 0.49, 0.52),
        arms("fan", "00", "all", 0.9, 0.9),
        arms("pump", "00", "source", 0.80, 0.48),
        arms("pump", "00", "target", 0.20, 0.48),
    ),
    artifacts=(
        finding("fan", "not separated", 0.50, 0.015),
        finding("pump", "separated", 0.50, 0.015),
    ),
)


@pytest.mark.parametrize(
    "settings", [{"check": "artifact"}, {"check": "equivalence", "arm": "artifact"}]
)
def test_a_mean_of_one_half_does_not_hide_two_sections_that_are_off(
    settings: dict[str, str],
) -> None:
    result = check(ARMS, margin=0.05, **settings)
    assert [(v.machine, v.verdict) for v in result.values] == [("fan", "pass"), ("pump", "fail")]
    assert "single sections or domains differ" in result.reason
    by_section = check(ARMS, margin=0.05, over="section", **settings)
    assert [v.verdict for v in by_section.values] == ["pass", "pass", "fail", "fail"]


def test_the_codec_arm_is_averaged_over_what_shares_no_clips() -> None:
    result = check(ARMS, "equivalence", arm="codec", margin=0.05)
    fan = result.values[0]
    assert (fan.ours, fan.low) == (pytest.approx(0.52), pytest.approx(0.52 - 0.02 / 2**0.5))
    assert result.verdict == "pass"
    assert check(ARMS, "equivalence", arm="codec", target=0.6, margin=0.05).verdict == "fail"


def test_an_arm_that_was_not_measured_is_inconclusive() -> None:
    report = made_report(arms=(arms("fan", "00", "all", None, 0.5),))
    result = check(report, "artifact", margin=0.05)
    assert (result.verdict, result.values[0].reason) == ("inconclusive", "no grid of normals")
    assert check(made_report(), "artifact", margin=0.05).reason == "the report has no artifact arm"


def signs(*gaps: float, detector: str = "ae") -> tuple[Any, ...]:
    return tuple(gap(f"m{i}", value, detector=detector) for i, value in enumerate(gaps))


def test_gaps_that_all_lean_the_same_way_fail() -> None:
    report = made_report(verdicts=signs(*[0.01] * 6))
    result = check(report, "sign")
    assert result.verdict == "fail"
    assert "6 of 6 machines above 0 (p = 0.031)" in result.reason
    assert check(report, "sign", alpha=0.01).verdict == "inconclusive"
    mixed = made_report(verdicts=signs(0.01, -0.01, 0.02, -0.02, 0.01, 0.01))
    assert check(mixed, "sign").verdict == "pass"


def test_too_few_machines_for_a_sign_are_inconclusive_whatever_they_say() -> None:
    for gaps in ([0.01] * 5, [0.01, -0.01, 0.01, -0.01, 0.01]):
        result = check(made_report(verdicts=signs(*gaps)), "sign")
        assert result.verdict == "inconclusive"
        assert "too few machines for alpha 0.05" in result.reason
    assert check(made_report(verdicts=signs(*[0.01] * 5)), "sign", alpha=0.1).verdict == "fail"


def test_one_machine_is_no_machines() -> None:
    result = check(made_report(verdicts=signs(0.01)), "sign")
    assert "1 of 1 machine above 0" in result.reason


def test_signs_of_several_detectors_are_corrected_for_their_number() -> None:
    rows = signs(*[0.01] * 6) + signs(*[0.01, -0.01] * 3, detector="knn")
    report = made_report(verdicts=rows, detectors=(plugin("ae"), plugin("knn")))
    assert check(report, "sign").verdict == "inconclusive"
    assert check(report, "sign", multiplicity="none").verdict == "fail"


def test_signs_of_sections_are_those_of_their_domains_together() -> None:
    rows = [
        gap("fan", value, over="section", section=f"{i:02d}", domain=domain)
        for i in range(6)
        for domain, value in (("source", 0.03), ("target", -0.01))
    ]
    result = check(made_report(verdicts=tuple(rows)), "sign", over="section")
    assert "6 of 6 sections above 0" in result.reason


@pytest.mark.parametrize(
    ("tau", "settings", "expected"),
    [
        ((0.9, 0.5, 1.0), {}, "pass"),
        ((0.3, 0.0, 0.6), {}, "fail"),
        ((0.5, -0.1, 1.0), {}, "inconclusive"),  # no lower than the ceiling, nor above chance
        ((0.9, 0.7, 1.0), {"min_tau": 0.6}, "pass"),
        ((0.9, 0.7, 1.0), {"min_tau": 0.8}, "inconclusive"),
        ((0.3, 0.1, 0.5), {"min_tau": 0.6}, "fail"),
        ((None, None, None), {}, "inconclusive"),
    ],
)
def test_rankings(tau: tuple[float, ...], settings: dict[str, float], expected: str) -> None:
    result = check(
        made_report(agreement=(agreement(*tau),)), "rank_agreement", gap="matched", **settings
    )
    assert result.verdict == expected, result.reason


def test_the_ranking_of_the_headline_gap_is_looked_at() -> None:
    rows = (agreement(0.9, 0.5, 1.0), agreement(-0.9, -1.0, -0.5, gap="paper"))
    report = made_report(agreement=rows, verdicts=(gap("fan", 0.0),))
    assert check(report, "rank_agreement").verdict == "pass"
    paper = made_report(agreement=rows, verdicts=(gap("fan", 0.0, gap="paper"),))
    assert check(paper, "rank_agreement").verdict == "fail"


def test_two_detectors_are_no_ranking() -> None:
    report = made_report(agreement=(agreement(1.0, 1.0, 1.0, n_detectors=2),))
    result = check(report, "rank_agreement", gap="matched")
    assert result.verdict == "inconclusive"
    assert "2 detectors: a ranking needs 3 or more" in result.reason


@pytest.mark.parametrize(
    ("row", "settings", "expected"),
    [
        (leakage("none"), {}, "pass"),
        (leakage("leaked", 2), {}, "fail"),
        (leakage("leaked", 2), {"max_overlap": 2}, "pass"),
        (leakage("unknown"), {}, "inconclusive"),
        (leakage("unknown"), {"unknown": "fail"}, "fail"),
        (leakage("unknown"), {"unknown": "allow"}, "pass"),
        (leakage("none", checked=0), {}, "inconclusive"),
    ],
)
def test_leaks(row: Any, settings: dict[str, Any], expected: str) -> None:
    result = check(made_report(leakage=(row,)), "leakage", **settings)
    assert result.verdict == expected
    assert result.values[0].reason == row.sentence


def test_a_generator_that_was_not_audited_does_not_pass() -> None:
    assert check(made_report(), "leakage").verdict == "inconclusive"
    report = made_report(
        leakage=(leakage("none"),),
        generators=(plugin("made"), plugin("b")),
        grids={"faults": grid("made"), "other": grid("b")},
    )
    assert check(report, "leakage").reason == "the report has no row of generator 'b'"
    assert check(report, "leakage", generators=["made"]).verdict == "pass"
    # Whose clips no grid asks for was not fitted, and so learned from nothing.
    idle = report.model_copy(update={"grids": {"faults": report.grids["faults"]}})
    assert check(idle, "leakage").verdict == "pass"
    named = check(idle, "leakage", generators=["made", "b"])
    assert named.verdict == "inconclusive"
    assert named.reason.endswith("generator 'b': no grid asks for its clips")


@pytest.mark.parametrize(
    ("finding", "share", "p", "settings", "expected"),
    [
        ("not copied", 0.02, 0.3, {}, "pass"),
        ("copied", 0.30, 1e-9, {}, "fail"),
        ("copied", 0.05, 0.001, {"max_excess": 0.1}, "pass"),
        ("copied", 0.30, 1e-9, {"max_excess": 0.1}, "fail"),
        ("not copied", 0.20, 0.2, {"max_excess": 0.1}, "inconclusive"),
        ("not measured", None, None, {}, "inconclusive"),
    ],
)
def test_copies(
    finding: str, share: float | None, p: float | None, settings: dict[str, Any], expected: str
) -> None:
    report = made_report(memorization=(memorization(finding, share, p),))
    assert check(report, "memorization", **settings).verdict == expected


def test_one_copying_machine_of_many_may_be_chance() -> None:
    rows = [memorization("not copied", 0.01, 0.5, f"m{i}") for i in range(9)]
    report = made_report(memorization=(*rows, memorization("copied", 0.05, 0.03)))
    result = check(report, "memorization")
    assert result.verdict == "inconclusive"
    assert "may be chance (p = 0.300)" in result.reason
    assert check(report, "memorization", multiplicity="none").verdict == "fail"


def test_conditions_that_are_shown_to_differ_fail_others_wait_for_clips() -> None:
    good, off, open_ = condition("validated", 0.0), condition("measured", 0.2), None
    open_ = condition("measured", 0.02, 0.1)
    cases: list[tuple[tuple[Any, ...], str]] = [
        ((good, good, off), "pass"),
        ((good, off, open_), "inconclusive"),
        ((good, off, off), "fail"),
        ((condition("extrapolated", distance=1.0),), "inconclusive"),
    ]
    for found, expected in cases:
        rows = [r.model_copy(update={"condition": f"vel={i}"}) for i, r in enumerate(found)]
        result = check(made_report(coverage=tuple(rows)), "coverage", min_validated=0.6)
        assert result.verdict == expected, result.reason


def test_a_condition_counts_once_however_many_grids_ask_for_it() -> None:
    def row(status: str, gap_: float | None, grid: str, count: int, name: str) -> Any:
        update = {"grid": grid, "n_generated": count}
        return condition(status, gap_, name=name).model_copy(update=update)

    rows = (
        row("measured", 0.2, "faults", 200, "vel=6"),
        row("validated", 0.0, "swept", 20, "vel=6"),  # fewer clips: no second chance
        row("validated", 0.0, "faults", 200, "vel=9"),
        row("measured", 0.2, "swept", 20, "vel=9"),
        row("measured", 0.2, "swept", 20, "vel=12"),
    )
    result = check(made_report(coverage=rows), "coverage", min_validated=0.5)
    assert result.values[0].ours == pytest.approx(1 / 3)
    assert "1 of 3 conditions validated, 2 shown to differ" in result.reason


def test_extrapolation_has_a_limit() -> None:
    near, far = (condition("extrapolated", distance=d, name=f"vel={d}") for d in (0.5, 2.0))
    valid = condition("validated", 0.0)
    cases: list[tuple[tuple[Any, ...], str]] = [
        ((valid, near), "pass"),
        ((valid, near, far), "fail"),
        ((valid,), "inconclusive"),
        ((condition("extrapolated"),), "inconclusive"),
    ]
    for rows, expected in cases:
        result = check(made_report(coverage=rows), "coverage", max_distance=1.0)
        assert result.verdict == expected, result.reason
    result = check(made_report(coverage=(valid, near, far)), "coverage", max_distance=1.0)
    assert "1 of 2 extrapolated conditions are too far (00 vel=2.0)" in result.reason


@pytest.mark.parametrize(
    ("finding", "weak", "expected"),
    [
        ("kept", "fail", "pass"),
        ("weak", "fail", "fail"),
        ("weak", "allow", "pass"),
        ("ignored", "allow", "fail"),
        ("not measured", "allow", "inconclusive"),
    ],
)
def test_attributes(finding: str, weak: str, expected: str) -> None:
    row = FidelityRow.model_validate(
        {
            "generator": "made",
            "grid": "faults",
            "machine": "fan",
            "section": "00",
            "attribute": "vel",
            "values": 3,
            "n_real": 50,
            "n_generated": 50,
            "accuracy": 0.5,
            "ceiling": 0.9,
            "finding": finding,
        }
    )
    assert check(made_report(fidelity=(row,)), "fidelity", weak=weak).verdict == expected


def test_what_a_gate_names_and_no_row_is_of_is_the_reason() -> None:
    report = made_report(verdicts=(gap("fan", 0.0),))
    (row,) = report.verdicts

    def reason(**names: list[str]) -> str:
        result = check(report, "equivalence", margin=0.05, **names)
        assert (result.verdict, result.values) == ("inconclusive", ())
        return str(result.reason)

    assert reason(detectors=["gone"]) == "the report has no row of detector 'gone'"
    assert reason(detectors=["gone"], grids=["lost", str(row.grid)]) == (
        "the report has no row of detector 'gone' or of grid 'lost'"
    )
    nothing = check(made_report(), "equivalence", margin=0.05, detectors=["gone"])
    assert nothing.reason == "the report has no headline AUC gap of every machine"


def test_fail_weighs_more_than_inconclusive_and_that_more_than_pass() -> None:
    good = check(made_report(verdicts=(gap("fan", 0.0),)), "equivalence", margin=0.05)
    bad = check(made_report(verdicts=(gap("fan", 0.3),)), "equivalence", margin=0.05)
    open_ = check(made_report(), "equivalence", margin=0.05)
    assert verdict_of([good, open_, bad]) == "fail"
    assert verdict_of([good, open_]) == "inconclusive"
    assert verdict_of([good]) == "pass"


def test_gates_are_shown_with_the_rows_that_decide() -> None:
    report = made_report(verdicts=(gap("fan", 0.0), gap("pump", 0.12)), confidence=0.95)
    gate = GATE.validate_python({"id": "near", "check": "equivalence", "margin": 0.05})
    full = report.model_copy(update={"gates": tuple(check_gates([gate], report))})
    page = "\n\n".join(gate_blocks(full))
    assert "| near   | headline AUC gap of every machine within 0.05 of 0 | **fail**" in page
    assert "### near" in page
    assert "+0.120 [+0.090, +0.150]" in page.partition("### near")[2]
    lines = csv_tables(full)["gates.csv"].splitlines()
    assert len(lines) == 3
    assert "p_fail" in lines[0]
    again = Report.model_validate_json(full.model_dump_json(by_alias=True))
    assert again == full


@pytest.mark.parametrize("name", ["report_1.json", "report_2.json"])
def test_gates_of_a_file_can_be_put_to_an_old_report(name: str) -> None:
    report = read_report(Path(__file__).parents[1] / "historic_reports" / name)
    for kind, settings in {
        "equivalence": {"margin": 0.05},
        "artifact": {"margin": 0.05},
        "leakage": {},
        "coverage": {"max_distance": 1.0},
    }.items():
        assert check(report, kind, **settings).verdict in ("inconclusive", "fail", "pass")


def test_a_result_of_before_there_were_other_gates_can_be_read() -> None:
    old = {
        "id": "near",
        "check": "reference",
        "reference": "paper",
        "metric": "auc",
        "over": "all",
        "tolerance": 0.1,
        "verdict": "pass",
        "reason": "1 values are at most 0.010 off",
        "values": [
            {
                "method": "A",
                "machine": None,
                "section": None,
                "domain": None,
                "ours": 0.71,
                "published": 0.7,
                "difference": 0.01,
                "verdict": "pass",
                "reason": None,
            }
        ],
    }
    result = GateResult.model_validate_json(json.dumps(old))
    page = render_markdown(made_report(gates=(result,)))
    assert "auc within 0.1 of paper" in page
