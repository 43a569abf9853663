"""Run a suite from its file to its report."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from asdbench.engine.facts import gather_facts
from asdbench.engine.local import Failure, Observer, default_workers, run_tasks
from asdbench.engine.plan import Plan, make_plan
from asdbench.engine.run_folder import (
    EventLog,
    copy_samples,
    had_run,
    write_circumstances,
    write_suite,
)
from asdbench.engine.scores import collect_scores, write_scores
from asdbench.engine.store import Store, default_store
from asdbench.engine.tasks import Task
from asdbench.errors import DataError
from asdbench.report.build import build_report
from asdbench.report.schema import Report
from asdbench.report.write import write_report
from asdbench.suite import LoadedSuite, load_suite


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
        The run folder; default ``runs/<name>-<time>``. An earlier run of the
        same suite in it is replaced; one of another suite is an error.
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
    again = had_run(folder, loaded)
    keep = Store(((folder / "store") if fresh else (store or default_store())).absolute())
    if fresh and keep.root.exists():
        raise DataError(
            f"{keep.root} exists; a fresh run starts with an empty store",
            "Name another run folder: --out DIR.",
        )
    keep.prepare()
    plan = make_plan(loaded, keep, watch.reading)
    _create(folder)
    missing = plan.missing(keep)
    watch.planned(plan, missing, folder)
    write_suite(folder, loaded)
    log = EventLog(folder / "events.jsonl", watch)
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
    report = build_report(loaded.suite, scores, _sections(plan), gather_facts(plan, keep, failures))
    write_report(report, folder / "report")
    copy_samples(plan, keep, failures, folder / "audio", anew=again)
    write_circumstances(folder, keep, started, time.monotonic() - clock, missing, device)
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


def _create(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(
            f"the run folder {folder} cannot be made: {error.strerror}",
            "Name another folder: --out DIR.",
        ) from error


def _sections(plan: Plan) -> dict[tuple[str, str], bool]:
    """Return every (machine, section) of the evaluation, and whether its clips have domains."""
    domains: dict[tuple[str, str], bool] = {}
    for clip in plan.split.evaluation:
        place = (clip.machine, clip.section)
        domains[place] = domains.get(place, True) and clip.domain is not None
    return dict(sorted(domains.items()))
