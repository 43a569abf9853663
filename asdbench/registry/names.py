"""The nearest known name to a mistyped one."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def _fold(name: str) -> str:
    return name.lower().replace("_", "-")


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return the one of ``known`` most like ``name``, or None where none comes close."""
    by_folded = {_fold(candidate): candidate for candidate in known}
    matches = difflib.get_close_matches(_fold(name), by_folded, n=1, cutoff=0.6)
    return by_folded[matches[0]] if matches else None


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return `` Did you mean 'x'?`` with its leading space, or nothing."""
    match = nearest(name, known)
    return f" Did you mean '{match}'?" if match is not None else ""
