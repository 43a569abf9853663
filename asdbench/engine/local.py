"""Run tasks on this machine: a few worker processes, each doing one task at a time.

A worker that dies fails its task, not the run. A failed task fails what needs it; everything else
goes on. Workers follow their parent into the grave, even when it was killed with SIGKILL.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Protocol

from asdbench.engine.execution import execute
from asdbench.engine.store import Store
from asdbench.engine.tasks import Entry, Task
from asdbench.errors import AsdbenchError


@dataclass(frozen=True)
class Failure:
    """Why a task did not succeed."""

    title: str
    error: str
    """Type of the exception, or ``upstream``."""
    message: str
    trace: str = ""
    """Where an unexpected exception was raised."""


class Observer(Protocol):
    """Who wants to know how the work goes on."""

    def started(self, task: Task) -> None:
        """Note that a worker began ``task``."""

    def advanced(self, task: Task, done: int, total: int, what: str) -> None:
        """Note that ``task`` did ``done`` of ``total`` ``what``."""

    def finished(self, task: Task, failure: Failure | None) -> None:
        """Note that ``task`` ended."""


def default_workers() -> int:
    """Return one worker a core, as far as memory reaches (2 GiB a worker)."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    if "SC_PHYS_PAGES" not in getattr(os, "sysconf_names", {}):
        return cores or 1
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return max(1, min(cores or 1, memory // 2**31))


def run_tasks(
    tasks: Sequence[Task], store: Store, *, workers: int, device: str, observer: Observer
) -> dict[Entry, Failure]:
    """Make the entries of ``tasks`` (in an order in which they can run); return what failed.

    With ``workers=0`` everything runs in this process, which is what a debugger wants.
    """
    schedule = _Schedule(tasks, observer)
    if workers == 0:
        import torch

        torch.set_num_threads(1)
        while (task := schedule.next_ready()) is not None:
            observer.started(task)
            schedule.settle(task, _attempt(task, store, device, _forward(observer, task)))
    elif tasks:
        with _Crew(min(workers, len(tasks)), store, device) as crew:
            _drive(schedule, crew, observer)
    return schedule.failures


def _forward(observer: Observer, task: Task) -> Callable[[int, int, str], None]:
    return lambda done, total, what: observer.advanced(task, done, total, what)


class _Schedule:
    """Which tasks are ready, and what a failure takes down with it."""

    def __init__(self, tasks: Sequence[Task], observer: Observer) -> None:
        self.waiting = list(tasks)
        self.unmade = {task.entry for task in tasks}
        self.failures: dict[Entry, Failure] = {}
        self.observer = observer

    def next_ready(self) -> Task | None:
        for position, task in enumerate(self.waiting):
            if not self.unmade.intersection(task.needs):
                return self.waiting.pop(position)
        return None

    def settle(self, task: Task, failure: Failure | None) -> None:
        self.observer.finished(task, failure)
        if failure is None:
            self.unmade.discard(task.entry)
            return
        self.failures[task.entry] = failure
        doomed = [t for t in self.waiting if task.entry in t.needs]
        self.waiting = [t for t in self.waiting if task.entry not in t.needs]
        for dependent in doomed:
            self.settle(
                dependent, Failure(dependent.title, "upstream", f"'{failure.title}' failed")
            )


def _attempt(
    task: Task, store: Store, device: str, progress: Callable[[int, int, str], None]
) -> Failure | None:
    try:
        with _restored_process_state():
            execute(task, store, device, progress)
    except AsdbenchError as error:
        return Failure(task.title, type(error).__name__, str(error))
    except (Exception, SystemExit) as error:
        trace = "".join(traceback.format_exception(error))
        return Failure(task.title, type(error).__name__, str(error), trace)
    return None


@contextmanager
def _restored_process_state() -> Iterator[None]:
    """Undo what a plug-in did to this process, which other plug-ins share."""
    folder = os.getcwd()
    torch = sys.modules.get("torch")
    dtype = torch.get_default_dtype() if torch is not None else None
    try:
        yield
    finally:
        os.chdir(folder)
        torch = sys.modules.get("torch")
        if torch is not None:
            torch.set_default_dtype(dtype or torch.float32)
            torch.set_grad_enabled(True)
            torch.use_deterministic_algorithms(False)


def _drive(schedule: _Schedule, crew: _Crew, observer: Observer) -> None:
    """Feed ready tasks to idle workers until nothing is left."""
    while True:
        while crew.idle() and (task := schedule.next_ready()) is not None:
            observer.started(task)
            crew.give(task)
        if not crew.busy():
            return
        for message in crew.listen():
            if isinstance(message, _Advance):
                observer.advanced(message.task, message.done, message.total, message.what)
            else:
                schedule.settle(message.task, message.failure)


@dataclass(frozen=True)
class _Advance:
    task: Task
    done: int
    total: int
    what: str


@dataclass(frozen=True)
class _Outcome:
    task: Task
    failure: Failure | None


@dataclass
class _Worker:
    process: BaseProcess
    pipe: Connection
    task: Task | None = None


_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
"""One thread a worker: sums then come out the same whatever the number of workers or cores."""


@contextmanager
def _environment(values: Mapping[str, str]) -> Iterator[None]:
    """Let processes that start meanwhile inherit ``values``."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


class _Crew:
    """Worker processes and the pipes to them."""

    def __init__(self, size: int, store: Store, device: str) -> None:
        self._spawn = multiprocessing.get_context("spawn")
        self._arguments = (str(store.root), device)
        self._workers = [self._hire() for _ in range(size)]

    def __enter__(self) -> _Crew:
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self._workers:
            worker.pipe.close()
            if worker.task is not None:
                worker.process.terminate()
        for worker in self._workers:
            worker.process.join(timeout=10)
            if worker.process.is_alive():
                worker.process.kill()
                worker.process.join()

    def _hire(self) -> _Worker:
        ours, theirs = self._spawn.Pipe()
        process = self._spawn.Process(
            target=_work, args=(theirs, os.getpid(), *self._arguments), daemon=True
        )
        with _environment(_ONE_THREAD):
            process.start()
        theirs.close()
        return _Worker(process, ours)

    def idle(self) -> bool:
        return any(worker.task is None for worker in self._workers)

    def busy(self) -> bool:
        return any(worker.task is not None for worker in self._workers)

    def give(self, task: Task) -> None:
        """Hand ``task`` to an idle worker; one that died while idle is replaced."""
        position = next(i for i, w in enumerate(self._workers) if w.task is None)
        try:
            self._workers[position].pipe.send(task)
        except OSError:
            self._workers[position] = self._hire()
            self._workers[position].pipe.send(task)
        self._workers[position].task = task

    def listen(self) -> list[_Advance | _Outcome]:
        """Return the next messages; a worker's death is the failure of its task."""
        messages: list[_Advance | _Outcome] = []
        pipes = [w.pipe for w in self._workers if w.task is not None]
        for pipe in wait(pipes):
            position = next(i for i, w in enumerate(self._workers) if w.pipe is pipe)
            worker = self._workers[position]
            assert worker.task is not None
            try:
                kind, content = worker.pipe.recv()
            except (EOFError, ConnectionResetError):
                messages.append(_Outcome(worker.task, self._post_mortem(worker)))
                self._workers[position] = self._hire()
                continue
            if kind == "advance":
                messages.append(_Advance(worker.task, *content))
            else:
                messages.append(_Outcome(worker.task, content))
                worker.task = None
        return messages

    def _post_mortem(self, worker: _Worker) -> Failure:
        worker.process.join(timeout=10)
        code = worker.process.exitcode
        how = f"was killed by signal {-code}" if code is not None and code < 0 else f"exited {code}"
        assert worker.task is not None
        hint = " (signal 9 often means that memory ran out)" if code == -signal.SIGKILL else ""
        return Failure(worker.task.title, "WorkerDied", f"the worker process {how}{hint}")


def _work(pipe: Connection, parent: int, store_root: str, device: str) -> None:
    """Do tasks until the pipe closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    threading.Thread(target=_die_with, args=(parent,), daemon=True).start()
    store = Store(Path(store_root))
    while True:
        try:
            task: Task = pipe.recv()
        except EOFError:
            return

        def progress(done: int, total: int, what: str) -> None:
            pipe.send(("advance", (done, total, what)))

        pipe.send(("outcome", _attempt(task, store, device, progress)))


def _die_with(parent: int) -> None:
    """End this process when its parent is gone; the store can bear it."""
    event = threading.Event()
    while not event.wait(0.5):
        if os.getppid() != parent:
            os._exit(1)
