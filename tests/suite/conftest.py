"""Suites that tests write to disk."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from asdbench.suite import problems

SUITE = """\
schema: asdbench/suite@1
name: small
dataset:
  use: manifest
  file: clips.csv
  machines: [fan, pump]
generators:
  - id: altered
    use: perturb
grids:
  faults: {generator: altered, label: anomaly}
detectors:
  - id: ae-mse
    use: dcase-ae
    params:
      score: mse
      epochs: 2
  - {id: ae.2, use: dcase-ae}
"""


@pytest.fixture(autouse=True)
def beside_the_suite(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("asdbench.registry.discovery._registered_files", {})
    monkeypatch.delenv("ASDBENCH_DATA", raising=False)


@pytest.fixture
def suite_file(tmp_path: Path) -> Path:
    path = tmp_path / "my.yaml"
    path.write_text(SUITE)
    return path


@pytest.fixture
def mistakes(suite_file: Path) -> Callable[..., list[str]]:
    """Return the problems of a suite: of the small one with text replaced, or of a given text."""

    def find(
        replace: tuple[str, str] | None = None,
        text: str | bytes | None = None,
        overrides: Sequence[str] = (),
        only: Sequence[str] = (),
    ) -> list[str]:
        if replace is not None:
            assert SUITE.count(replace[0]) == 1, "the text to replace must occur once"
            text = SUITE.replace(*replace)
        if isinstance(text, bytes):
            suite_file.write_bytes(text)
        elif text is not None:
            suite_file.write_text(textwrap.dedent(text))
        return [str(problem) for problem in problems("my.yaml", overrides, only)]

    return find
