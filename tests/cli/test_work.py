from __future__ import annotations

import io
from typing import Any

import pytest
from rich.console import Console
from rich.progress import Progress

from asdbench.cli import work


def test_lines_are_few_and_tell_rate_and_time_left(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [100.0]
    monkeypatch.setattr(work.time, "monotonic", lambda: clock[0])
    lines = work.WorkLines()
    for done in range(5000, 10001):  # resumed in the middle, eight steps a second
        lines.working(done, 10000, "steps")
        clock[0] += 0.125
    said = capsys.readouterr().err.splitlines()
    assert said[0] == "5000/10000 steps"
    assert said[1] == "5240/10000 steps  8/s, 0:09:55 left"
    assert said[-1] == "10000/10000 steps  8/s"
    assert len(said) == 22
    lines.working(1, 20, "clips")
    assert capsys.readouterr().err == "1/20 clips\n"


@pytest.mark.parametrize(
    ("speed", "shown"), [(508.4, "508/s"), (1.25, "1.25/s"), (0.1, "10 s each")]
)
def test_rates(speed: float, shown: str) -> None:
    assert work.rate(speed) == shown


def test_one_bar_serves_all_phases() -> None:
    console = Console(file=io.StringIO(), force_terminal=True)
    with Progress(console=console) as progress:
        bars = work.WorkBars(progress)
        bars.expecting(3)
        bars.expecting(2)
        assert [task.total for task in progress.tasks] == [2]
        bars.working(1, 10, "latents")
        bars.working(10, 10, "latents")
        bars.working(400, 1000, "steps")
        bars.working(401, 1000, "steps, loss 0.2")
        task: Any = progress.tasks[0]
        assert len(progress.tasks) == 1
        assert (task.completed, task.total, task.fields["unit"]) == (401, 1000, "steps, loss 0.2")
