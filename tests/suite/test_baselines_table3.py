from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from asdbench.cli.validate import validate
from asdbench.suite import load_suite

app = typer.Typer()
app.command()(validate)


def test_it_is_valid_by_name() -> None:
    result = CliRunner().invoke(app, ["baselines_table3"])
    assert result.exit_code == 0, result.output
    assert "2 detectors, 2 generators, 8 grids" in result.stdout


def test_both_generators_are_trained_alike() -> None:
    made = {plugin.id: plugin.params for plugin in load_suite("baselines_table3").generators}
    ours, baseline = made["mimii-gen"], made["mel-ldm"]
    assert ours.checkpoint is None
    assert baseline.checkpoint is None
    assert ours.preset == baseline.preset
    own = {"codec", "bandwidth", "normalization"}
    assert ours.architecture.model_dump(exclude=own) == baseline.architecture.model_dump(
        exclude=own
    )


def test_what_is_commented_out_is_valid_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = files("asdbench.suites").joinpath("baselines_table3.yaml").read_text()
    text, count = re.subn(r"^  # (- \{id: audioldm2|audioldm2)", r"  \1", text, flags=re.MULTILINE)
    assert count == 3
    (tmp_path / "all.yaml").write_text(text)
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(app, ["all.yaml"])
    assert result.exit_code == 0, result.output
    assert "3 generators, 10 grids" in result.stdout
