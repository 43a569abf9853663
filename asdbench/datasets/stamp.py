"""The file that marks a folder of simulated clips, so that no reader takes them for recordings."""

from __future__ import annotations

from pathlib import Path

STAMP = "simulated.json"


def is_stamped(root: Path) -> bool:
    """Return whether the clips under ``root`` are simulated."""
    return (root / STAMP).is_file()
