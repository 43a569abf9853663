from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from asdbench.cli.validate import validate
from asdbench.errors import SuiteError

app = typer.Typer()
app.command()(validate)

SUITE = """\
schema: asdbench/suite@1
name: small
version: "2"
dataset: {use: simulated, sections: ["00"], train: 20, test: 4}
generators:
  - {id: altered, use: perturb}
grids:
  faults: {generator: altered}
detectors:
  - {id: ae, use: dcase-ae}
  - {id: mine, use: ./mine.py:Mine}
"""
DETECTOR = """\
from asdbench.api import Detector, DetectorInfo
class Mine(Detector):
    info = DetectorInfo(id="mine", version="1")
    def fit(self, train, context): ...
    def score(self, clips, context): ...
    def save(self, folder): ...
    @classmethod
    def load(cls, folder, params, context): ...
"""


@pytest.fixture(autouse=True)
def suite(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text(DETECTOR)
    path = tmp_path / "my.yaml"
    path.write_text(SUITE)
    return path


def test_a_good_suite_is_summed_up_with_the_code_it_brings(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["my.yaml"])
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines() == [
        "ok: my.yaml (small 2): 2 detectors, 1 generator, 1 grid",
        "It runs code from outside asdbench:",
        f"  {tmp_path}/mine.py, Mine",
    ]


def test_every_mistake_is_printed_and_the_exit_code_is_2(suite: Path) -> None:
    suite.write_text(SUITE.replace("use: perturb", "use: purturb").replace("name: s", "naem: s"))
    result = CliRunner().invoke(app, ["my.yaml", "--set", "split.sed=1"])
    assert result.exit_code == 2
    starts = [line.partition(". ")[0] for line in result.stdout.splitlines()]
    assert starts == [
        "my.yaml:1: missing key 'name'",
        "my.yaml:2: unknown key 'naem'",
        "my.yaml:6: unknown generator 'purturb'",
        "--set split.sed=1: unknown key 'sed'",
    ]
    assert "4 problems" in result.stderr


def test_json_has_the_same_for_programs(suite: Path) -> None:
    suite.write_text(SUITE.replace("use: perturb", "use: purturb"))
    result = CliRunner().invoke(app, ["my.yaml", "--json"])
    assert result.exit_code == 2
    said = json.loads(result.stdout)
    assert not said["ok"]
    [problem] = said["problems"]
    assert (problem["file"], problem["line"], problem["column"]) == ("my.yaml", 6, 24)
    assert problem["message"] == "unknown generator 'purturb'. Did you mean 'perturb'?"

    good = CliRunner().invoke(app, ["my.yaml", "--json", "--set", "generators.altered.use=perturb"])
    said = json.loads(good.stdout)
    assert good.exit_code == 0
    assert said["ok"]
    assert said["problems"] == said["data_problems"] == []
    assert len(said["digest"]) == 64
    assert said["foreign_code"] == [f"{suite.parent}/mine.py, Mine"]


def test_data_that_lacks_what_the_suite_asks_for_is_a_problem() -> None:
    result = CliRunner().invoke(app, ["my.yaml", "--only", "machine=pump"])
    assert result.exit_code == 2
    assert "no machine 'pump'" in result.stdout


def test_a_plugin_file_is_known_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("asdbench.registry.discovery._registered_files", {})
    (tmp_path / "named.py").write_text(
        "from asdbench.api import detector\n"
        + DETECTOR.replace("class Mine", "@detector('mine')\nclass Mine")
    )
    override = ["--set", "detectors.mine.use=mine"]
    assert CliRunner().invoke(app, ["my.yaml", *override]).exit_code == 2
    found = CliRunner().invoke(app, ["my.yaml", *override, "--plugin", "named.py"])
    assert found.exit_code == 0, found.output


def test_a_suite_that_is_nowhere_is_an_error() -> None:
    with pytest.raises(SuiteError, match="no such file"):
        CliRunner().invoke(app, ["your.yaml"], catch_exceptions=False)
