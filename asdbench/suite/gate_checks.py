"""Checks of gates: that each names detectors, generators, grids and references that are there."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from asdbench.registry import did_you_mean
from asdbench.suite.gate_models import GATE_MODELS, Gate, ReferenceGateModel
from asdbench.suite.problem import Problem
from asdbench.suite.validate import validate
from asdbench.suite.yaml_source import Document, KeyPath


@dataclass(frozen=True)
class Nameable:
    """What gates may name."""

    detectors: Sequence[str]
    generators: Sequence[str]
    grids: Sequence[str]
    references: Mapping[str, Collection[tuple[str, bool]]]
    """id of a reference -> its metrics, and whether some number is that of a single section."""
    members: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """id of a detector with a sweep -> ids of what it stands for."""


def gate_problems(document: Document, known: Nameable) -> Iterator[Problem]:
    """Yield the mistakes in what gates of the right form name.

    What has the wrong form is left to the checks of the format.
    """
    seen: set[str] = set()
    for path, item in _items(document):
        name = item.get("id")
        if isinstance(name, str) and name in seen:
            place = document.place((*path, "id"))
            yield Problem.at(place, f"duplicate id '{name}'", "Give each its own id.")
        seen |= {name} if isinstance(name, str) else set()
        model = GATE_MODELS.get(str(item.get("check")))
        gate = validate(model, item, document, path)[0] if model is not None else None
        if gate is None:
            continue
        yield from _unknown_names(document, path, gate, known)
        if isinstance(gate, ReferenceGateModel):
            yield from _reference_problems(document, path, gate, known)


def _unknown_names(
    document: Document, path: KeyPath, gate: Gate, known: Nameable
) -> Iterator[Problem]:
    allowed = {
        "detectors": known.detectors,
        "generators": known.generators,
        "grids": known.grids,
    }
    for key, ids in allowed.items():
        for k, name in enumerate(getattr(gate, key, None) or ()):
            if name in ids:
                continue
            message = f"unknown {key[:-1]} '{name}'.{did_you_mean(name, ids)}"
            where = "names" if key == "grids" else "ids"
            hint = f"Allowed ({where} under '{key}'): {_some(ids)}."
            if key == "detectors" and name in known.members:
                hint = f"It has a sweep: name some of {_some(known.members[name])}."
            yield Problem.at(document.place((*path, key, k)), message, hint)


def _reference_problems(
    document: Document, path: KeyPath, gate: ReferenceGateModel, known: Nameable
) -> Iterator[Problem]:
    values = known.references.get(gate.reference)
    if values is None:
        ids = list(known.references)
        message = f"unknown reference '{gate.reference}'.{did_you_mean(gate.reference, ids)}"
        hint = f"Allowed (ids of what 'references' uses): {_some(ids)}."
        yield Problem.at(document.place((*path, "reference")), message, hint)
        return
    metrics = list(dict.fromkeys(metric for metric, _ in values))
    if gate.metric not in metrics:
        message = f"'{gate.reference}' has no {gate.metric}"
        yield Problem.at(document.place((*path, "metric")), message, f"Allowed: {_some(metrics)}.")
    elif gate.over == "section" and (gate.metric, True) not in values:
        message = f"'{gate.reference}' has no {gate.metric} of single sections"
        yield Problem.at(document.place((*path, "over")), message, "Allowed: machine, all.")


def _items(document: Document) -> list[tuple[KeyPath, dict[str, Any]]]:
    items = document.data.get("gates") if isinstance(document.data, dict) else None
    if not isinstance(items, list):
        return []
    return [(("gates", i), item) for i, item in enumerate(items) if isinstance(item, dict)]


def _some(names: Collection[str]) -> str:
    shown = list(names)[:12]
    more = f" and {len(names) - 12} more" if len(names) > 12 else ""
    return f"{', '.join(shown) or 'none'}{more}"
