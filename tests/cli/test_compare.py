from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from asdbench.cli.main import app
from asdbench.report.write import read_report, write_report

HISTORIC = Path(__file__).parents[1] / "historic_reports"


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Path, Path]:
    """Two report folders; in the second one AUC is lower by 0.05."""
    folders = tmp_path / "base", tmp_path / "new"
    report = read_report(HISTORIC / "report_2.json")
    cell = report.cells[0]
    auc = cell.auc.model_copy(update={"real": (cell.auc.real or 0.0) - 0.05})
    cells = (cell.model_copy(update={"auc": auc}), *report.cells[1:])
    write_report(report, folders[0], ())
    write_report(report.model_copy(update={"cells": cells}), folders[1], ())
    return folders


def compare(*arguments: str | Path, code: int) -> str:
    result = CliRunner().invoke(app, ["compare", *map(str, arguments)])
    assert result.exit_code == code, result.output
    return result.stdout


def test_the_exit_code_follows_the_gates(pair: tuple[Path, Path]):
    assert "regression *" in compare(*pair, code=3)
    compare(*pair, "--tolerance", "0.06", code=0)
    compare(*pair, "--gate", "auc:0.02", code=3)
    compare(*pair, "--gate", "auc_gap:0.02", "--gate", "pauc:0.01", code=0)
    compare(pair[0], pair[0], code=0)


def test_strict_fails_on_what_is_unresolved(pair: tuple[Path, Path]):
    report = read_report(pair[0])
    cell = report.cells[0]
    auc = cell.auc.model_copy(update={"gap": None, "reason": "no gap today"})
    cells = (cell.model_copy(update={"auc": auc}), *report.cells[1:])
    write_report(report.model_copy(update={"cells": cells}), pair[0], ())
    assert "no value on either side" in compare(pair[0], pair[0], "--format", "md", code=0)
    compare(pair[0], pair[0], "--strict", code=6)


@pytest.mark.parametrize(
    "wrong",
    [
        ["--gate", "auk:0.1"],
        ["--gate", "auc"],
        ["--gate", "auc:x"],
        ["--gate", "auc:2"],
        ["--gate", "verdict:1"],
        ["--only", "fan"],
        ["--only", "machine=fam"],
    ],
)
def test_a_wrong_option_says_what_is_allowed(pair: tuple[Path, Path], wrong: list[str]):
    result = CliRunner().invoke(app, ["compare", *map(str, pair), *wrong])
    assert result.exit_code != 0
    message = str(result.exception)
    assert wrong[1] in message
    assert any(word in message for word in ("Allowed", "For example", "Fields", "It has"))


def test_the_job_summary_gets_the_table(
    pair: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    summary = tmp_path / "summary.md"
    summary.write_text("# before\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    output = compare(*pair, "--format", "github", code=3)
    assert output.startswith("::error ")
    page = summary.read_text()
    assert page.startswith("# before\n### ")
    assert "**regression**" in page
    compare(*pair, "--format", "json", code=3)
    assert summary.read_text() == page


def test_out_writes_the_file_and_stdout_the_verdict(pair: tuple[Path, Path], tmp_path: Path):
    place = tmp_path / "deep" / "comparison.json"
    output = compare(*pair, "--format", "json", "--out", place, code=3)
    assert output.startswith("changed: ")
    assert json.loads(place.read_text())["verdict"] == "changed"


def test_scores_beside_the_report_are_found(tmp_path: Path):
    for name in ("report.json", "report/report.json"):
        place = tmp_path / name.replace("/", "-") / name
        place.parent.mkdir(parents=True)
        shutil.copy(HISTORIC / "report_2.json", place)
        (place.parents[name.count("/")] / "scores.parquet").write_text("not a table")
        result = CliRunner().invoke(app, ["compare", str(place), str(place)])
        assert result.exit_code != 0
        assert "is no score table" in str(result.exception)
