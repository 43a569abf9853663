"""Which training clips serve a requested condition: its own, or those of the nearest one."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Self

from asdbench.api import Condition, Label, LabelledClipSet
from asdbench.conditions import format_condition, parse_condition

_NUMBER = re.compile(r"([-+]?\d+(?:\.\d+)?)([A-Za-z%/]*)")  # "6", "1.5", "28V"


@dataclass(frozen=True)
class Group:
    """The training clips of one condition and label; ``clips`` are ascending indices."""

    condition: Condition
    label: Label
    clips: tuple[int, ...]


@dataclass(frozen=True, order=True)
class Distance:
    """How far a condition is from the one asked for; compared field by field, in this order.

    ``attributes`` is a sum over attribute names, each in 0..1: the difference over the range that
    the machine's clips span where both values are numbers of one unit, otherwise 0 where the
    texts are equal and 1 where they differ or one is absent.
    """

    other_section: bool
    other_domain: bool
    attributes: float

    @property
    def exact(self) -> bool:
        """Whether the condition is the one asked for."""
        return self == Distance(False, False, 0.0)

    def __str__(self) -> str:
        if self.exact:
            return "same condition"
        section = "other section" if self.other_section else "same section"
        domain = "other domain" if self.other_domain else "same domain"
        return f"{section}, {domain}, attribute distance {self.attributes:.3g}"


@dataclass(frozen=True)
class Match:
    """The clips at the smallest distance; all conditions at that distance are pooled."""

    clips: tuple[int, ...]
    distance: Distance


@dataclass(frozen=True)
class Sources:
    """Which conditions and labels a training set holds; no audio."""

    groups: tuple[Group, ...] = ()

    @classmethod
    def of(cls, train: LabelledClipSet) -> Self:
        """Return the groups of ``train``, in order of condition and label."""
        found: dict[tuple[Condition, Label], list[int]] = {}
        for index, key in enumerate(zip(train.conditions, train.labels, strict=True)):
            found.setdefault(key, []).append(index)
        ordered = sorted(found.items(), key=lambda item: (format_condition(item[0][0]), item[0][1]))
        return cls(tuple(Group(*key, tuple(clips)) for key, clips in ordered))

    def match(self, condition: Condition, label: Label) -> Match | None:
        """Return the clips with ``label`` nearest to ``condition``; None if its machine has none.

        Nearer is: the same section, then the same domain, then closer attributes. Another
        machine never serves.
        """
        machine = [g for g in self.groups if g.condition.machine == condition.machine]
        spans = _spans([condition, *(g.condition for g in machine)])
        ranked = [
            (_distance(condition, g.condition, spans), g.clips) for g in machine if g.label == label
        ]
        if not ranked:
            return None
        nearest = min(distance for distance, _ in ranked)
        clips = sorted(i for distance, found in ranked if distance == nearest for i in found)
        return Match(tuple(clips), nearest)

    def to_json(self) -> list[dict[str, Any]]:
        """Return what :meth:`from_json` reads, as JSON values."""
        return [
            {"condition": format_condition(g.condition), "label": g.label, "clips": list(g.clips)}
            for g in self.groups
        ]

    @classmethod
    def from_json(cls, rows: Iterable[dict[str, Any]]) -> Self:
        """Return the sources that :meth:`to_json` described."""
        return cls(
            tuple(
                Group(parse_condition(row["condition"]), row["label"], tuple(row["clips"]))
                for row in rows
            )
        )


def _number(value: str) -> tuple[float, str] | None:
    found = _NUMBER.fullmatch(value)
    return (float(found[1]), found[2]) if found else None


def _spans(conditions: Iterable[Condition]) -> dict[tuple[str, str], float]:
    """Return largest minus smallest value for every attribute name and unit."""
    values: dict[tuple[str, str], list[float]] = {}
    for condition in conditions:
        for name, text in condition.attributes:
            if number := _number(text):
                values.setdefault((name, number[1]), []).append(number[0])
    return {key: max(found) - min(found) for key, found in values.items()}


def _distance(
    wanted: Condition, offered: Condition, spans: dict[tuple[str, str], float]
) -> Distance:
    ours, theirs = dict(wanted.attributes), dict(offered.attributes)
    total = 0.0
    for name in sorted(ours.keys() | theirs.keys()):
        a, b = ours.get(name), theirs.get(name)
        if a == b:
            continue
        x, y = _number(a or ""), _number(b or "")
        if x and y and x[1] == y[1]:
            span = spans[name, x[1]]
            total += abs(x[0] - y[0]) / span if span else 0.0  # "1" and "1.0" span nothing
        else:
            total += 1.0
    return Distance(
        wanted.section != offered.section, wanted.domain != offered.domain, round(total, 9)
    )
