"""Checks of the split and of grids over axes, where one key excludes another."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from asdbench.registry import did_you_mean
from asdbench.suite.problem import Problem
from asdbench.suite.yaml_source import Document, KeyPath


def split_problems(document: Document) -> Iterator[Problem]:
    """Yield what contradicts itself under ``split``; it may hold other mistakes."""
    split = document.data.get("split") if isinstance(document.data, dict) else None
    if isinstance(split, dict) and split.get("folds") is not None and "generator_train" in split:
        place = document.key_place(("split", "generator_train"))
        message = "generator_train: with folds, each fit learns from all anomalies but its own"
        yield Problem.at(place, message, "Leave it out, or leave out 'folds'.")


def axis_problems(document: Document, name: str, grid: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield what contradicts itself in a grid with or without ``axes``.

    Whether the data has the attributes is known once it is read.
    """
    path: KeyPath = ("grids", name)
    if "axes" not in grid:
        if "clips_per_cell" in grid:
            place = document.key_place((*path, "clips_per_cell"))
            hint = "Give 'axes', or a multiplier of the real clips."
            yield Problem.at(
                place, "clips_per_cell: there are no axes, so there are no cells", hint
            )
        return
    for key in ("match", "multiplier", "make"):
        if key in grid and (key, grid[key]) != ("make", "generate"):
            place = document.key_place((*path, key))
            message = f"{key}: a grid over axes has its conditions and numbers from them"
            yield Problem.at(place, message, "Leave it out, or leave out 'axes'.")
    if grid.get("label") == "normal":
        place = document.place((*path, "label"))
        message = "label: the coverage map, which alone reads a grid over axes, is of anomalies"
        yield Problem.at(place, message, "Leave it out.")
    axes = grid["axes"]
    yield from _nothing(document, (*path, "axes"), axes)
    if not isinstance(axes, dict):
        return
    for machine, sections in axes.items():
        yield from _unknown(document, (*path, "axes", machine), "machine", machine)
        for section in sections if isinstance(sections, dict) else ():
            yield from _unknown(document, (*path, "axes", machine, section), "section", section)


def _nothing(document: Document, path: KeyPath, axes: Any, depth: int = 0) -> Iterator[Problem]:
    """Yield a problem for ``axes``, and each machine and section of it, that names no attribute."""
    if axes == {}:
        hint = 'For example: {fan: {"00": {m-n: {from: dataset, add: [Z]}}}}.'
        yield Problem.at(document.place(path), f"{path[-1]}: there is nothing to vary", hint)
    for key, inner in axes.items() if isinstance(axes, dict) and depth < 2 else ():
        yield from _nothing(document, (*path, key), inner, depth + 1)


def _unknown(document: Document, path: KeyPath, kind: str, name: str) -> Iterator[Problem]:
    """Yield a problem where the suite lists the machines, or sections, and not this one."""
    dataset = document.data.get("dataset")
    known = dataset.get(f"{kind}s") if isinstance(dataset, dict) else None
    if isinstance(known, list) and name not in known:
        message = f"the dataset has no {kind} '{name}'.{did_you_mean(name, known)}"
        hint = f"Allowed (under 'dataset'): {', '.join(map(str, known)) or 'none'}."
        yield Problem.at(document.key_place(path), message, hint)
