from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from asdbench.cli import progress
from asdbench.engine.run import run


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """Let the observer believe that stderr is a terminal; return what it writes there."""
    written = io.StringIO()

    def console(**_: object) -> Console:
        return Console(file=written, force_terminal=True, width=100)

    monkeypatch.setattr(progress, "Console", console)
    return written


def test_a_terminal_shows_bars_and_failures(toy_suite: Path, tmp_path: Path, terminal: io.StringIO):
    with progress.observer() as watch:
        assert isinstance(watch, progress.Bars)
        run(
            toy_suite,
            out=tmp_path / "[bold]run",
            store=tmp_path / "store",
            workers=1,
            overrides=["detectors.flipped.params.fail=fit"],
            observer=watch,
        )
    text = terminal.getvalue()
    assert "toy 1.0.0: 80 clips" in text
    assert "[bold]run" in text  # a folder's name is no markup
    assert "FAILED fit flipped fan: ValueError: no luck today" in text
    assert "tasks" in text
    assert "left" in text


def test_elsewhere_there_is_one_line_a_task(
    toy_suite: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    with progress.observer() as watch:
        assert isinstance(watch, progress.Lines)
        run(toy_suite, out=tmp_path / "run", store=tmp_path / "s", workers=0, observer=watch)
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "read 80 files"
    tasks = [line for line in lines if line.startswith("[")]
    assert len(tasks) == int(lines[1].split(" clips, ")[1].split()[0])
    assert tasks[-1].startswith(f"[{len(tasks)}/{len(tasks)}]")
    assert all(line.endswith(" s") for line in tasks)
