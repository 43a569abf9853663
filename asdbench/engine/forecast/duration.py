"""How long tasks may take, judged by like tasks that the store has finished.

Every entry of the store notes how long it took and how much there was to do. A task is like
another of the same kind, plug-in and parameters; its time is scaled by its clips. Where no like
task is known, nothing is guessed.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from asdbench.engine.store import Store
from asdbench.engine.tasks import Task
from asdbench.engine.workload import Workload, workload


@dataclass(frozen=True)
class Duration:
    """Time for some tasks, one after the other, s."""

    low: float
    """If each clip takes as long as in the quickest like task."""
    high: float
    """If each clip takes as long as in the slowest like task."""
    known: int
    """Tasks with a like one."""
    unknown: tuple[str, ...]
    """What has none, e.g. ``fit detector mobilenet-v2``."""
    devices: tuple[str, ...]
    """Where the like tasks ran."""


def estimate(tasks: Sequence[Task], store: Store) -> Duration:
    """Return how long ``tasks`` may take."""
    rates: dict[Workload, list[float]] = defaultdict(list)
    devices: dict[str, None] = {}
    for notes in _notes(store, {task.entry.kind for task in tasks}):
        rates[notes.like].append(notes.seconds / notes.size)
        devices[notes.device] = None
    low = high = 0.0
    known = 0
    unknown: dict[str, None] = {}
    for task in tasks:
        like, size = workload(task)
        found = rates.get(like)
        if found is None:
            unknown[str(like)] = None
            continue
        known += 1
        low += min(found) * size
        high += max(found) * size
    return Duration(low, high, known, tuple(unknown), tuple(devices) if known else ())


@dataclass(frozen=True)
class _Notes:
    like: Workload
    size: int
    seconds: float
    device: str


def _notes(store: Store, kinds: Iterable[str]) -> Iterable[_Notes]:
    for kind in sorted(kinds):
        for path in sorted((store.root / kind).glob("*/*/info.json")):
            try:
                info = json.loads(path.read_text(encoding="utf-8"))
            except (OSError, ValueError):
                continue  # being written or removed by another process
            work = info.get("work") if isinstance(info, Mapping) else None
            if work is not None:
                like = Workload(work["task"], work["plugin"], work["params"])
                yield _Notes(like, work["size"], work["seconds"], work["device"])
