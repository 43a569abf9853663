"""What the page and the terminal say of verdicts."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from known_truth import make_section, make_suite

from asdbench.cli.tables import print_summary
from asdbench.engine.scores import COLUMNS
from asdbench.report.build import Facts, build_report
from asdbench.report.markdown import render_markdown
from asdbench.report.schema import DataFacts, PluginUse, Report, SuiteFacts
from asdbench.report.tables import csv_tables
from asdbench.report.write import report_json
from asdbench.suite.model import Suite

IDS = ("weak", "good")


def table_of(arms: dict, columns: tuple[str, ...] = tuple(COLUMNS)) -> pd.DataFrame:
    """The score table of arms, with these columns only."""
    parts = []
    for (origin, detector, machine, section), fits in arms.items():
        for arm in fits:
            values = {
                "clip": [f"{machine}/{section}/{name}" for name in arm.clip],
                "copy_of": None,
                "origin": origin,
                "generator": None if origin == "real" else "gen",
                "detector": detector,
                "repeat": 0,
                "generation": arm.generation,
                "pool": origin,
                "fold": 0,
                "machine": machine,
                "section": section,
                "domain": arm.domain,
                "label": np.where(arm.anomaly, "anomaly", "normal"),
                "condition": [f"{machine}/{section}/{domain}/-" for domain in arm.domain],
                "recording": None,
                "score": arm.score,
                "decision": None,
            }
            kinds = {name: kind for name, kind in COLUMNS.items() if name in columns}
            parts.append(pd.DataFrame(values)[list(kinds)].astype(kinds))
    return pd.concat(parts, ignore_index=True)


def report_of(arms: dict, suite: Suite, scores: pd.DataFrame | None = None) -> Report:
    plugins = [
        PluginUse(id=name, use="p", version="1", code="0" * 64, params={})
        for name in ("gen", *(detector.id for detector in suite.detectors))
    ]
    data = DataFacts(
        dataset=plugins[0],
        simulated=False,
        digest="d" * 64,
        split_digest="s" * 64,
        n_detector_train=1,
        n_generator_train_normal=1,
        n_generator_train_anomaly=1,
        n_test_normal=60,
        n_test_anomaly=60,
        n_test_unlabelled=0,
        normals_shared=False,
        skipped={},
    )
    said = SuiteFacts(name="s", version="1", description="", digest="e" * 64, overrides=())
    facts = Facts(said, data, tuple(plugins[1:]), (plugins[0],), ())
    places = {(key[2], key[3]): True for key in arms}
    return build_report(suite, table_of(arms) if scores is None else scores, places, facts)


def two_machines(artifact: float = 0.0) -> dict:
    rng = np.random.default_rng(2)
    arms = {}
    for machine in ("fan", "valve"):
        for k, name in enumerate(IDS):
            place = (name, machine, "00")
            arms |= make_section(rng, n=60, shift=0.4 + 0.8 * k, artifact=artifact, place=place)
    return arms


SUITE = make_suite(detectors=[{"id": name, "use": "d"} for name in IDS])


@pytest.fixture(scope="module")
def heard() -> Report:
    return report_of(two_machines(artifact=1.5), SUITE)


def test_the_page_begins_with_the_verdicts(heard: Report):
    page = render_markdown(heard)
    headings = re.findall(r"^## .*$", page, re.MULTILINE)
    assert headings[0] == "## Verdicts"
    assert "## Means" not in headings
    start = page[page.index("## Verdicts") : page.index("### Verdicts of gen")]
    assert re.search(r"4 matched gaps \(2 machines, 2 detectors\): \*\*\d equivalent, ", start)
    assert "**in 4 of 4 rows the detector tells generated normals from real ones**" in start
    assert "Best detector: good by real and by generated anomalies (the same in" in start
    assert "**The clips are too few for the margin.**" in start
    assert "nan" not in page.lower()


def test_one_row_has_the_five_aucs_the_gap_and_the_verdict(heard: Report):
    page = render_markdown(heard)
    block = page[page.index("### Verdicts of gen") :]
    header, _, first = block.splitlines()[2:5]
    names = [name.strip() for name in header.split("|")[1:-1]]
    cells = dict(zip(names, [cell.strip() for cell in first.split("|")[1:-1]], strict=True))
    row = next(
        r
        for r in heard.verdicts
        if r.headline and (r.over, r.metric) == ("machine", "auc") and r.detector == "weak"
    )
    mean = next(m for m in heard.arm_means if (m.over, m.machine) == ("machine", "fan"))
    assert (cells["machine"], cells["detector"]) == ("fan", "weak")
    for name in ("real", "matched", "paper", "artifact", "coded"):
        assert cells[name] == f"{getattr(mean, f'auc_{name}'):.3f}"
    assert cells["matched gap"] == f"{row.value:+.3f} [{row.low:+.3f}, {row.high:+.3f}]"
    assert cells["verdict"] == f"**{row.verdict}**"
    assert cells["reads"] == "generator"


def test_every_gap_on_the_page_has_an_interval(heard: Report):
    """In the tables of verdicts and of pAUC; the ladder's steps are parts of one gap."""
    page = render_markdown(heard)
    for line in page.splitlines():
        if line.startswith("|") and re.search(r"\*\*(in|equ|neg|dif)\w+\*\*", line):
            assert re.search(r"[+-]0\.\d{3} \[[+-]0\.\d{3}, [+-]0\.\d{3}\]", line)


