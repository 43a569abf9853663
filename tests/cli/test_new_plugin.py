from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import tomllib
from importlib.resources import files
from pathlib import Path

import pytest
from typer.testing import CliRunner

from asdbench.cli.plugins import plugins_app
from asdbench.errors import PluginError
from asdbench.registry import find
from asdbench.report.schema import Cell
from asdbench.report.write import read_report
from asdbench.scaffold import class_name
from asdbench.suite import problems

TUTORIAL = Path(__file__).resolve().parents[2] / "docs/plugins.md"
KINDS = [("detector", "my-knn", "MyKNN"), ("generator", "my-hum", "MyHum")]


def new(*arguments: object) -> str:
    result = CliRunner().invoke(plugins_app, ["new", *map(str, arguments)], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def python(*arguments: object, cwd: Path, path: Path | None = None):
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    if path is not None:
        environment["PYTHONPATH"] = os.pathsep.join([str(path), os.environ.get("PYTHONPATH", "")])
    return subprocess.run(
        [sys.executable, "-m", *map(str, arguments)],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize(("kind", "name", "cls"), KINDS)
def test_the_package_is_complete_and_its_parts_fit(
    tmp_path: Path, kind: str, name: str, cls: str
) -> None:
    said = new(kind, name, "--out", tmp_path)
    folder, module = tmp_path / name, name.replace("-", "_")
    assert {str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()} == {
        "pyproject.toml",
        "README.md",
        "suite.yaml",
        f"{module}/__init__.py",
        f"tests/test_{module}.py",
    }
    project = tomllib.loads((folder / "pyproject.toml").read_text())["project"]
    assert project["entry-points"] == {f"asdbench.{kind}s": {name: f"{module}:{cls}"}}
    plugin = find(f"{kind}s", f"./{module}/__init__.py:{cls}", folder).load()
    assert plugin.info.id == name
    assert plugin.info.description
    assert problems(folder / "suite.yaml") == []
    assert f"asdbench plugins check ./{module}/__init__.py:{cls}" in said
    assert not any("$" in p.read_text() for p in folder.rglob("*") if p.is_file())


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "name", "cls"), KINDS)
def test_the_package_passes_its_tests_as_it_stands(
    tmp_path: Path, kind: str, name: str, cls: str
) -> None:
    new(kind, name, "--out", tmp_path)
    done = python("pytest", "-q", "-p", "no:cacheprovider", cwd=tmp_path / name)
    assert done.returncode == 0, done.stdout
    passed = re.search(r"(\d+) passed", done.stdout)
    assert passed is not None
    assert int(passed[1]) > 15


@pytest.mark.parametrize("name", ["MyKNN", "my_knn", "-my", "my--knn", "1st", "my knn", "a/b", ""])
def test_a_name_must_be_words_joined_by_hyphens(tmp_path: Path, name: str) -> None:
    with pytest.raises(PluginError, match=r"is no name for a detector\n.*my-knn"):
        new("detector", "--out", tmp_path, "--", name)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["json", "class", "numpy", "asdbench"])
def test_a_module_that_exists_is_not_hidden(tmp_path: Path, name: str) -> None:
    with pytest.raises(PluginError, match=f"Python module '{name}', which is taken"):
        new("detector", name, "--out", tmp_path)


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "my-knn").mkdir()
    with pytest.raises(PluginError, match="my-knn exists"):
        new("detector", "my-knn", "--out", tmp_path)
    assert not list((tmp_path / "my-knn").iterdir())


def test_a_registered_name_is_a_warning(tmp_path: Path) -> None:
    said = new("detector", "dcase-ae", "--out", tmp_path)
    assert "Warning: a detector 'dcase-ae' is registered already (asdbench" in said
    assert "Warning" not in new("generator", "dcase-ae", "--out", tmp_path / "other")


def test_an_unknown_kind_is_a_usage_error(tmp_path: Path) -> None:
    result = CliRunner().invoke(plugins_app, ["new", "dataset", "mine", "--out", str(tmp_path)])
    assert result.exit_code == 2
    assert "'detector', 'generator'" in result.output


@pytest.mark.parametrize(
    ("name", "cls"), [("my-knn", "MyKNN"), ("gmm2", "GMM2"), ("flow", "Flow"), ("a-1d", "A1D")]
)
def test_class_names(name: str, cls: str) -> None:
    assert class_name(name) == cls


@pytest.mark.parametrize("kind", ["detector", "generator"])
def test_templates_are_part_of_the_installed_package(kind: str) -> None:
    folder = files("asdbench.scaffold") / kind
    names = {"README.md", "module.py", "pyproject.toml", "suite.yaml", "test.py"}
    assert {p.name for p in folder.iterdir()} == {f"{name}.template" for name in names}


SMALL = [
    *("--set", "dataset.train=4", "--set", "dataset.test=2"),
    *("--set", "dataset.machines=[fan]", "--set", "detectors.ae-mse.params.epochs=1"),
    *("--workers", "1"),
]


@pytest.mark.slow
@pytest.mark.skipif(not TUTORIAL.is_file(), reason="docs/ is part of the repository only")
def test_the_tutorial_leads_from_an_empty_folder_to_a_row(tmp_path: Path) -> None:
    """Its commands in turn; runs are made small, and what is installed stays in the folder."""
    commands = [
        shlex.split(line, comments=True)
        for line in TUTORIAL.read_text().splitlines()
        if line.startswith(("    asdbench ", "    pip ", "    pytest", "    cd "))
    ]
    assert [words[:2] for words in commands].count(["asdbench", "run"]) >= 2
    folder, site, out = tmp_path, tmp_path / "site", tmp_path / "run"
    rows: list[Cell] = []
    for number, (program, *words) in enumerate(commands):
        if program == "cd":
            folder = (folder / words[0]).resolve()
            continue
        if program == "pip":
            words = ["install", "--quiet", "--no-deps", "--no-build-isolation"]
            words += ["--target", str(site), "."]
        ran = words[:1] == ["run"]
        if ran:
            report = out / str(number)
            words += [*SMALL, "--out", str(report), "--store", str(tmp_path / "store")]
        done = python(program, *words, cwd=folder, path=site)
        assert done.returncode == 0, (program, words, done.stdout, done.stderr)
        if ran:
            rows += read_report(report).cells
    mine = [row for row in rows if row.detector == "my-knn"]
    assert mine
    assert all(row.auc.real is not None for row in mine)
    assert "my-hum" in {row.generator for row in rows}
