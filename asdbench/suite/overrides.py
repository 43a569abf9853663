"""``--set detectors.ae-mse.params.epochs=5``: values of the command line in place of the file's."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from asdbench.registry import did_you_mean
from asdbench.suite.problem import Place, Problem
from asdbench.suite.yaml_source import Document, KeyPath, parse


@dataclass(frozen=True)
class Override:
    """One ``--set``: the text, and the path that it sets."""

    text: str
    path: KeyPath


def apply_overrides(
    document: Document, texts: Sequence[str], option: str = "--set", below: str = ""
) -> tuple[Document, list[Override], list[Problem]]:
    """Return the document with values replaced, what was set, and what could not be.

    ``texts`` are ``dotted.path=value``. An item of a list goes by its ``id``; the value is YAML.
    Keys that the suite does not know are set all the same, and refused by its checks.
    ``option`` is what messages call the option; ``below`` is what every path starts at.
    """
    data = copy.deepcopy(document.data)
    values, keys = dict(document.values), dict(document.keys)
    applied: list[Override] = []
    problems: list[Problem] = []
    for text in texts:
        place = Place(f"{option} {text}")
        dotted, equals, value_text = text.partition("=")
        if not equals or "" in dotted.split("."):
            example = "seed=1" if below else "seeds.master=1"
            problems.append(Problem.at(place, "expected KEY=VALUE", f"Example: {example}."))
            continue
        value_document, mistakes = parse(value_text.encode(), place.file)
        if mistakes and value_text.strip():
            problems += [Problem.at(place, mistake.message, mistake.hint) for mistake in mistakes]
            continue
        try:
            whole = f"{below}.{dotted}" if below else dotted
            path = _assign(data, whole, value_document.data if value_document else None)
        except _UnknownPathError as error:
            problems.append(Problem.at(place, error.message, error.hint))
            continue
        for places in (values, keys):
            for known in [p for p in places if p[: len(path)] == path]:
                del places[known]
        for depth in range(1, len(path) + 1):
            values.setdefault(path[:depth], place)
            keys.setdefault(path[:depth], place)
        if value_document is not None:
            values.update({(*path, *inner): place for inner in value_document.values})
            keys.update({(*path, *inner): place for inner in value_document.keys})
        applied.append(Override(text, path))
    return Document(data, values, keys), applied, problems


class _UnknownPathError(Exception):
    def __init__(self, message: str, hint: str = "") -> None:
        self.message, self.hint = message, hint


def _assign(data: Any, dotted: str, value: Any) -> KeyPath:
    """Set ``value`` at ``dotted`` in ``data``; return the path with list positions."""
    path: list[str | int] = []
    here, rest = data, dotted
    while True:
        key, name, rest = _step(here, rest, ".".join(str(part) for part in path))
        path.append(key)
        if not rest:
            here[key] = value
            return tuple(path)
        if isinstance(here, dict) and here.get(name) is None:
            here[name] = {}
        here = here[key]


def _step(here: Any, rest: str, so_far: str) -> tuple[Any, str, str]:
    """Return the key or index in ``here`` that ``rest`` starts with, its name, and what follows."""
    if isinstance(here, list):
        ids = {item["id"]: i for i, item in enumerate(here) if _has_id(item)}
        name = _longest_prefix(rest, ids)
        if name is None:
            wrong = rest.partition(".")[0]
            if not ids:
                raise _UnknownPathError(f"'{so_far}' is a list; set it as a whole: [a, b]")
            raise _UnknownPathError(
                f"'{so_far}' has no item with id '{wrong}'.{did_you_mean(wrong, ids)}",
                f"Allowed: {', '.join(ids)}.",
            )
        return ids[name], name, rest[len(name) + 1 :]
    if isinstance(here, dict):
        name = _longest_prefix(rest, here)
        if name is None:
            name = rest.partition(".")[0]
        return name, name, rest[len(name) + 1 :]
    raise _UnknownPathError(f"'{so_far}' holds a single value; nothing lies below it")


def _has_id(item: Any) -> bool:
    return isinstance(item, dict) and isinstance(item.get("id"), str)


def _longest_prefix(rest: str, names: Any) -> str | None:
    """Return the longest of ``names`` (they may hold dots) that the dotted ``rest`` starts with."""
    matches = [name for name in names if rest == name or rest.startswith(f"{name}.")]
    return max(matches, key=len, default=None)
