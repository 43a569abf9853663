"""Operating conditions as text and back.

The text of a condition is ``machine/section/domain/name=value,name=value``, with ``-`` for an
unknown domain and for no attributes. :func:`parse_condition` inverts :func:`format_condition`
for any names and values, because ``% , = /`` and control characters are percent-encoded; for the
names and values of DCASE data the text equals ``str(condition)``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import get_args
from urllib.parse import quote, unquote

from asdbench.api import Condition, Domain
from asdbench.errors import DataError

Attributes = tuple[tuple[str, str], ...]
"""(name, value) pairs as text, sorted by name."""

_PLAIN = " !#$&'()*+:;<>?@[]^`{|}\"\\"  # beside letters, digits and _.-~, which quote() keeps


def as_attributes(values: Mapping[str, str]) -> Attributes:
    """Return ``values`` as :attr:`asdbench.api.Condition.attributes` wants them."""
    return tuple(sorted(values.items()))


def format_attributes(attributes: Attributes) -> str:
    """Return ``name=value,name=value``, or ``-`` when there are none."""
    return ",".join(f"{_encode(name)}={_encode(value)}" for name, value in attributes) or "-"


def parse_attributes(text: str) -> Attributes:
    """Return the attributes that :func:`format_attributes` wrote as ``text``.

    Raises
    ------
    DataError
        When ``text`` is not of the form ``name=value,name=value``, or repeats a name.
    """
    if text == "-":
        return ()
    values: dict[str, str] = {}
    for pair in text.split(","):
        name, equals, value = pair.partition("=")
        if not name or not equals or "=" in value:
            raise DataError(f"'{pair}' is no attribute", "Write name=value,name=value, or -.")
        if _decode(name) in values:
            raise DataError(f"attribute '{name}' is given twice in '{text}'")
        values[_decode(name)] = _decode(value)
    return as_attributes(values)


def format_condition(condition: Condition) -> str:
    """Return ``machine/section/domain/attributes``."""
    parts = [_encode(condition.machine), _encode(condition.section), condition.domain or "-"]
    return "/".join([*parts, format_attributes(condition.attributes)])


def parse_condition(text: str) -> Condition:
    """Return the condition that :func:`format_condition` wrote as ``text``.

    Raises
    ------
    DataError
        When ``text`` has not four parts, or a domain other than source, target and ``-``.
    """
    parts = text.split("/")
    if len(parts) != 4:
        raise DataError(f"'{text}' is no condition", "Write machine/section/domain/attributes.")
    domains: dict[str, Domain | None] = {"-": None} | {name: name for name in get_args(Domain)}
    if parts[2] not in domains:
        raise DataError(f"unknown domain '{parts[2]}' in '{text}'", "Use source, target or -.")
    machine, section = _decode(parts[0]), _decode(parts[1])
    return Condition(machine, section, domains[parts[2]], parse_attributes(parts[3]))


def _encode(text: str) -> str:
    return quote(text, safe=_PLAIN, errors="surrogatepass")


def _decode(text: str) -> str:
    return unquote(text, errors="surrogatepass")
