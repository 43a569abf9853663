"""List folders of recordings, quickly and in a fixed order."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from asdbench.errors import DataError


def sub_folders(folder: Path) -> list[Path]:
    """Return the folders in ``folder`` by name, without hidden ones.

    Raises
    ------
    DataError
        When the folder cannot be read.
    """
    try:
        with os.scandir(folder) as entries:
            names = [entry.name for entry in entries if entry.is_dir()]
    except OSError as error:
        raise DataError(f"folder {folder} cannot be read: {error.strerror}") from error
    return [folder / name for name in sorted(names) if not name.startswith(".")]


def wav_files(folder: Path) -> Iterator[Path]:
    """Yield the WAV files in ``folder``, if it exists, in no particular order.

    Hidden files are left out, among them the ``._`` files that archives made on macOS bring.
    """
    if not folder.is_dir():
        return
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.lower().endswith(".wav") and not entry.name.startswith("."):
                yield folder / entry.name