def test_a_separated_machine_has_its_sentence(heard: Report):
    page = render_markdown(heard)
    for machine in ("fan", "valve"):
        assert f"- {machine}, weak: the detector separates normals generated by gen" in page
    assert page.count("is not evidence about faults. Of the paper's gap") == 4


def test_the_tables_hold_every_row(heard: Report):
    tables = csv_tables(heard)
    for name in ("verdicts", "ladder", "agreement", "score_distances", "components"):
        rows = list(csv.DictReader(io.StringIO(tables[f"{name}.csv"])))
        assert len(rows) == len(getattr(heard, name)) > 0
    read = Report.model_validate_json(report_json(heard))
    assert read.verdicts == heard.verdicts


def test_a_run_ends_with_what_matters(heard: Report, capsys: pytest.CaptureFixture[str]):
    print_summary(heard)
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 100
    text = " ".join(" ".join(lines).split())
    assert "gen, 4 matched gaps: 0 equivalent" in text
    suite = next(r for r in heard.verdicts if r.headline and (r.over, r.metric) == ("suite", "auc"))
    shown = f"{suite.value:+.3f} [{suite.low:+.3f}, {suite.high:+.3f}]: {suite.verdict}."
    assert f"weak: matched gap over all machines {shown}" in text
    assert "in 4 of 4 rows the detector tells generated normals from real ones" in text
    assert "Best detector: good by real and by generated anomalies" in text
    assert "**" not in text


def test_a_table_without_fits_of_the_generator_is_read():
    arms = two_machines()
    old = tuple(name for name in COLUMNS if name not in ("generation", "recording"))
    assert report_of(arms, SUITE, table_of(arms, old)) == report_of(arms, SUITE)


def test_a_mean_over_fewer_fits_of_the_generator_than_asked_for_is_not_given():
    suite = make_suite(
        detectors=[{"id": name, "use": "d"} for name in IDS], seeds={"generator_repeats": 2}
    )
    arms = two_machines()
    for key, (arm,) in arms.items():
        lost = key[:3] == ("made", "good", "fan")
        if key[0] != "real" and not lost:
            arms[key] = [replace(arm, generation=fit) for fit in range(2)]
    report = report_of(arms, suite)
    lacking = [cell for cell in report.cells if cell.auc.generated is None]
    assert {(c.detector, c.machine, c.status) for c in lacking} == {("good", "fan", "error")}
    without = {
        (r.detector, r.machine, r.gap)
        for r in report.verdicts
        if r.over == "machine" and r.metric == "auc" and r.value is None
    }
    assert without == {("good", "fan", "paper"), ("good", "fan", "matched")}


def test_without_generators_the_page_has_means():
    arms = {key: arm for key, arm in two_machines().items() if key[0] == "real"}
    suite = make_suite([], generators=[], detectors=[{"id": name, "use": "d"} for name in IDS])
    report = report_of(arms, suite)
    page = render_markdown(report)
    assert report.verdicts == ()
    assert "## Verdicts" not in page
    assert "### By machine" in page


def test_a_gap_has_one_interval_in_the_whole_report(heard: Report):
    rows = {
        (r.machine, r.section, r.domain, r.detector, r.gap, r.metric): (r.value, r.low, r.high)
        for r in heard.verdicts
        if r.over == "section"
    }
    for cell in heard.cells:
        place = (cell.machine, cell.section, cell.domain, cell.detector, "paper")
        gap = cell.auc
        assert rows[*place, "auc"] == pytest.approx((gap.gap, gap.gap_low, gap.gap_high))
        if cell.domain == "all":
            gap = cell.pauc
            assert rows[*place, "pauc"] == pytest.approx((gap.gap, gap.gap_low, gap.gap_high))
    for arm in heard.arms:
        for kind in ("matched", "paper"):
            gap = getattr(arm, f"{kind}_gap")
            place = (arm.machine, arm.section, arm.domain, arm.detector, kind, "auc")
            assert rows[place] == pytest.approx((gap.value, gap.low, gap.high))


def test_a_clean_artifact_arm_speaks_as_far_as_its_intervals_reach():
    report = report_of(two_machines(), SUITE)
    ends = [end for row in report.artifacts for end in (row.auc_low, row.auc_high)]
    assert {row.reads for row in report.ladder} == {"faults"}
    said = f"reach (AUCs of {min(ends):.2f} to {max(ends):.2f}), nothing speaks against"
    assert said in render_markdown(report).replace("\n", " ")
