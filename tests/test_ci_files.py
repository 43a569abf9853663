"""The action, the workflows and the CI page: parsed, and their shell steps run on small reports."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.main import get_command

from asdbench.cli.main import app
from asdbench.comparison import parse_gates
from asdbench.report.write import read_report, write_report

ROOT = Path(__file__).resolve().parents[1]
ACTION = ROOT / "action.yml"
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
PAGE = ROOT / "docs" / "ci.md"
HISTORIC = Path(__file__).parent / "historic_reports"

if not ACTION.exists():
    pytest.skip("needs the checkout", allow_module_level=True)


def load(text: str) -> dict[str, Any]:
    found = yaml.safe_load(text)
    assert isinstance(found, dict)
    return found


def steps() -> dict[str, dict[str, Any]]:
    return {s["name"]: s for s in load(ACTION.read_text())["runs"]["steps"] if "name" in s}


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE.read_text(), re.DOTALL)


def scripts() -> list[str]:
    found = [step["run"] for step in steps().values() if "run" in step]
    found += blocks("sh")
    for text in blocks("yaml"):
        for job in load(text).values():
            found += job.get("script", []) if isinstance(job, dict) else []
    indented = [line.strip() for line in PAGE.read_text().splitlines() if line.startswith("    a")]
    return found + indented


def commands() -> list[list[str]]:
    """The asdbench commands of all scripts, each as its words."""
    found = []
    for script in scripts():
        for line in script.replace("\\\n", " ").splitlines():
            if line.strip().startswith("asdbench "):
                words = shlex.split(line, comments=True)
                end = next((i for i, w in enumerate(words) if w in {"||", ">", "&&"}), len(words))
                found.append(words[1:end])
    return found


def test_every_command_and_option_exists():
    found = commands()
    assert {words[0] for words in found} == {"run", "gate", "compare"}
    assert len(found) >= 10
    group: Any = get_command(app)
    for name, *words in found:
        known = {option for p in group.commands[name].params for option in p.opts}
        assert {word for word in words if word.startswith("--")} <= known, words
        places = [i + 1 for i, word in enumerate(words) if word == "--gate"]
        parse_gates(words[i] for i in places if not words[i].startswith("$"))


def test_the_action_is_whole():
    action = load(ACTION.read_text())
    assert action["runs"]["using"] == "composite"
    used = set(re.findall(r"inputs\.([a-z-]+)", ACTION.read_text()))
    assert used == set(action["inputs"])
    assert all(spec.get("description") for spec in action["inputs"].values())
    assert [n for n, s in action["inputs"].items() if s.get("required")] == ["suite"]
    assert parse_gates(action["inputs"]["gates"]["default"].split())
    for step in action["runs"]["steps"]:
        assert ("run" in step) == (step.get("shell") == "bash")
        # What a user writes reaches a script as a variable, never as its text.
        assert "${{" not in step.get("run", "")


def test_workflows_use_what_is_there():
    assert [path.name for path in WORKFLOWS] == ["benchmark.yml", "ci.yml"]
    inputs = set(load(ACTION.read_text())["inputs"])
    for path in WORKFLOWS:
        content = yaml.safe_load(path.read_text())
        assert content[True]  # YAML 1.1 reads the key `on` as true
        assert content["permissions"] == {"contents": "read"}
        for job in content["jobs"].values():
            assert job["timeout-minutes"] <= 60
            for step in job["steps"]:
                assert ("uses" in step) != ("run" in step)
                if step.get("uses") == "./":
                    assert set(step["with"]) <= inputs
                    suites = job["strategy"]["matrix"]["suite"]
                    reports = (ROOT / "reports").glob("*/report.json")
                    assert sorted(suites) == sorted(path.parent.name for path in reports)
                    assert all((ROOT / "suites" / f"{suite}.yaml").exists() for suite in suites)
                if "run" in step:
                    assert os.access(ROOT / step["run"], os.X_OK)


def test_the_examples_of_the_page_use_the_actions_inputs():
    examples = [load(text) for text in blocks("yaml")]
    assert len(examples) == 2
    step = examples[0]["jobs"]["benchmark"]["steps"][-1]
    assert set(step["with"]) <= set(load(ACTION.read_text())["inputs"])
    assert parse_gates(step["with"]["gates"].split())


@pytest.mark.parametrize("script", scripts())
def test_every_script_is_shell(script: str):
    done = subprocess.run(["bash", "-n"], input=script, text=True, capture_output=True)
    assert done.returncode == 0, done.stderr


@pytest.fixture
def runner(tmp_path: Path):
    """Run a step of the action as GitHub does: bash -e with the step's variables."""
    bin_folder = tmp_path / "bin"
    bin_folder.mkdir()
    shim = bin_folder / "asdbench"
    shim.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m asdbench "$@"\n')
    shim.chmod(0o755)
    (bin_folder / "python").symlink_to(sys.executable)

    def run(name: str, **variables: str | Path) -> subprocess.CompletedProcess[str]:
        step = steps()[name]
        assert set(variables) == set(step["env"])
        environment = {
            **os.environ,
            "PATH": f"{bin_folder}:{os.environ['PATH']}",
            "GITHUB_STEP_SUMMARY": str(tmp_path / "summary.md"),
            "GITHUB_OUTPUT": str(tmp_path / "output"),
            "RUNNER_TEMP": str(tmp_path),
            **{key: str(value) for key, value in variables.items()},
        }
        command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]]
        return subprocess.run(command, env=environment, text=True, capture_output=True)

    return run


def test_the_folders_of_a_run(runner, tmp_path: Path):
    assert runner("Choose folders", SUITE="suites/my suite.yaml").returncode == 0
    lines = (tmp_path / "output").read_text().splitlines()
    assert lines[0] == "name=my suite"
    assert lines[1] == f"run={tmp_path}/asdbench-run/my suite"


@pytest.mark.slow
def test_the_comparison_of_the_action(runner, tmp_path: Path):
    report = read_report(HISTORIC / "report_2.json")
    cell = report.cells[0]
    auc = cell.auc.model_copy(update={"real": (cell.auc.real or 0.0) - 0.1})
    cells = (cell.model_copy(update={"auc": auc}), *report.cells[1:])
    run = tmp_path / "a run"
    write_report(report.model_copy(update={"cells": cells}), run / "report", ())
    base = HISTORIC / "report_2.json"
    done = runner("Compare", BASE=base, GATES="auc:0.02 auc_gap:0.2", ONLY="machine=fan", RUN=run)
    assert done.returncode == 3, done.stderr
    assert done.stdout.startswith("::error ")
    assert "**regression**" in (tmp_path / "summary.md").read_text()
    written = {path.name for path in (run / "comparison").iterdir()}
    assert written == {f"comparison.{name}" for name in ("md", "json", "junit")}
    none = runner("Compare", BASE=base, GATES="", ONLY="", RUN=tmp_path / "nothing")
    assert (none.returncode, none.stdout) == (0, "there is no report\n")


@pytest.mark.slow
def test_the_gates_of_the_action(runner, tmp_path: Path):
    report = read_report(HISTORIC / "report_2.json")
    write_report(report, tmp_path / "run" / "report", ())
    done = runner("Check the gates", GATES_FILE="", RUN=tmp_path / "run")
    assert (done.returncode, done.stdout) == (0, "the suite has no gates\n")
    missing = runner("Check the gates", GATES_FILE="no.yaml", RUN=tmp_path / "run")
    assert missing.returncode == 2
