"""The grammar of file names in DCASE Task 2 data, 2020 to 2025.

Two forms::

    normal_id_04_00000012.wav                                      2020; id_04_00000012.wav
    section_00_source_test_anomaly_0012_vel_8_loc_B.wav            2021 on; section_03_0012.wav

Before the index come the domain, the split and the label, each of which may be missing (2024
RoboticArm names have no ``test``, evaluation sets have none of the three), so they are searched
and not counted. Behind the index comes the operating condition:

- pairs ``vel_8_loc_B``; names may hold hyphens (``m-n_W``) and one holds an underscore
  (``mic_pos_A``);
- glued pairs ``spd1000_BckgA``, ``weight15``: lower-case letters up to a number or one capital;
- ``noAttribute``, or nothing: unknown;
- a last ``_`` (``ac_0.03_``) means nothing;
- ``damage1`` names the damage, in anomalies only. It is the label in disguise, no operating
  condition, and is therefore kept apart;
- anything else (2021: ``strength_1_ambient``, ``0_g_25_mm_2000_mV_none``) becomes one attribute
  named ``text``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from asdbench.api import Domain, Label, Split
from asdbench.conditions import Attributes, as_attributes

NO_ATTRIBUTE = "noAttribute"

_ID_FORM = re.compile(r"(?:(normal|anomaly)_)?id_(\d{2})_(\d{4,8})", re.ASCII)
_SECTION_FORM = re.compile(
    r"section_(\d{2})(?:_(source|target))?(?:_(train|test))?(?:_(normal|anomaly))?"
    r"_(\d{4,8})(?:_(.*))?",
    re.ASCII | re.DOTALL,
)
_DAMAGE = re.compile(r"damage\d*", re.ASCII)
_GLUED = re.compile(r"([A-Za-z]*[a-z])(\d+(?:\.\d+)?|[A-Z])", re.ASCII)
_LABELS: dict[str | None, Label | None] = {None: None, "normal": "normal", "anomaly": "anomaly"}
_DOMAINS: dict[str | None, Domain | None] = {None: None, "source": "source", "target": "target"}
_SPLITS: dict[str | None, Split | None] = {None: None, "train": "train", "test": "test"}


@dataclass(frozen=True)
class ParsedName:
    """What a file name says; None where it says nothing."""

    section: str
    index: str
    domain: Domain | None = None
    split: Split | None = None
    label: Label | None = None
    attributes: Attributes = ()
    damage: str | None = None
    """Kind of damage, e.g. ``damage1``; gives the label away."""
    numbered_ids: bool = False
    """Whether the name has the form of 2020, ``id_NN``."""


def parse_name(name: str) -> ParsedName | None:
    """Return what the base name ``name`` says, or None if it is no name of DCASE Task 2.

    Folders are not looked at: a domain, say, must not be read from a path. The suffix ``.wav``
    may be missing, as it is in some lists.
    """
    stem = name[:-4] if name[-4:].lower() == ".wav" else name
    if found := _SECTION_FORM.fullmatch(stem):
        section, domain, split, label, index, text = found.groups()
        attributes, damage = parse_attribute_text(text or "")
        return ParsedName(
            section,
            index,
            _DOMAINS[domain],
            _SPLITS[split],
            _LABELS[label],
            attributes,
            damage,
        )
    if found := _ID_FORM.fullmatch(stem):
        label, section, index = found.groups()
        return ParsedName(section, index, label=_LABELS[label], numbered_ids=True)
    return None


@lru_cache(maxsize=4096)
def parse_attribute_text(text: str) -> tuple[Attributes, str | None]:
    """Return the attributes in what follows the index of a name, and the kind of damage."""
    tokens = text.removesuffix("_").split("_")
    damage = None
    if _DAMAGE.fullmatch(tokens[-1]):
        damage = tokens.pop()
    if tokens in ([], [""], [NO_ATTRIBUTE]):
        return (), damage
    pairs = _pairs(tokens)
    return as_attributes({"text": "_".join(tokens)} if pairs is None else pairs), damage


def _pairs(tokens: list[str]) -> dict[str, str] | None:
    """Return the pairs in ``tokens``, or None if they are not all pairs of distinct names."""
    pairs: dict[str, str] = {}
    at = 0
    while at < len(tokens):
        glued = _GLUED.fullmatch(tokens[at])
        if glued:
            name, value = glued.groups()
            at += 1
        else:
            width = 2 if tokens[at : at + 2] == ["mic", "pos"] else 1
            name = "_".join(tokens[at : at + width])
            value = tokens[at + width] if at + width < len(tokens) else ""
            at += width + 1
        if not name[:1].isalpha() or not value or name in pairs:
            return None
        pairs[name] = value
    return pairs
