"""What a run of a suite would do, how long, and what it could show: ``asdbench plan``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from asdbench.api import no_progress
from asdbench.engine.facts import any_simulated
from asdbench.engine.forecast.duration import Duration, estimate
from asdbench.engine.forecast.gates import gate_outlooks
from asdbench.engine.forecast.outlook import Outlook, Prospect
from asdbench.engine.forecast.power import PowerRow, power_table
from asdbench.engine.forecast.sizes import Expected, expect
from asdbench.engine.forecast.stand_in import KNOWN, known_clips, with_known_layout
from asdbench.engine.plan import make_plan
from asdbench.engine.store import Store
from asdbench.engine.tasks import BuildDataset, Task
from asdbench.suite import LoadedSuite

__all__ = ["KNOWN", "Forecast", "Outlook", "PowerRow", "TaskCount", "forecast", "gate_forecast"]


@dataclass(frozen=True)
class TaskCount:
    """Tasks of one kind."""

    kind: str
    total: int
    todo: int
    duration: Duration
    """Of those that are to do."""


@dataclass(frozen=True)
class Forecast:
    """What a run would do and could show."""

    loaded: LoadedSuite
    expected: Expected
    absent: str | None
    """Why the data could not be read; then numbers are those of its known layout, and what is in
    the store is not known."""
    skipped: int
    """Clips that cannot be used."""
    tasks: tuple[TaskCount, ...]
    duration: Duration
    """Of all tasks that are to do, one after the other."""
    power: tuple[PowerRow, ...]
    gates: tuple[Outlook, ...]


def forecast(
    loaded: LoadedSuite, store: Store, progress: Callable[[int, int, str], None] = no_progress
) -> Forecast:
    """Return what a run of ``loaded`` would do; nothing is computed.

    The inventory of the data's files is kept beside the store, as a run does.

    Raises
    ------
    DataError
        When the data is missing and its layout is not known, or it cannot be used.
    """
    clips, absent = known_clips(loaded)
    suite = loaded if absent is None else with_known_layout(loaded) or loaded
    plan = make_plan(suite, store, progress)
    missing = plan.missing(store)
    tasks = [task for task in plan.tasks if absent is None or not isinstance(task, BuildDataset)]
    todo = [task for task in missing if absent is None or not isinstance(task, BuildDataset)]
    expected = expect(suite, plan.clips if absent is None else clips)
    simulated = absent is None and any_simulated(plan.loaded, plan.clips)
    return Forecast(
        loaded,
        expected,
        absent,
        len(plan.bad_clips),
        tuple(_counts(tasks, todo, store)),
        estimate(todo, store),
        tuple(power_table(loaded.suite, expected)),
        tuple(gate_outlooks(Prospect(loaded, expected, simulated))),
    )


def gate_forecast(loaded: LoadedSuite) -> list[Outlook]:
    """Return what to expect of each gate; no audio is read.

    Raises
    ------
    DataError
        When the data is missing and its layout is not known.
    """
    if not loaded.suite.gates:
        return []
    clips, absent = known_clips(loaded)
    suite = loaded if absent is None else with_known_layout(loaded) or loaded
    simulated = absent is None and any_simulated(loaded, clips)
    return gate_outlooks(Prospect(loaded, expect(suite, clips), simulated))


def _counts(tasks: list[Task], todo: list[Task], store: Store) -> list[TaskCount]:
    total = Counter(task.entry.kind for task in {task.entry: task for task in tasks}.values())
    return [
        TaskCount(
            kind,
            count,
            sum(task.entry.kind == kind for task in todo),
            estimate([task for task in todo if task.entry.kind == kind], store),
        )
        for kind, count in total.items()
    ]
