from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from asdbench.cli.plan import plan
from asdbench.cli.validate import validate

app = typer.Typer()
app.command("plan")(plan)
app.command("validate")(validate)

SUITE = """\
schema: asdbench/suite@1
name: planned
dataset: {use: simulated, train: 99, test: 50, machines: [fan, valve], sections: ["00"]}
generators: [{id: altered, use: perturb}]
grids:
  faults: {generator: altered, multiplier: 2}
detectors: [{id: ae, use: dcase-ae}]
gates:
  - {id: near, check: equivalence, over: suite, margin: 0.3}
  - {id: nearer, check: equivalence, over: machine, margin: 0.05}
"""


@pytest.fixture(autouse=True)
def suite(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ASDBENCH_STORE", str(tmp_path / "store"))
    path = tmp_path / "my.yaml"
    path.write_text(SUITE)
    return path


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def test_a_plan_says_what_is_done_what_can_be_shown_and_which_gates_cannot_pass(
    tmp_path: Path,
) -> None:
    result = invoke("plan", "my.yaml")
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert any(line.split() == ["faults", "100", "100", "200"] for line in lines)
    assert any(line.split()[:4] == ["altered", "(faults)", "paper", "50/50/100"] for line in lines)
    assert "gate near: can pass: margin 0.3 over suite" in result.stdout
    assert "gate nearer: cannot pass: margin 0.05 over machine" in result.stdout
    assert "Set the margin to" in result.stdout
    assert "unknown" in result.stdout  # nothing was timed yet
    assert sorted(path.name for path in tmp_path.iterdir()) == ["my.yaml"]


def test_the_same_for_programs() -> None:
    result = invoke("plan", "my.yaml", "--json", "--only", "machine=fan")
    said = json.loads(result.stdout)
    assert said["clips"]["made"] == {"faults": {"fan": 100}}
    assert said["clips"]["evaluation"] == {"anomaly": 50, "normal": 100}
    assert said["seconds"]["low"] is None
    assert said["data_absent"] is None
    assert {row["over"] for row in said["certifiable"]} == {"section", "machine", "suite"}
    assert set(said["certifiable"][0]["margins"]) == {"0.6", "0.75", "0.9"}
    assert [gate["expected"] for gate in said["gates"]] == ["can pass", "cannot pass"]


def test_validate_warns_of_gates_that_cannot_pass() -> None:
    result = invoke("validate", "my.yaml")
    assert result.exit_code == 0, result.output
    warned = [line for line in result.stdout.splitlines() if line.startswith("warning")]
    assert [line[:33] for line in warned] == ["warning: gate 'nearer' cannot pass"[:33]]
    assert "'asdbench plan my.yaml' says what to change." in result.stdout
    said = json.loads(invoke("validate", "my.yaml", "--json").stdout)
    assert said["ok"]
    assert len(said["warnings"]) == 1


def test_a_mistake_in_the_suite_is_said_with_its_line(suite: Path) -> None:
    suite.write_text(SUITE.replace("check: equivalence, over: suite", "check: equivalent"))
    result = invoke("plan", "my.yaml")
    assert str(result.exception).startswith("my.yaml:9: check: expected one of")


def test_data_that_is_not_here_is_said(suite: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ASDBENCH_DATA", raising=False)
    dataset = 'use: dcase, year: 2022, root: "${ASDBENCH_DATA}/x", machines: [fan]'
    text = SUITE.replace("use: simulated, train: 99, test: 50, machines: [fan, valve]", dataset)
    suite.write_text(text)
    result = invoke("plan", "my.yaml")
    assert result.exit_code == 0, result.output
    assert "The data is not here" in result.stdout
    assert "MIMII DG" in result.stdout
