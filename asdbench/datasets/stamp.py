"""The file that marks a folder of simulated clips, so that nobody takes them for recordings."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

STAMP = "simulated.json"


def any_stamped(files: Iterable[Path]) -> bool:
    """Return whether a file lies in a folder of simulated clips, at any depth."""
    folders = {parent for path in files for parent in path.absolute().parents}
    return any((folder / STAMP).is_file() for folder in folders)
