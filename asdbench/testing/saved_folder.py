"""Checks of the folder that a plug-in saves into."""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path
from pickletools import opcodes

from asdbench.testing.bench import fail_unless

_PICKLES = {".pkl", ".pickle", ".pt", ".pth", ".joblib", ".ckpt", ".dill"}
_OPCODES = {opcode.code for opcode in opcodes}


def check_no_pickle(folder: Path) -> None:
    """Check that no file in ``folder`` is a pickle or holds one.

    Raises
    ------
    CheckFailure
        When one does.
    """
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        fail_unless(
            not _is_pickle(path),
            f"save() wrote {path.relative_to(folder)}, which is a pickle or holds one",
            "save() writes no pickle: unpickling a stranger's file runs the stranger's code",
            "write arrays with safetensors or numpy.save(allow_pickle=False), the rest as JSON.",
        )


def _is_pickle(path: Path) -> bool:
    if path.suffix.lower() in _PICKLES:
        return True
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            return any(_pickled(name, archive.open(name).read(256)) for name in archive.namelist())
    with path.open("rb") as file:
        return _pickled(path.name, file.read(256))


def _pickled(name: str, head: bytes) -> bool:
    if Path(name).suffix in _PICKLES:
        return True
    if head[:6] == b"\x93NUMPY":
        return b"'descr': '|O'" in head
    # Protocols 2 to 5, then an instruction: a safetensors file, too, may begin with 0x80 0x01.
    return head[:1] == b"\x80" and head[1] <= 5 and head[2:3].decode("latin1") in _OPCODES


def content(folder: Path) -> dict[str, str]:
    """Return a digest of every file in ``folder``, by its relative path."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def check_unchanged(folder: Path, before: dict[str, str], what: str) -> None:
    """Check that ``folder`` holds what it held.

    Raises
    ------
    CheckFailure
        When it does not.
    """
    after = content(folder)
    differing = sorted(
        name for name in before.keys() | after.keys() if before.get(name) != after.get(name)
    )
    fail_unless(
        not differing,
        f"load() or {what} wrote, changed or removed {', '.join(differing)} in the saved folder",
        "what save() wrote is kept in a store and read many times; nobody may change it",
        "write temporary files into context.scratch.",
    )
