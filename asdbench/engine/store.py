"""The content-addressed store: what was computed once is never computed again.

An entry is a folder ``<root>/<kind>/<aa>/<key>/`` with payload files, ``info.json`` and, written
last, ``DONE``. It is prepared elsewhere and renamed into place, so that whoever looks sees either
a whole entry or none, whenever a process was killed. A lock file for each key keeps two runs from
doing the same work; the operating system frees it when its owner dies.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

from filelock import FileLock

from asdbench.errors import DataError

KEY_VERSION = 1
"""Raised whenever the meaning of an entry changes; old entries are then never found."""


def canonical_json(value: Any) -> str:
    """Return the one JSON text of ``value``: sorted keys, no spaces, no NaN."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def digest(value: Any) -> str:
    """Return the sha256 (hex) of the canonical JSON of ``value``."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()


def entry_key(kind: str, inputs: Mapping[str, Any]) -> str:
    """Return the key of the ``kind`` entry that ``inputs`` determine.

    ``inputs`` holds all that can change the payload and nothing that cannot: no device, batch
    size, worker count, path or time.
    """
    return digest({"kind": kind, "key_version": KEY_VERSION, "inputs": inputs})


def default_store() -> Path:
    """Return ``ASDBENCH_STORE`` or the store in the user's cache folder."""
    named = os.environ.get("ASDBENCH_STORE")
    if named:
        return Path(named)
    from platformdirs import user_cache_path

    return user_cache_path("asdbench") / "store"


@dataclass(frozen=True)
class Store:
    """A store in the folder ``root``; created on first use, safe to share between runs."""

    root: Path

    def prepare(self) -> None:
        """Create the store's folder.

        Raises
        ------
        DataError
            When it cannot be written to.
        """
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            with TemporaryFile(dir=self.root):
                pass
        except OSError as error:
            raise DataError(
                f"the store {self.root} cannot be written to: {error.strerror}",
                "Name another folder: --store DIR, or ASDBENCH_STORE.",
            ) from error

    def path(self, kind: str, key: str) -> Path:
        """Return the folder of an entry, whether it exists or not."""
        return self.root / kind / key[:2] / key

    def has(self, kind: str, key: str) -> bool:
        """Return whether the entry is complete."""
        return (self.path(kind, key) / "DONE").is_file()

    @contextmanager
    def lock(self, kind: str, key: str) -> Iterator[None]:
        """Hold the entry's lock; wait for another process that holds it."""
        folder = self.root / "locks"
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / f"{kind}-{key}.lock"):
            yield

    def ensure(self, kind: str, key: str, make: Callable[[Path], Any], info: Any = None) -> Path:
        """Return the entry's folder, calling ``make(folder)`` first if it does not exist.

        ``make`` writes the payload into an empty folder; when it raises, nothing is kept. What it
        adds to ``info`` is kept beside the payload; no key depends on it.
        """
        final = self.path(kind, key)
        if self.has(kind, key):
            return final
        with self.lock(kind, key):
            if self.has(kind, key):
                return final
            draft = self.root / "drafts" / f"{kind}-{key}"
            if draft.exists():
                shutil.rmtree(draft)  # left by a process that was killed
            draft.mkdir(parents=True)
            try:
                make(draft)
                (draft / "info.json").write_text(canonical_json(info) + "\n")
                (draft / "DONE").touch()
                _flush(draft)
                if final.exists():
                    shutil.rmtree(final)  # no DONE: not written by us, not usable
                final.parent.mkdir(parents=True, exist_ok=True)
                draft.rename(final)
                _fsync(final.parent)
            except BaseException:
                shutil.rmtree(draft, ignore_errors=True)
                raise
        return final


def _flush(folder: Path) -> None:
    """Force every file under ``folder``, then the folders, to the disk."""
    for parent, _, files in os.walk(folder, topdown=False):
        for name in files:
            _fsync(Path(parent, name))
        _fsync(Path(parent))


def _fsync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_atomically(path: Path, text: str) -> None:
    """Replace the file at ``path`` in one step."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.write_text(text, encoding="utf-8")
    _fsync(draft)
    draft.replace(path)
