"""Which conditions a grid over axes asks for, in one section."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace

from asdbench.api import Clip, Condition
from asdbench.audit.conditions import ConditionKey, Ranges, as_number, distance
from asdbench.conditions import Attributes, as_attributes
from asdbench.registry import did_you_mean
from asdbench.suite.model import AxisModel, DatasetModel, GridModel
from asdbench.suite.problem import Place
from asdbench.suite.yaml_source import KeyPath

Axes = Mapping[str, AxisModel]


def swept_conditions(clips: Sequence[Clip], axes: Axes) -> list[Condition]:
    """Return one condition for each combination of values of ``axes``.

    Its domain and its other attributes are those of the nearest conditions of the data, and of
    these the most frequent: among equals, the first by name. Near is measured by the attributes
    of ``axes`` (:func:`asdbench.audit.conditions.distance`). A condition depends on the data, not
    on the other values of the axes.

    Parameters
    ----------
    clips
        The real clips of one section, at least one.
    axes
        Values by attribute; :func:`axis_problems` has found nothing amiss.
    """
    known = Counter(clip.condition for clip in clips)
    ranges = Ranges.of(clip.condition.attributes for clip in clips)
    values = {name: _values(known, name, axis) for name, axis in sorted(axes.items())}
    combinations = itertools.product(*values.values())
    wanted = [tuple(zip(values, texts, strict=True)) for texts in combinations]
    return list(dict.fromkeys(_completed(attributes, known, ranges) for attributes in wanted))


def axis_problems(
    grids: Mapping[str, GridModel],
    chosen: DatasetModel,
    clips: Sequence[Clip],
    written: Mapping[KeyPath, Place],
) -> Iterator[str]:
    """Yield the machines, sections and attributes of ``axes`` that the data does not have.

    What the suite leaves out (``chosen``) is not asked about. ``written`` is where the keys of the
    suite stand in its file; one that the command line set is not there.
    """

    def lack(path: KeyPath, kind: str, where: str, there: Collection[str]) -> str:
        place = written.get(("grids", path[0], "axes", *path[1:]))
        grid = f"grid '{path[0]}'" + (f" ({place.file}:{place.line})" if place else "")
        known, wanted = ", ".join(there) or "none", str(path[-1])
        guess = did_you_mean(wanted, there)
        return f"{grid}: {where} has no {kind} '{wanted}'.{guess} It has: {known}."

    sections_of: dict[str, dict[str, list[Clip]]] = {}
    for clip in clips:
        sections_of.setdefault(clip.machine, {}).setdefault(clip.section, []).append(clip)
    for name, grid in grids.items():
        for machine, sections in grid.axes.items():
            if chosen.machines is not None and machine not in chosen.machines:
                continue
            there = sections_of.get(machine)
            if there is None:
                yield lack((name, machine), "machine", "the data", sections_of)
                continue
            for section, axes in sections.items():
                if chosen.sections is not None and section not in chosen.sections:
                    continue
                if section not in there:
                    yield lack((name, machine, section), "section", machine, there)
                    continue
                names = {n for clip in there[section] for n, _ in clip.condition.attributes}
                for attribute in sorted(axes.keys() - names):
                    place = f"{machine}/{section}"
                    path = name, machine, section, attribute
                    yield lack(path, "attribute", place, sorted(names))


def _completed(wanted: Attributes, known: Counter[Condition], ranges: Ranges) -> Condition:
    """Return the condition with the ``wanted`` attributes, the rest from the nearest ones."""
    names = {name for name, _ in wanted}

    def only_these(condition: Condition, attributes: Attributes) -> ConditionKey:
        return condition.machine, condition.section, attributes

    distances = {
        condition: round(
            distance(
                only_these(condition, wanted),
                only_these(condition, tuple(a for a in condition.attributes if a[0] in names)),
                ranges,
            ),
            9,
        )
        for condition in known
    }
    nearest = min(distances.values())
    rest: Counter[Condition] = Counter()
    for condition, length in distances.items():
        if length == nearest:
            others = {n: v for n, v in condition.attributes if n not in names}
            attributes = as_attributes({**others, **dict(wanted)})
            rest[replace(condition, attributes=attributes)] += known[condition]
    return min(rest, key=lambda condition: (-rest[condition], str(condition)))


def _values(known: Counter[Condition], name: str, axis: AxisModel) -> list[str]:
    """Return the values of one axis as text, each once; those of the data in their order."""
    values = {value for c in known for n, value in c.attributes if n == name}
    real = sorted(values, key=_order)
    listed = [*(real if axis.from_ == "dataset" else ()), *axis.add, *axis.values]
    return list(dict.fromkeys(_text(value, real) for value in listed))


def _order(value: str) -> tuple[bool, float, str]:
    """Sort numbers by size, then words."""
    number = as_number(value)
    return number is None, number or 0.0, value


def _text(value: int | float | str, real: Sequence[str]) -> str:
    """Return a value as the data writes it, or as the suite does."""
    if isinstance(value, str):
        return value
    return next((text for text in real if as_number(text) == value), str(value))
