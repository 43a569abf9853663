"""Run a suite from its file to its report."""

from __future__ import annotations

import json
import os
import platform
import shutil
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

import yaml

from asdbench import __version__
from asdbench.engine.local import Failure, Observer, default_workers, run_tasks
from asdbench.engine.plan import Plan, make_plan
from asdbench.engine.scores import collect_scores, write_scores
from asdbench.engine.store import Store, default_store, write_atomically
from asdbench.engine.tasks import Entry, GenerateClips, Task, clip_name
from asdbench.errors import DataError
from asdbench.registry import code_digest
from asdbench.report.build import Facts, build_report
from asdbench.report.schema import DataFacts, PluginUse, Problem, Report, SuiteFacts
from asdbench.report.write import write_report
from asdbench.suite import LoadedPlugin, LoadedSuite, load_suite


class RunObserver(Observer, Protocol):
    """Who wants to know how a run goes on."""

    def reading(self, done: int, total: int, what: str) -> None:
        """Note that ``done`` of ``total`` data files were read."""

    def planned(self, plan: Plan, missing: Sequence[Task], folder: Path) -> None:
        """Note what is to be done; ``missing`` is what the store lacks."""


class Silent:
    """A :class:`RunObserver` that says nothing."""

    def reading(self, done: int, total: int, what: str) -> None:
        """Say nothing."""

    def planned(self, plan: Plan, missing: Sequence[Task], folder: Path) -> None:
        """Say nothing."""

    def started(self, task: Task) -> None:
        """Say nothing."""

    def advanced(self, task: Task, done: int, total: int, what: str) -> None:
        """Say nothing."""

    def finished(self, task: Task, failure: Failure | None) -> None:
        """Say nothing."""


@dataclass(frozen=True)
class Run:
    """A finished run: its folder and its report."""

    folder: Path
    report: Report

    @property
    def complete(self) -> bool:
        """Whether every cell has its numbers."""
        return self.report.complete


def run(
    suite: str | Path | LoadedSuite,
    *,
    overrides: Sequence[str] = (),
    only: Sequence[str] = (),
    store: Path | None = None,
    out: Path | None = None,
    fresh: bool = False,
    workers: int | None = None,
    device: str = "auto",
    observer: RunObserver | None = None,
) -> Run:
    """Run ``suite`` and write its run folder; what the store already holds is not redone.

    Parameters
    ----------
    suite
        A file, or the name of a bundled suite.
    overrides, only
        As ``--set`` and ``--only`` of the command line.
    store
        Where results are kept and found; default ``ASDBENCH_STORE`` or the user's cache.
    out
        The run folder; default ``runs/<name>-<time>``. An earlier report in it is replaced.
    fresh
        Compute everything anew, in a store of its own inside the run folder.
    workers
        Processes; default one a core. 0 runs in this process.
    device
        ``auto``, ``cpu``, ``cuda`` or ``cuda:N``.

    Raises
    ------
    AsdbenchError
        When the suite or its data is wrong. Tasks that fail do not raise: the report lists them.
    """
    watch = observer or Silent()
    loaded = suite if isinstance(suite, LoadedSuite) else load_suite(suite, overrides, only)
    started = datetime.now(UTC)
    folder = out or _new_folder(loaded.suite.name, started)
    if folder.is_file():
        raise DataError(f"{folder} is a file, not a run folder", "Name another folder: --out DIR.")
    keep = Store((folder / "store") if fresh else (store or default_store()))
    if fresh and keep.root.exists():
        shutil.rmtree(keep.root)
    plan = make_plan(loaded, keep, watch.reading)
    folder.mkdir(parents=True, exist_ok=True)
    missing = plan.missing(keep)
    watch.planned(plan, missing, folder)
    _write_suite(folder, loaded)
    log = _Log(folder / "events.jsonl", watch)
    clock = time.monotonic()
    failures = run_tasks(
        missing,
        keep,
        workers=default_workers() if workers is None else workers,
        device=choose_device(device),
        observer=log,
    )
    scores = collect_scores(plan, keep, failures.keys())
    write_scores(scores, folder / "scores.parquet")
    report = build_report(loaded.suite, scores, _sections(plan), _facts(plan, failures))
    write_report(report, folder / "report")
    _copy_samples(plan, keep, failures, folder / "audio")
    _write_circumstances(folder, keep, started, time.monotonic() - clock, missing, device)
    return Run(folder, report)


def choose_device(wanted: str) -> str:
    """Return ``cuda`` or ``cpu`` for ``auto``; refuse a GPU that is not there."""
    if wanted == "cpu":
        return wanted
    import torch

    if wanted == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if wanted.startswith("cuda") and torch.cuda.is_available():
        return wanted
    raise DataError(f"device '{wanted}' is not there", "Allowed: auto, cpu, or cuda with a GPU.")


