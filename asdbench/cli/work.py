"""What a person sees while ``asdbench train`` and ``asdbench generate`` work."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from asdbench.cli.progress import Bars, Lines
from asdbench.engine.material import WorkObserver

_SECONDS_BETWEEN_LINES = 30.0


@contextmanager
def work_observer() -> Iterator[WorkObserver]:
    """Yield an observer that writes to stderr: bars on a terminal, a few lines elsewhere."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield WorkLines()
        return
    with Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TextColumn("{task.fields[unit]}", markup=False),
        _Rate(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        console=console,
        transient=True,
    ) as progress:
        yield WorkBars(progress)


class _Rate(ProgressColumn):
    """Steps a second, of the last half minute."""

    def render(self, task: Task) -> Text:
        """Return the rate, or nothing before it is known."""
        return Text(f"{rate(task.speed)}" if task.speed else "")


def rate(per_second: float) -> str:
    """Return a rate as a person reads it: slow ones by the time that one takes."""
    return f"{per_second:.3g}/s" if per_second >= 1 else f"{1 / per_second:.3g} s each"


class WorkBars(Bars):
    """A bar for each task at work, and one for what the plug-in does."""

    def __init__(self, progress: Progress) -> None:
        super().__init__(progress)
        self._bar: TaskID | None = None
        self._phase = _Phase()

    def expecting(self, tasks: int) -> None:
        """Show the bar of the tasks that come first."""
        if self._overall is not None:
            self._progress.remove_task(self._overall)
        self._overall = self._progress.add_task("preparing", total=tasks, unit="tasks")

    def say(self, line: str) -> None:
        """Print above the bars."""
        self._progress.console.print(line, highlight=False, markup=False)

    def working(self, done: int, total: int, what: str) -> None:
        """Advance the bar; a new phase starts its clock again."""
        if self._overall is not None:
            self._progress.remove_task(self._overall)
            self._overall = None
        if self._bar is None:
            self._bar = self._progress.add_task("", total=total, unit=what)
        if self._phase.begins(done, total):
            self._progress.reset(self._bar, total=total, completed=done, unit=what)
        self._progress.update(self._bar, completed=done, total=total, unit=what)


class WorkLines(Lines):
    """A line for every task that ends, and every half minute one on what the plug-in does."""

    def __init__(self) -> None:
        super().__init__()
        self._phase = _Phase()
        self._last = -_SECONDS_BETWEEN_LINES

    def expecting(self, tasks: int) -> None:
        """Remember how many tasks come first."""
        self._total, self._done = tasks, 0

    def say(self, line: str) -> None:
        """Print it."""
        sys.stderr.write(line + "\n")
        sys.stderr.flush()

    def working(self, done: int, total: int, what: str) -> None:
        """Say how far it is: when a phase begins and ends, and every half minute."""
        now = time.monotonic()
        begins = self._phase.begins(done, total)
        if not (begins or done == total or now - self._last >= _SECONDS_BETWEEN_LINES):
            return
        self._last = now
        line = f"{done}/{total} {what}"
        if (speed := self._phase.speed(done)) is not None:
            left = round((total - done) / speed)
            line += f"  {rate(speed)}"
            line += f", {left // 3600}:{left // 60 % 60:02d}:{left % 60:02d} left" if left else ""
        self.say(line)


class _Phase:
    """Tells phases of the work apart: the total changes, or the count starts again."""

    def __init__(self) -> None:
        self._total = self._first = self._done = -1
        self._since = 0.0

    def begins(self, done: int, total: int) -> bool:
        """Note where the work stands; return whether that is the first of a phase."""
        first = total != self._total or done < self._done
        if first:
            self._first, self._since = done, time.monotonic()
        self._total, self._done = total, done
        return first

    def speed(self, done: int) -> float | None:
        """Return steps a second since the phase began."""
        seconds = time.monotonic() - self._since
        return (done - self._first) / seconds if done > self._first and seconds > 0 else None
