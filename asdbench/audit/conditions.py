"""Conditions: which a generator learned from, and how far they lie from each other."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Self

from asdbench.api import Condition
from asdbench.conditions import Attributes, format_attributes

ConditionKey = tuple[str, str, Attributes]
"""(machine, section, attributes). The domain is no operating condition."""
LEAST = 10
"""Real and generated anomalies that a condition needs for an interval; fewer show nothing."""


def condition_key(condition: Condition) -> ConditionKey:
    """Return what two clips of one operating condition share."""
    return condition.machine, condition.section, condition.attributes


@dataclass(frozen=True)
class SeenConditions:
    """Whether a generator learned from anomalies of a condition."""

    seen: frozenset[ConditionKey] = frozenset()
    """Conditions of whose anomalies it learned."""
    unknown: str | None = None
    """Why it cannot be said of the others that it did not."""


@dataclass(frozen=True)
class Ranges:
    """The values of numeric attributes among the real clips of a machine: how wide they range."""

    widths: Mapping[str, float] = field(default_factory=dict)
    """Largest - smallest value, by attribute; only where all values are numbers and differ."""

    @classmethod
    def of(cls, attributes: Iterable[Attributes]) -> Self:
        """Return the ranges of the attributes of some clips."""
        values: dict[str, list[float | None]] = {}
        for pairs in attributes:
            for name, text in pairs:
                values.setdefault(name, []).append(as_number(text))
        widths: dict[str, float] = {}
        for name, found in values.items():
            numbers = [value for value in found if value is not None]
            if len(numbers) == len(found) and max(numbers) > min(numbers):
                widths[name] = max(numbers) - min(numbers)
        return cls(widths)


def as_number(text: str) -> float | None:
    """Return the number that ``text`` is; None for a word, and for a name such as ``01``."""
    digits = text.removeprefix("-")
    if len(digits) > 1 and digits[0] == "0" and digits[1] != ".":
        return None
    try:
        value = float(text)
    except ValueError:
        return None
    return value if abs(value) < float("inf") else None


def distance(one: ConditionKey, other: ConditionKey, ranges: Ranges) -> float:
    """Return how far apart two conditions of a machine are.

    The sum over attributes: of numbers, the difference in ranges of the data; 1 for each word
    that differs, for an attribute that only one of them has, and for another section.
    """
    mine, theirs = dict(one[2]), dict(other[2])
    total = float(one[1] != other[1])
    for name in mine.keys() | theirs.keys():
        values = mine.get(name), theirs.get(name)
        if values[0] == values[1]:
            continue
        numbers = [as_number(text) for text in values if text is not None]
        width = ranges.widths.get(name)
        if width is None or len(numbers) < 2 or None in numbers:
            total += 1.0
        else:
            total += abs(float(numbers[0] or 0.0) - float(numbers[1] or 0.0)) / width
    return total


def nearest(
    condition: ConditionKey, others: Iterable[ConditionKey], ranges: Ranges
) -> tuple[ConditionKey, float] | None:
    """Return the nearest of ``others`` of the same machine with its distance, or None."""
    found = [
        (distance(condition, other, ranges), other) for other in others if other[0] == condition[0]
    ]
    if not found:
        return None
    length, other = min(found)
    return other, length


def in_order(condition: ConditionKey) -> tuple[object, ...]:
    """Return what conditions are sorted by: machine, section, attributes; numbers by size."""
    machine, section, attributes = condition
    values = []
    for name, text in attributes:
        number = as_number(text)
        values.append((name, number is None, number or 0.0, text))
    return machine, section, values


def written(condition: ConditionKey) -> str:
    """Return ``section/name=value,name=value``."""
    return f"{condition[1]}/{format_attributes(condition[2])}"
