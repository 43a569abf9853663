from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from asdbench.cli.explain import explain
from asdbench.engine.run import run
from asdbench.errors import DataError
from toy import write_arms

app = typer.Typer()
app.command("explain")(explain)
CELL = "pump/00/source/level/made"


@pytest.fixture(scope="module")
def arms_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("explained")
    suite = write_arms(folder / "toy")
    return run(suite, store=folder / "store", out=folder / "run", workers=0).folder


def invoke(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_a_cell_is_shown_in_full(arms_run: Path) -> None:
    shown = invoke(arms_run, CELL, "--clips", 2)
    assert shown.exit_code == 0, shown.output
    assert shown.stdout.startswith(f"{CELL}\n")
    assert "real normals : real anomalies" in shown.stdout
    missed = shown.stdout.split("== Missed")[1].split("==")[0]
    assert missed.count(".wav") == 2
    assert max(map(len, shown.stdout.splitlines())) <= 100


def test_json_and_page_say_the_same(arms_run: Path) -> None:
    content = json.loads(invoke(arms_run, CELL, "--json").stdout)
    assert content["cell"] == CELL
    auc = content["arms"][0]["value"]["auc"]
    assert f"{auc:.3f}" in invoke(arms_run, CELL).stdout


def test_a_part_of_a_name_lists_cells(arms_run: Path) -> None:
    listed = invoke(arms_run, "pump")
    assert listed.exit_code == 0, listed.output
    assert "6 cells of arms match 'pump'" in listed.stdout
    assert "detector: level, flipped" in listed.stdout
    assert CELL in listed.stdout
    as_json = json.loads(invoke(arms_run, "pump/*", "--json").stdout)
    assert len(as_json["cells"]) == 6
    assert "12 cells" in invoke(arms_run).stdout


def test_a_mistyped_name_is_told_its_neighbor(arms_run: Path) -> None:
    wrong = invoke(arms_run, "pump/00/source/levl")
    assert isinstance(wrong.exception, DataError)
    assert "Did you mean 'level'?" in str(wrong.exception)


def test_a_report_alone_will_do(arms_run: Path) -> None:
    shown = invoke(arms_run / "report" / "report.json", CELL)
    assert shown.exit_code == 0, shown.output
    assert "== Missed" in shown.stdout  # the scores lie where the report's folder is
