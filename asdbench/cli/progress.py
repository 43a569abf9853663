"""What a person sees while a run goes on: bars on a terminal, one line a task elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from asdbench.engine.run import RunObserver
from asdbench.report.text import first_line

if TYPE_CHECKING:
    from asdbench.engine.local import Failure
    from asdbench.engine.plan import Plan
    from asdbench.engine.tasks import Entry, Task


@contextmanager
def observer() -> Iterator[RunObserver]:
    """Yield an observer that writes to stderr in the way that suits it."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield Lines()
        return
    with Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TextColumn("{task.fields[unit]}"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        console=console,
        transient=True,
    ) as progress:
        yield Bars(progress)


def introduction(plan: Plan, missing: Sequence[Task], folder: Path) -> str:
    """Return one line that says what is to be done."""
    suite = plan.loaded.suite
    ready = len(plan.tasks) - len(missing)
    return (
        f"{suite.name} {suite.version}: {len(plan.clips)} clips, {len(missing)} tasks to do"
        f"{f', {ready} in the store' if ready else ''} -> {folder}"
    )


class Lines:
    """One line for each task that ends; steps of long ones are not shown."""

    def __init__(self) -> None:
        self._started: dict[Entry, float] = {}
        self._total = 0
        self._done = 0

    def reading(self, done: int, total: int, what: str) -> None:
        """Say when all files are read."""
        if done == total:
            _say(f"read {total} {what}")

    def planned(self, plan: Plan, missing: Sequence[Task], folder: Path) -> None:
        """Say what is to be done."""
        self._total = len(missing)
        _say(introduction(plan, missing, folder))

    def started(self, task: Task) -> None:
        """Remember when."""
        self._started[task.entry] = time.monotonic()

    def advanced(self, task: Task, done: int, total: int, what: str) -> None:
        """Say nothing."""

    def finished(self, task: Task, failure: Failure | None) -> None:
        """Say how it ended and how long it took."""
        self._done += 1
        seconds = time.monotonic() - self._started.get(task.entry, time.monotonic())
        width = len(str(self._total))
        line = f"[{self._done:{width}d}/{self._total}] {task.title:40s} {seconds:7.1f} s"
        if failure is not None:
            line += f"  FAILED {failure.error}: {first_line(failure.message)}"
        _say(line)


def _say(line: str) -> None:
    sys.stderr.write(line.rstrip() + "\n")
    sys.stderr.flush()


class Bars:
    """A bar for the run and one for each task at work."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._bars: dict[Entry, TaskID] = {}
        self._overall: TaskID | None = None
        self._reading: TaskID | None = None

    def reading(self, done: int, total: int, what: str) -> None:
        """Advance the bar of the inventory."""
        if self._reading is None:
            self._reading = self._progress.add_task("reading", total=total, unit=what)
        self._progress.update(self._reading, completed=done, visible=done < total)

    def planned(self, plan: Plan, missing: Sequence[Task], folder: Path) -> None:
        """Say what is to be done and show the bar of the run."""
        self._progress.console.print(
            introduction(plan, missing, folder), highlight=False, markup=False
        )
        self._overall = self._progress.add_task("all", total=len(missing), unit="tasks")

    def started(self, task: Task) -> None:
        """Show the task's bar."""
        self._bars[task.entry] = self._progress.add_task(task.title, total=None, unit="")

    def advanced(self, task: Task, done: int, total: int, what: str) -> None:
        """Advance the task's bar."""
        self._progress.update(self._bars[task.entry], completed=done, total=total, unit=what)

    def finished(self, task: Task, failure: Failure | None) -> None:
        """Take the task's bar away."""
        if task.entry in self._bars:
            self._progress.remove_task(self._bars.pop(task.entry))
        if self._overall is not None:
            self._progress.advance(self._overall)
        if failure is not None:
            text = f"FAILED {task.title}: {failure.error}: {first_line(failure.message)}"
            self._progress.console.print(text, style="red", markup=False, highlight=False)
