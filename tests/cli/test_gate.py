from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from asdbench.cli.gate import gate, print_gates
from asdbench.cli.run import run
from asdbench.report.gates import check_gates
from asdbench.report.markdown import render_markdown
from asdbench.report.outcome_schema import PublishedRow, ReferenceFacts
from asdbench.report.write import read_report, write_report
from asdbench.suite.gate_models import MemorizationGateModel
from made_report import made_report, memorization, plugin

app = typer.Typer()
app.command("gate")(gate)
app.command("run")(run)

REFERENCE = """\
schema: asdbench/reference@1
id: paper
source: A paper with numbers.
what: AUC of toy machines.
definition: dcase2022
sections: ["00"]
values:
  - {method: Level, machine: fan, section: "00", domain: source, metric: auc, value: PUBLISHED}
  - {method: Best, machine: fan, metric: hmean, value: 0.5}
  - {method: Absent, machine: fan, metric: hmean, value: 0.5}
"""

SUITE = """\
schema: asdbench/suite@1
name: gated
dataset: {use: manifest, file: clips.csv}
plugins: [./level.py]
detectors:
  - {id: plain, use: level}
  - {id: level, use: level, sweep: {sign: [1, -1], pause: [0.0]}}
selections:
  - {id: best, among: level, choose_on: {sections: ["01"]}, report_on: {sections: ["00"]}}
references:
  - {use: ./paper.yaml, detectors: {Level: plain, Best: best}}
gates:
  - {id: near, check: reference, reference: paper, metric: auc, over: section, tolerance: 0.01}
statistics: {bootstrap: 100}
"""


