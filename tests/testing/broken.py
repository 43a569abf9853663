"""Plug-ins that keep their contract in all but one point, by the check that finds it."""

from __future__ import annotations

from typing import Any

from asdbench.api import Detector, Generator

DETECTORS: dict[str, type[Detector]] = {}
"""Each breaks what the check of that name asks for."""
GENERATORS: dict[str, type[Generator]] = {}
FURTHER: list[tuple[type[Any], set[str]]] = []
"""Further plug-ins, each with all the checks that it must fail."""


def breaks(check: str) -> Any:
    """Register a class under the one check that it must fail."""

    def register(cls: Any) -> Any:
        known = DETECTORS if issubclass(cls, Detector) else GENERATORS
        assert check not in known
        known[check] = cls
        return cls

    return register


def fails(*checks: str) -> Any:
    """Register a class under all the checks that it must fail."""

    def register(cls: Any) -> Any:
        FURTHER.append((cls, set(checks)))
        return cls

    return register
