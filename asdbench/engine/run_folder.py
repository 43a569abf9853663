"""What lies in a run folder beside scores and report."""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
import sys
import time
from collections.abc import Collection, Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml

from asdbench import __version__
from asdbench.engine.facts import plugin_use
from asdbench.engine.local import Failure, Observer
from asdbench.engine.plan import Plan
from asdbench.engine.store import Store, write_atomically
from asdbench.engine.tasks import Entry, MakeClips, Task, clip_name
from asdbench.errors import DataError
from asdbench.suite import LoadedSuite

_LOCK = "suite.lock.yaml"


def had_run(folder: Path, loaded: LoadedSuite) -> bool:
    """Return whether ``folder`` holds a run of this suite, which the next one replaces.

    A suite is known by its name: it may have been edited since.

    Raises
    ------
    DataError
        When it holds a run of another suite.
    """
    path = folder / _LOCK
    if not path.is_file():
        return False
    name = loaded.suite.name
    try:
        there = yaml.safe_load(path.read_text(encoding="utf-8"))["suite"]["name"]
    except (OSError, ValueError, TypeError, KeyError, yaml.YAMLError):
        there = None
    if there != name:
        holds = f"a run of suite '{there}'" if there else f"a {_LOCK} that cannot be read"
        raise DataError(
            f"the run folder {folder} holds {holds}; this is suite '{name}'",
            "Name another folder (--out DIR), or remove that one.",
        )
    return True


def write_suite(folder: Path, loaded: LoadedSuite) -> None:
    """Keep the suite as written, and as it was understood."""
    write_atomically(folder / "suite.yaml", loaded.text)
    plugins = [loaded.dataset, *loaded.generators, *loaded.detectors]
    lock = {
        "suite": loaded.suite.model_dump(mode="json", by_alias=True),
        "digest": loaded.digest,
        "overrides": list(loaded.overrides),
        "asdbench": __version__,
        "plugins": [plugin_use(plugin).model_dump(mode="json") for plugin in plugins],
    }
    write_atomically(folder / _LOCK, yaml.safe_dump(lock, sort_keys=False))


def copy_samples(
    plan: Plan, store: Store, failures: Collection[Entry], folder: Path, *, anew: bool
) -> None:
    """Copy the first clip of each grid and section, to listen to; ``anew``: in place of others."""
    names: dict[str, Path] = {}
    for task in plan.tasks:
        if isinstance(task, MakeClips) and task.entry not in failures:
            condition = task.real[0].condition
            name = f"{task.grid}_{condition.machine}_{condition.section}_{task.label}"
            first = store.path(task.entry.kind, task.entry.key) / clip_name(0)
            if first.exists():  # of a sweep, the generator may have refused the condition
                names.setdefault(re.sub(r"[^\w.-]+", "_", name)[:120] + ".wav", first)
    for earlier in folder.glob("*.wav") if anew else ():
        earlier.unlink()
    if names:
        folder.mkdir(exist_ok=True)
    for name, source in names.items():
        shutil.copyfile(source, folder / name)


def write_circumstances(
    folder: Path,
    store: Store,
    started: datetime,
    seconds: float,
    missing: Sequence[Task],
    device: str,
) -> None:
    """Write ``run.json``: what differs between two runs of the same suite."""
    import numpy
    import pandas
    import torch

    facts: dict[str, Any] = {
        "started": started.isoformat(timespec="seconds"),
        "seconds": round(seconds, 2),
        "tasks_done": len(missing),
        "store": str(store.root.resolve()),
        "device": device,
        "host": platform.node(),
        "platform": platform.platform(),
        "cores": os.cpu_count(),
        "arguments": sys.argv,
        "versions": {
            "asdbench": __version__,
            "python": platform.python_version(),
            "torch": torch.__version__,
            "numpy": numpy.__version__,
            "pandas": pandas.__version__,
        },
    }
    write_atomically(folder / "run.json", json.dumps(facts, indent=2) + "\n")


class EventLog:
    """Writes ``events.jsonl`` and passes everything on."""

    def __init__(self, path: Path, inner: Observer) -> None:
        self._path = path
        self._inner = inner
        self._started: dict[Entry, float] = {}

    def _write(self, event: str, task: Task, **facts: Any) -> None:
        line = {"time": round(time.time(), 3), "event": event, "task": task.title, **facts}
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")

    def started(self, task: Task) -> None:
        """Write that ``task`` began."""
        self._started[task.entry] = time.monotonic()
        self._write("started", task, kind=task.entry.kind, key=task.entry.key)
        self._inner.started(task)

    def advanced(self, task: Task, done: int, total: int, what: str) -> None:
        """Pass it on; steps are not written."""
        self._inner.advanced(task, done, total, what)

    def finished(self, task: Task, failure: Failure | None) -> None:
        """Write how ``task`` ended and how long it took."""
        seconds = time.monotonic() - self._started.get(task.entry, time.monotonic())
        facts = {} if failure is None else asdict(failure)
        self._write("finished", task, seconds=round(seconds, 3), **facts)
        self._inner.finished(task, failure)