def _new_folder(name: str, started: datetime) -> Path:
    stamp = started.astimezone().strftime("%Y%m%d-%H%M%S")
    folder = Path("runs") / f"{name}-{stamp}"
    for suffix in range(2, 1000):
        if not folder.exists():
            return folder
        folder = Path("runs") / f"{name}-{stamp}-{suffix}"
    raise DataError(f"{folder} exists", "Name another folder: --out DIR.")


def _sections(plan: Plan) -> dict[tuple[str, str], bool]:
    """Return every (machine, section) of the evaluation, and whether its clips have domains."""
    domains: dict[tuple[str, str], bool] = {}
    for clip in plan.split.evaluation:
        place = (clip.machine, clip.section)
        domains[place] = domains.get(place, True) and clip.domain is not None
    return dict(sorted(domains.items()))


def _facts(plan: Plan, failures: Mapping[Entry, Failure]) -> Facts:
    loaded, split = plan.loaded, plan.split
    suite = SuiteFacts(
        name=loaded.suite.name,
        version=loaded.suite.version,
        description=loaded.suite.description,
        digest=loaded.digest,
        overrides=loaded.portable_overrides,
    )
    labels = [clip.label for clip in split.evaluation]
    lent = [clip.label for clip in split.generator_train]
    data = DataFacts(
        dataset=_plugin_use(loaded.dataset),
        simulated=loaded.dataset.cls(loaded.dataset.params).simulated(),
        digest=plan.data_digest,
        n_detector_train=len(split.detector_train),
        n_generator_train_normal=lent.count("normal"),
        n_generator_train_anomaly=lent.count("anomaly"),
        n_test_normal=labels.count("normal"),
        n_test_anomaly=labels.count("anomaly"),
        n_test_unlabelled=labels.count(None),
        normals_shared=loaded.suite.split.generator_normals == "shared" and bool(lent),
        skipped=dict(plan.bad_clips),
    )
    problems = [
        Problem(task=f.title, error=f.error, message=f.message)
        for f in sorted(failures.values(), key=lambda f: f.title)
    ]
    return Facts(
        suite,
        data,
        tuple(_plugin_use(p) for p in loaded.detectors),
        tuple(_plugin_use(p) for p in loaded.generators),
        tuple(problems),
    )


def _plugin_use(plugin: LoadedPlugin) -> PluginUse:
    info = plugin.cls.info
    return PluginUse(
        id=plugin.id,
        use=info.id,
        version=info.version,
        code=code_digest(plugin.cls),
        params=plugin.stated,
        paper=info.paper,
        needs=tuple(sorted(getattr(info, "needs", ()))),
    )


def _write_suite(folder: Path, loaded: LoadedSuite) -> None:
    """Keep the suite as written, and as it was understood."""
    write_atomically(folder / "suite.yaml", loaded.text)
    plugins = [loaded.dataset, *loaded.generators, *loaded.detectors]
    lock = {
        "suite": loaded.suite.model_dump(mode="json", by_alias=True),
        "digest": loaded.digest,
        "overrides": list(loaded.overrides),
        "asdbench": __version__,
        "plugins": [_plugin_use(plugin).model_dump(mode="json") for plugin in plugins],
    }
    write_atomically(folder / "suite.lock.yaml", yaml.safe_dump(lock, sort_keys=False))


def _copy_samples(
    plan: Plan, store: Store, failures: Mapping[Entry, Failure], folder: Path
) -> None:
    """Copy the first clip of each grid and section, to listen to."""
    names = {}
    for task in plan.tasks:
        if isinstance(task, GenerateClips) and task.entry not in failures:
            condition = task.conditions[0]
            grid = task.title.split()[1]
            name = f"{grid}_{condition.machine}_{condition.section}_{task.label}.wav"
            names[name] = store.path(task.entry.kind, task.entry.key) / clip_name(0)
    if names:
        folder.mkdir(exist_ok=True)
    for name, source in names.items():
        shutil.copyfile(source, folder / name)


def _write_circumstances(
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


class _Log:
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
        self._started[task.entry] = time.monotonic()
        self._write("started", task, kind=task.entry.kind, key=task.entry.key)
        self._inner.started(task)

    def advanced(self, task: Task, done: int, total: int, what: str) -> None:
        self._inner.advanced(task, done, total, what)

    def finished(self, task: Task, failure: Failure | None) -> None:
        seconds = time.monotonic() - self._started.get(task.entry, time.monotonic())
        error = None if failure is None else f"{failure.error}: {failure.message}"
        self._write("finished", task, seconds=round(seconds, 3), error=error)
        self._inner.finished(task, failure)
