"""Checks of the grids: that each asks a known generator for what it can make."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from asdbench.api import SupportsRoundtrip
from asdbench.registry import did_you_mean
from asdbench.suite.axes import axis_problems
from asdbench.suite.loaded import LoadedPlugin
from asdbench.suite.model import REAL
from asdbench.suite.problem import Problem
from asdbench.suite.yaml_source import Document


def grid_problems(
    document: Document,
    grids: Mapping[str, Any],
    known: Sequence[str],
    loaded: Mapping[str, LoadedPlugin],
) -> Iterator[Problem]:
    """Yield the mistakes in ``grids``, which is plain data and may hold other mistakes.

    Parameters
    ----------
    document
        Where to find positions.
    grids
        What stands under ``grids``.
    known
        The ids under ``generators``.
    loaded
        Those of them that could be imported, by id.
    """
    first: dict[tuple[str, str, str], str] = {}
    for name, grid in grids.items():
        if name == REAL:
            place = document.place(("grids", name))
            hint = "It is what tables call the real clips. Choose another name."
            yield Problem.at(place, f"a grid cannot be named '{REAL}'", hint)
        if not isinstance(grid, dict) or not isinstance(grid.get("generator"), str):
            continue
        yield from axis_problems(document, name, grid)
        wanted = grid["generator"]
        if wanted not in known:
            message = f"unknown generator '{wanted}'.{did_you_mean(wanted, known)}"
            hint = f"Allowed (ids under 'generators'): {', '.join(known) or 'none'}."
            yield Problem.at(document.place(("grids", name, "generator")), message, hint)
            continue
        if wanted in loaded:
            yield from _beyond_the_plugin(document, name, grid, loaded[wanted])
        make, label = grid.get("make", "generate"), grid.get("label", "anomaly")
        if "axes" in grid or (make == "generate" and label == "anomaly"):
            continue  # several ways of asking for anomalies are compared with each other
        known_as = first.setdefault((wanted, str(make), str(label)), name)
        if known_as != name:
            what = {"normal": "normals", "anomaly": "anomalies"}.get(str(label), str(label))
            done = "codes" if make == "roundtrip" else "generates"
            message = f"grid '{known_as}' already {done} {what} of '{wanted}'"
            hint = "One such grid a generator: which of two is compared would be ambiguous."
            yield Problem.at(document.place(("grids", name)), message, hint)


def _beyond_the_plugin(
    document: Document, name: str, grid: Mapping[str, Any], plugin: LoadedPlugin
) -> Iterator[Problem]:
    """Yield what the plug-in cannot do for this grid."""
    if grid.get("make", "generate") == "roundtrip":
        if not issubclass(plugin.cls, SupportsRoundtrip):
            place = document.place(("grids", name, "make"))
            message = f"generator '{plugin.id}' has no round trip"
            yield Problem.at(place, message, "Allowed: generate. A round trip needs a codec.")
        multiplier = grid.get("multiplier", 1)
        if isinstance(multiplier, int | float) and multiplier != 1:
            place = document.place(("grids", name, "multiplier"))
            message = f"multiplier: a round trip gives every clip once, got {multiplier:g}"
            yield Problem.at(place, message, "Leave it out, or write 1.")
        return
    label = grid.get("label", "anomaly")
    can = sorted(plugin.cls.info.labels)
    if label in ("normal", "anomaly") and label not in can:
        message = f"generator '{plugin.id}' cannot make label '{label}'"
        hint = f"Allowed: {', '.join(can) or 'none'}."
        yield Problem.at(document.place(("grids", name, "label")), message, hint)
