"""Captions: a condition and a label as a sentence, in the style of MIMII-Gen's Table I.

The paper lets T5-large write them (section III.B); here they follow a fixed pattern, so that the
same condition always reads the same and no weights are needed. The type of an anomaly is in no
file name, so an anomaly is only ``with anomaly``. The domain is no operating condition and is
never mentioned.

Examples
--------
>>> from asdbench.api import Condition
>>> where = Condition("bearing", "01", "source", (("loc", "A"), ("vel", "4")))
>>> caption(where, "anomaly")
'A bearing operating on velocity of 4 krpm with anomaly at location A, section 01'
>>> caption(where, "anomaly", "short")
'A bearing operating on velocity of 4 with anomaly'
>>> caption(where, "normal", "machine")
'A bearing in normal condition'
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import IntEnum
from typing import Literal

from asdbench.api import Condition, Label

Detail = Literal["full", "short", "machine"]
"""How much a caption tells."""


class _Place(IntEnum):
    """Where a phrase stands.

    ``A <machine> KIND of PATTERN in PANELS operating on SETTING <label> AROUND``
    """

    KIND = 0
    PATTERN = 1
    PANELS = 2
    SETTING = 3
    AROUND = 4


_LABELS: dict[Label, str] = {"normal": "in normal condition", "anomaly": "with anomaly"}
_PHRASES: dict[str, tuple[_Place, str]] = {
    "id": (_Place.KIND, "unit {}"),
    "car": (_Place.KIND, "model {}"),
    "mdl": (_Place.KIND, "model {}"),
    "pro": (_Place.KIND, "model {}"),
    "pat": (_Place.PATTERN, "moving pattern {}"),
    "v1pat": (_Place.PATTERN, "moving pattern {} at valve 1"),
    "v2pat": (_Place.PATTERN, "moving pattern {} at valve 2"),
    "panel": (_Place.PANELS, "{} surroundings"),
    "vel": (_Place.SETTING, "velocity of {}"),
    "ac": (_Place.SETTING, "acceleration of {}"),
    "volt": (_Place.SETTING, "voltage of {}"),
    "wt": (_Place.SETTING, "weight of {}"),
    "weight": (_Place.SETTING, "weight of {}"),
    "spd": (_Place.SETTING, "speed of {}"),
    "speed": (_Place.SETTING, "speed of {}"),
    "loc": (_Place.AROUND, "at location {}"),
    "mic": (_Place.AROUND, "at microphone {}"),
    "mic_pos": (_Place.AROUND, "at microphone position {}"),
    "f-n": (_Place.AROUND, "in factory noise {}"),
    "m-n": (_Place.AROUND, "in noise of machine {}"),
    "n-lv": (_Place.AROUND, "at noise level {}"),
    "n": (_Place.AROUND, "in noise {}"),
    "noise": (_Place.AROUND, "in noise {}"),
    "bkg": (_Place.AROUND, "in background noise {}"),
    "Bckg": (_Place.AROUND, "in background noise {}"),
}
"""Place and wording of the attributes in DCASE file names, in the order they are spoken in."""
_ORDER = {name: place for place, name in enumerate(_PHRASES)}
# MIMII DG, Table 1
_UNITS = {
    ("bearing", "vel"): "krpm",
    ("gearbox", "volt"): "V",
    ("gearbox", "wt"): "g",
    ("slider", "vel"): "mm/s",
    ("slider", "ac"): "m/s^2",
}
_PANELS = {"b-c": "back-closed", "s-c": "side-closed", "bs-c": "back-and-side-closed"}
_MACHINES = {"ToyNscale": "toy N-scale train"}
_NO_ATTRIBUTE = "noAttribute"
_BETWEEN_WORDS = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z\d])(?=[A-Z][a-z])|[\W_]+")


def caption(condition: Condition, label: Label, detail: Detail = "full") -> str:
    """Return the caption of ``condition`` and ``label``.

    Parameters
    ----------
    condition
        Its ``domain`` is not used.
    label
        ``normal`` or ``anomaly``.
    detail
        ``full``: all attributes with their units, and the section. ``short``: the attribute that
        the full caption mentions first, without unit, and no section. ``machine``: machine type
        and label alone.

    Notes
    -----
    Attributes that no data set of DCASE Task 2 has are read out, ``feed-rate=3`` as ``operating
    on feed rate 3``. Conditions that differ in more than the domain have different full captions,
    as long as their names differ in more than upper case and separators.
    """
    machine = _MACHINES.get(condition.machine, _words(condition.machine))
    article = "An" if machine[:1].lower() in "aeiou" else "A"
    spoken = [] if detail == "machine" else _spoken(condition)
    if detail == "short":
        spoken = spoken[:1]
    phrases: dict[_Place, list[str]] = {place: [] for place in _Place}
    for name, value in spoken:
        place, text = _phrase(name, value)
        unit = _UNITS.get((condition.machine, name), "") if detail == "full" else ""
        phrases[place].append(f"{text} {unit}".strip())
    sentence = [
        f"{article} {machine}",
        *phrases[_Place.KIND],
        _list("of", phrases[_Place.PATTERN]),
        _list("in", phrases[_Place.PANELS]),
        _list("operating on", phrases[_Place.SETTING]),
        _LABELS[label],
        *phrases[_Place.AROUND],
    ]
    section = f", section {condition.section}" if detail == "full" else ""
    return " ".join(part for part in sentence if part) + section


def _spoken(condition: Condition) -> list[tuple[str, str]]:
    """Return the attributes in the order of the sentence."""

    def rank(pair: tuple[str, str]) -> tuple[int, int, str]:
        return (_phrase(*pair)[0], _ORDER.get(pair[0], len(_ORDER)), pair[0])

    named = [pair for pair in condition.attributes if _NO_ATTRIBUTE not in pair]
    return sorted(named, key=rank)


def _phrase(name: str, value: str) -> tuple[_Place, str]:
    place, words = _PHRASES.get(name, (_Place.SETTING, f"{_words(name)} {{}}"))
    return place, words.replace(
        "{}", _PANELS.get(value, value) if name == "panel" else value
    ).strip()


def _list(before: str, phrases: Iterable[str]) -> str:
    joined = " and ".join(phrases)
    return f"{before} {joined}" if joined else ""


def _words(name: str) -> str:
    """Return ``name`` as words: ``ToyCar`` as ``toy car``, ``ToyRCCar`` as ``toy RC car``."""
    words = _BETWEEN_WORDS.split(name)
    return " ".join(word if word.isupper() else word.lower() for word in words)