@pytest.fixture
def gated(toy_suite: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The toy's clips, half of them as section 01, with a reference beside the suite."""
    folder = toy_suite.parent
    monkeypatch.chdir(folder)
    monkeypatch.setenv("ASDBENCH_STORE", str(folder / "store"))
    rows = list(csv.DictReader((folder / "clips.csv").open()))
    for i, row in enumerate(rows):
        row["section"] = f"{i % 2:02d}"
    with (folder / "clips.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    (folder / "gated.yaml").write_text(SUITE)
    publish(folder, 0.5)
    return folder


def publish(folder: Path, value: float) -> None:
    (folder / "paper.yaml").write_text(REFERENCE.replace("PUBLISHED", f"{value:.4f}"))


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def run_suite(*more: str) -> Result:
    return invoke("run", "gated.yaml", "--out", "out", "--workers", "0", "--device", "cpu", *more)


def test_a_run_is_held_to_published_numbers(gated: Path) -> None:
    first = run_suite()
    assert first.exit_code == 0, first.output
    rows = {(r.method, r.metric): r for r in read_report(gated / "out").published}
    assert set(rows) == {("Level", "auc"), ("Best", "hmean")}
    ours = rows["Level", "auc"].ours
    assert ours is not None
    publish(gated, ours)
    same = run_suite("--gate")
    assert same.exit_code == 0, same.output
    assert "pass: near: 1 values are at most 0.000 off" in same.output
    publish(gated, ours - 0.02)
    off = run_suite("--gate")
    assert off.exit_code == 3, off.output
    assert "fail: near: 1 of 1 values are more than 0.01 off" in off.output
    assert invoke("gate", "out").exit_code == 3
    as_json = json.loads(invoke("gate", "out", "--json").stdout)
    assert as_json["verdict"] == "fail"
    assert as_json["gates"][0]["values"][0]["difference"] == pytest.approx(0.02, abs=1e-4)


def test_the_report_shows_choice_and_publication(gated: Path) -> None:
    assert run_suite().exit_code == 0
    report = read_report(gated / "out")
    fan = next(r for r in report.selections if r.machine == "fan")
    assert fan.chosen == "level.sign-1.pause-0.0"  # -1 turns the score around
    assert fan.hmean is not None
    assert fan.oracle_hmean is not None
    assert fan.oracle_hmean >= fan.hmean
    page = render_markdown(report)
    for heading in ("## Selections", "## Published numbers", "### paper", "## Gates"):
        assert heading in page
    assert "2 of 2 published numbers have a counterpart" in page
    assert "upper bound and not a result" in page
    for name in ("selections", "published", "gates"):
        text = (gated / "out" / "report" / "tables" / f"{name}.csv").read_text()
        assert len(text.splitlines()) > 1
    schemas = json.loads((gated / "out" / "report" / "report.json").read_text())
    assert schemas["references"][0]["source"] == "A paper with numbers."


def test_on_simulated_clips_a_gate_never_passes(gated: Path) -> None:
    (gated / "simulated.json").write_text("{}")
    publish(gated, 0.5)
    assert run_suite("--gate").exit_code == 0
    result = invoke("gate", "out")
    assert result.exit_code == 0
    assert "inconclusive: near: not applicable: simulated clips" in result.output
    assert invoke("gate", "out", "--strict").exit_code == 6
    assert "they mean nothing, except that the comparison works" in render_markdown(
        read_report(gated / "out")
    )


def test_a_gate_without_a_number_of_ours_is_inconclusive(gated: Path) -> None:
    assert run_suite("--only", "machine=pump").exit_code == 0
    result = invoke("gate", "out", "--strict")
    assert result.exit_code == 6
    assert "1 of 1 values have no counterpart in this run" in result.output
    (row, _) = read_report(gated / "out").published
    assert row.reason == "fan: no part of this run"


def test_a_suite_without_gates_is_a_mistake(gated: Path) -> None:
    assert run_suite("--set", "gates=[]").exit_code == 0
    result = invoke("gate", "out")
    assert result.exit_code == 1
    assert "has no gates" in str(result.exception)


FILE = """\
gates:
  - {id: near, check: reference, reference: paper, metric: auc, over: section, tolerance: 0.9}
  - {id: faithful, check: equivalence, over: suite, margin: 0.1}
"""


def test_gates_of_a_file_are_put_to_a_run_that_stays_as_it_is(gated: Path) -> None:
    assert run_suite("--set", "gates=[]").exit_code == 0
    report = gated / "out" / "report" / "report.json"
    before = report.read_bytes()
    (gated / "ci.yaml").write_text(FILE)
    both = invoke("gate", "out", "--gates", "ci.yaml", "--strict")
    assert both.exit_code == 6, both.output
    assert "Gates of ci.yaml" in both.output
    assert "inconclusive: faithful: the report has no headline AUC gap over all" in both.output
    one = invoke("gate", "out", "--gates", "ci.yaml", "--only", "near", "--json")
    assert one.exit_code == 0, one.output
    said = json.loads(one.stdout)
    assert said["gates_file"]["file"] == "ci.yaml"
    assert len(said["gates_file"]["sha256"]) == 64
    assert [gate["id"] for gate in said["gates"]] == ["near"]
    assert report.read_bytes() == before


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (FILE.replace("margin", "margn"), "ci.yaml:3: missing key 'margin'"),
        (FILE.replace("paper", "papre"), "ci.yaml:2: unknown reference 'papre'"),
        ("gate: []", "ci.yaml:1: missing key 'gates'"),
        ("gates: []", "ci.yaml:1: gates: expected a list with at least 1 item"),
        (
            "gates: [{id: a, check: sign, detectors: [plane]}]",
            "ci.yaml:1: unknown detector 'plane'. Did you mean 'plain'?",
        ),
        (None, "ci.yaml: cannot be read"),
    ],
)
def test_a_file_of_gates_says_what_is_wrong_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str | None, expected: str
) -> None:
    monkeypatch.chdir(tmp_path)
    published = PublishedRow(
        reference="paper",
        method="A",
        detector="plain",
        machine="fan",
        section="00",
        domain="source",
        metric="auc",
        ours=0.5,
        published=0.5,
        difference=0.0,
    )
    facts = ReferenceFacts(id="paper", source="", what="", sections=("00",))
    report = made_report(published=(published,), references=(facts,), detectors=(plugin("plain"),))
    write_report(report, tmp_path / "out", formats=())
    if text is not None:
        (tmp_path / "ci.yaml").write_text(text)
    result = invoke("gate", "out", "--gates", "ci.yaml")
    assert result.exit_code == 1
    assert str(result.exception).startswith(expected)


def test_a_gate_that_is_not_there_is_a_mistake(gated: Path) -> None:
    assert run_suite().exit_code == 0
    result = invoke("gate", "out", "--only", "naer")
    assert "there is no such gate. Did you mean 'near'?" in str(result.exception)


def test_a_run_asked_for_gates_that_are_not_there_does_not_start(gated: Path) -> None:
    result = run_suite("--gate", "--set", "gates=[]")
    assert "the suite has no gates to pass" in str(result.exception)
    assert not (gated / "out").exists()


@pytest.mark.parametrize("count", [1, 2, 9])
def test_each_row_that_decides_is_printed_once(
    capsys: pytest.CaptureFixture[str], count: int
) -> None:
    rows = tuple(memorization("copied", 0.9, 1e-9, f"m{i}") for i in range(count))
    model = MemorizationGateModel(id="mem", check="memorization")
    assert print_gates(check_gates([model], made_report(memorization=rows)), strict=False) == 3
    printed = capsys.readouterr().out
    assert printed.count(" copied.") == count
    assert (f"fail: mem: {count} of {count} fail, listed below\n" in printed) == (count > 1)
