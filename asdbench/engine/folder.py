"""A folder that one request fills, in as many runs as it takes."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from asdbench.engine.store import Store, digest, write_atomically
from asdbench.errors import DataError

_SHOWN = 10


@contextmanager
def claimed(folder: Path, store: Store) -> Iterator[None]:
    """Hold ``folder`` for this process; the claim ends with it, however it ends.

    Raises
    ------
    DataError
        When another process holds it, or the folder cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(
            f"the folder {folder} cannot be made: {error.strerror}", "Name another: --out FOLDER."
        ) from error
    locks = store.root / "locks"
    locks.mkdir(parents=True, exist_ok=True)
    lock = FileLock(locks / f"folder-{digest(str(folder.resolve()))}.lock", timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise DataError(
            f"another process is at work in {folder}", "Wait for it, or name another: --out FOLDER."
        ) from None
    try:
        yield
    finally:
        lock.release()


def agrees(folder: Path, name: str, wanted: Mapping[str, Any]) -> bool:
    """Return whether ``folder`` was begun for ``wanted``, which its file ``name`` tells.

    Returns
    -------
    bool
        False where the folder is empty.

    Raises
    ------
    DataError
        When it was begun for something else, or holds what asdbench did not put there.
    """
    file = folder / name
    if not file.exists():
        others = sorted(p.name for p in folder.iterdir() if not p.name.startswith("."))
        if others:
            raise DataError(
                f"{folder} has no {name} and is not empty: {', '.join(others[:_SHOWN])}",
                "Name an empty folder, or a new one: --out FOLDER.",
            )
        return False
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise DataError(
            f"{file} is no JSON: {error}", "Name another folder: --out FOLDER."
        ) from error
    changes = _differences(found, json.loads(json.dumps(wanted)), "")
    if changes:
        shown = changes[:_SHOWN]
        if len(changes) > _SHOWN:
            shown.append(f"and {len(changes) - _SHOWN} more")
        raise DataError(
            "\n  ".join([f"{folder} was begun for something else:", *shown]),
            "Name another folder (--out FOLDER), or ask for the same again to continue this one.",
        )
    return True


def state(folder: Path, name: str, wanted: Mapping[str, Any]) -> None:
    """Write what ``folder`` is for into its file ``name``."""
    write_atomically(folder / name, json.dumps(wanted, indent=1, allow_nan=False) + "\n")


def _differences(there: Any, asked: Any, path: str) -> list[str]:
    """Return a line for every value that differs; lists of clips are only counted."""
    if there == asked:
        return []
    if isinstance(there, dict) and isinstance(asked, dict):
        names = dict.fromkeys([*there, *asked])
        return [
            line
            for name in names
            for line in _differences(
                there.get(name), asked.get(name), f"{path}.{name}" if path else name
            )
        ]
    if isinstance(there, list) and isinstance(asked, list) and isinstance((there + asked)[0], dict):
        old, new = ({json.dumps(item, sort_keys=True) for item in x} for x in (there, asked))
        return [f"{path}: {len(old - new)} others there, {len(new - old)} others asked for"]
    return [f"{path}: {json.dumps(there)} there, {json.dumps(asked)} asked for"]
