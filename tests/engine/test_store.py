from __future__ import annotations

import multiprocessing
import os
import signal
import time
from pathlib import Path

import pytest

from asdbench.engine.store import KEY_VERSION, Store, canonical_json, entry_key


def test_key_is_pinned():
    # If this changes, old entries no longer mean what they meant: raise KEY_VERSION.
    assert KEY_VERSION == 1
    key = entry_key("scores", {"b": [1, 2.5, None], "a": "x"})
    assert key == "8720944916ccb60c7e324e8968d713a5fb29f55a1a17ca37207bd162e820e7b2"
    assert key == entry_key("scores", {"a": "x", "b": [1, 2.5, None]})
    assert key != entry_key("clips", {"a": "x", "b": [1, 2.5, None]})
    assert key != entry_key("scores", {"a": "x", "b": [1, 2.5, 0]})


def test_canonical_json_refuses_nan():
    with pytest.raises(ValueError, match="Out of range float"):
        canonical_json({"a": float("nan")})


def test_entry_is_made_once(tmp_path: Path):
    store = Store(tmp_path)
    calls = []

    def make(folder: Path) -> None:
        calls.append(folder)
        (folder / "payload").write_text("x")

    first = store.ensure("scores", "ab" * 32, make)
    second = store.ensure("scores", "ab" * 32, make)
    assert first == second == tmp_path / "scores" / "ab" / ("ab" * 32)
    assert (first / "payload").read_text() == "x"
    assert len(calls) == 1
    assert store.has("scores", "ab" * 32)


def test_failed_entry_leaves_nothing(tmp_path: Path):
    store = Store(tmp_path)

    def make(folder: Path) -> None:
        (folder / "payload").write_text("half")
        raise RuntimeError("broken")

    with pytest.raises(RuntimeError, match="broken"):
        store.ensure("scores", "ab" * 32, make)
    assert not store.has("scores", "ab" * 32)
    assert not list((tmp_path / "drafts").iterdir())
    store.ensure("scores", "ab" * 32, lambda folder: (folder / "payload").write_text("whole"))
    assert (store.path("scores", "ab" * 32) / "payload").read_text() == "whole"


def test_entry_without_done_is_redone(tmp_path: Path):
    store = Store(tmp_path)
    half = store.path("scores", "cd" * 32)
    half.mkdir(parents=True)
    (half / "payload").write_text("half")
    assert not store.has("scores", "cd" * 32)
    store.ensure("scores", "cd" * 32, lambda folder: (folder / "payload").write_text("whole"))
    assert (half / "payload").read_text() == "whole"


def _slow_entry(root: str, mark: str) -> None:
    def make(folder: Path) -> None:
        (folder / "payload").write_text("half")
        Path(mark).touch()
        time.sleep(60)

    Store(Path(root)).ensure("scores", "ef" * 32, make)


def _wait_for(path: Path) -> None:
    for _ in range(600):
        if path.exists():
            return
        time.sleep(0.05)
    raise AssertionError(f"{path} did not appear")


def test_killed_writer_frees_the_lock_and_leaves_no_entry(tmp_path: Path):
    mark = tmp_path / "mark"
    context = multiprocessing.get_context("spawn")
    process = context.Process(target=_slow_entry, args=(str(tmp_path / "store"), str(mark)))
    process.start()
    _wait_for(mark)
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    store = Store(tmp_path / "store")
    assert not store.has("scores", "ef" * 32)
    store.ensure("scores", "ef" * 32, lambda folder: (folder / "payload").write_text("whole"))
    assert (store.path("scores", "ef" * 32) / "payload").read_text() == "whole"


def _count(root: str, log: str) -> None:
    def make(folder: Path) -> None:
        with Path(log).open("a") as file:
            file.write("made\n")
        time.sleep(0.3)
        (folder / "payload").write_text("x")

    Store(Path(root)).ensure("scores", "01" * 32, make)


def test_two_processes_make_an_entry_once(tmp_path: Path):
    context = multiprocessing.get_context("spawn")
    log = tmp_path / "log"
    processes = [
        context.Process(target=_count, args=(str(tmp_path / "store"), str(log))) for _ in range(3)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0, 0]
    assert log.read_text() == "made\n"
