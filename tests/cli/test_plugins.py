from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from asdbench.cli.plugins import plugins_app
from asdbench.errors import PluginError

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
needs_examples = pytest.mark.skipif(not EXAMPLES.is_dir(), reason="examples/ is not here")


@pytest.fixture(autouse=True)
def no_registered_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("asdbench.registry.discovery._registered_files", {})


def run(*arguments: str) -> str:
    result = CliRunner().invoke(plugins_app, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_the_list_names_every_plugin_with_its_kind_and_origin() -> None:
    lines = run("list").splitlines()
    [line] = [line for line in lines if " dcase-ae " in line]
    assert line.split()[:2] == ["detector", "dcase-ae"]
    assert line.endswith("asdbench.detectors.dcase_ae:DCASEAutoencoder")
    rows = json.loads(run("list", "--json"))
    assert ("generators", "perturb") in {(row["kind"], row["id"]) for row in rows}
    assert set(rows[0]) == {"kind", "id", "origin"}


def test_verbose_says_what_each_does_and_which_is_broken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    info = tmp_path / "sick-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: sick\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[asdbench.detectors]\nsick = no_such_module_x:A\n")
    monkeypatch.syspath_prepend(tmp_path)
    rows = {row["id"]: row for row in json.loads(run("list", "--verbose", "--json"))}
    assert rows["sick"]["version"] == "broken"
    assert "ModuleNotFoundError" in rows["sick"]["description"]
    assert "sick 1.0" in rows["sick"]["origin"]
    assert rows["perturb"]["version"] == "1"
    assert rows["perturb"]["description"]


def test_a_clash_is_listed_and_then_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    info = tmp_path / "thief-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: thief\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[asdbench.detectors]\ndcase-ae = thief:A\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(PluginError, match=r"'dcase-ae' is claimed by 2 plug-ins.*thief 1\.0"):
        run("list")


def test_show_has_the_info_and_every_parameter() -> None:
    text = run("show", "dcase-ae")
    assert text.startswith("dcase-ae 2 (detector)\n")
    assert "  score: one of 'mse', 'mahalanobis' (default: mse)\n" in text
    assert "EUSIPCO" in text
    [said] = json.loads(run("show", "dcase-ae", "--json"))
    epochs = next(p for p in said["parameters"] if p["name"] == "epochs")
    assert epochs["type"] == "a whole number >= 1"
    assert epochs["description"]
    manifest = run("show", "manifest")
    assert "  file: a path (required)\n" in manifest


def test_show_knows_the_nearest_name() -> None:
    with pytest.raises(PluginError, match="Did you mean 'resample'"):
        run("show", "resampel")


@needs_examples
def test_the_example_file_shows_up_by_its_decorator_and_by_its_class() -> None:
    path = str(EXAMPLES / "my_detector.py")
    assert "my-knn" in run("list", "--plugin", path)
    assert run("show", "my-knn", "--plugin", path).startswith("my-knn 1 (detector)")
    assert run("show", f"{path}:MyKNN").startswith("my-knn 1 (detector)")
