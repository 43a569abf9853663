"""``sweep:`` of a detector: one entry for every combination of values.

The entries stand in the document as if they had been written out, each value in the place of the
file or command line that it comes from, so nothing after this step knows of sweeps.
"""

from __future__ import annotations

import copy
import itertools
import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from asdbench.suite.base import MAX_IDENTIFIER
from asdbench.suite.overrides import Override
from asdbench.suite.problem import Problem
from asdbench.suite.yaml_source import Document, KeyPath

MAX_COMBINATIONS = 1000
_UNUSABLE = re.compile(r"[^A-Za-z0-9_.-]+")


@dataclass(frozen=True)
class Expanded:
    """A suite without sweeps."""

    document: Document
    """After overrides."""
    written: Document
    """As the file has it, with its entries in the same positions."""
    overrides: list[Override]
    """Their paths lead to the new positions."""
    members: Mapping[str, tuple[str, ...]]
    """id of an entry with a sweep -> ids of what it stands for."""
    problems: list[Problem]


@dataclass(frozen=True)
class _Swept:
    """One combination: where each of its values goes, and where it stands in the sweep."""

    id: str
    values: Mapping[KeyPath, tuple[KeyPath, Any]]
    """Path below the entry -> path of the value below the entry, and the value."""


def expand_sweeps(document: Document, written: Document, overrides: Sequence[Override]) -> Expanded:
    """Replace every entry of ``detectors`` that has a ``sweep`` by what it stands for.

    An entry whose sweep is malformed stays as it is; the checks of the format refuse it.
    """
    entries = document.data.get("detectors") if isinstance(document.data, dict) else None
    problems: list[Problem] = []
    made: list[tuple[int, _Swept | None]] = []
    members: dict[str, tuple[str, ...]] = {}
    entries = entries if isinstance(entries, list) else []
    ids = [entry.get("id") for entry in entries if isinstance(entry, dict)]
    for i, entry in enumerate(entries):
        found = _combinations(document, ("detectors", i), entry, problems)
        made += [(i, swept) for swept in found] or [(i, None)]
        if found:
            if ids.count(entry["id"]) > 1:
                place = document.place(("detectors", i, "id"))
                message = f"duplicate id '{entry['id']}'"
                problems.append(Problem.at(place, message, "Give each its own id."))
            members[entry["id"]] = tuple(swept.id for swept in found)
    if not members:
        return Expanded(_among(document, {}), written, list(overrides), {}, problems)
    return Expanded(
        _among(_rebuilt(document, made, document), members),
        _rebuilt(written, made, document),
        [moved for override in overrides for moved in _moved(override, made)],
        members,
        problems,
    )


def _combinations(
    document: Document, path: KeyPath, entry: Any, problems: list[Problem]
) -> list[_Swept]:
    """Return what an entry stands for; nothing where it has no sweep that can be used."""
    if not isinstance(entry, dict) or not isinstance(entry.get("id"), str):
        return []
    sweep, params = entry.get("sweep"), entry.get("params", {})
    if not isinstance(sweep, dict) or not isinstance(params, dict) or not sweep:
        return []
    if not all(isinstance(values, list) and values for values in sweep.values()):
        return []
    before = len(problems)
    _check_keys(document, path, params, sweep, problems)
    number = math.prod(len(values) for values in sweep.values())
    if number > MAX_COMBINATIONS:
        message = f"sweep: {number} combinations"
        hint = f"At most {MAX_COMBINATIONS}: sweep over less."
        problems.append(Problem.at(document.key_place((*path, "sweep")), message, hint))
    if len(problems) > before:
        return []
    last = Counter(key.rpartition(".")[2] for key in sweep)
    short = {key: k if last[k := key.rpartition(".")[2]] == 1 else key for key in sweep}
    found = []
    for chosen in itertools.product(*(range(len(values)) for values in sweep.values())):
        at = dict(zip(sweep, chosen, strict=True))
        parts = [f"{short[key]}-{_text(sweep[key][k], k)}" for key, k in at.items()]
        values = {
            ("params", *key.split(".")): (("sweep", key, k), sweep[key][k]) for key, k in at.items()
        }
        found.append(_Swept(".".join([entry["id"], *parts]), values))
    problems += _bad_ids(document, path, [swept.id for swept in found])
    return found if len(problems) == before else []


def _check_keys(
    document: Document,
    path: KeyPath,
    params: Mapping[str, Any],
    sweep: Mapping[str, Any],
    problems: list[Problem],
) -> None:
    taken: dict[str, Any] = copy.deepcopy(dict(params))
    for key in sweep:
        place = document.key_place((*path, "sweep", key))
        steps = key.split(".")
        if "" in steps:
            hint = "Write a parameter, dotted where it is nested: discriminative.params.clusters."
            problems.append(Problem.at(place, f"sweep: '{key}' names no parameter", hint))
            continue
        here: Any = taken
        for step in steps[:-1]:
            here = here.setdefault(step, {}) if isinstance(here, dict) else None
        if not isinstance(here, dict):
            message = f"sweep: nothing lies below the single value that '{key}' goes through"
            problems.append(Problem.at(place, message))
        elif steps[-1] in here:
            message = f"parameter '{key}' has a value beside its sweep"
            hint = (
                "Keep one of the two; on the command line: "
                f"--set detectors.ID.sweep.{key}=[VALUE, ...]."
            )
            problems.append(Problem.at(place, message, hint))
        else:
            here[steps[-1]] = None


def _bad_ids(document: Document, path: KeyPath, ids: Sequence[str]) -> Iterator[Problem]:
    longest = max(ids, key=len)
    if len(longest) > MAX_IDENTIFIER:
        message = f"the sweep makes ids of more than {MAX_IDENTIFIER} characters: '{longest}'"
        yield Problem.at(document.place((*path, "id")), message, "Give the entry a shorter id.")
    name, count = Counter(ids).most_common(1)[0]
    if count > 1:
        message = f"sweep: {count} combinations are called '{name}'"
        place = document.key_place((*path, "sweep"))
        yield Problem.at(place, message, "Give every value once.")


def _text(value: Any, position: int) -> str:
    """Return a value as part of an id; a list or mapping goes by its position."""
    if value is None:
        return "none"
    if isinstance(value, list | dict):
        return f"no{position + 1}"
    shown = str(value).lower() if isinstance(value, bool) else str(value)
    return _UNUSABLE.sub("-", shown) or "empty"


def _rebuilt(
    source: Document, made: Sequence[tuple[int, _Swept | None]], swept_in: Document
) -> Document:
    """Return ``source`` with its detectors in the positions of ``made``."""
    entries = source.data.get("detectors") if isinstance(source.data, dict) else None
    if not isinstance(entries, list):
        return source
    rows = []
    for i, swept in made:
        entry = copy.deepcopy(entries[i]) if i < len(entries) else {}
        if swept is not None and isinstance(entry, dict):
            entry.pop("sweep", None)
            entry["id"] = swept.id
            for target, (_, value) in swept.values.items():
                _put(entry, target, copy.deepcopy(value))
        rows.append(entry)
    values = _replaced(source.values, swept_in.values, made)
    keys = _replaced(source.keys, swept_in.keys, made)
    for j, (i, swept) in enumerate(made):  # a key's own place is that of the key in the sweep
        for target, (inside, _) in (swept.values if swept else {}).items():
            found = swept_in.keys.get(("detectors", i, *inside[:2]))
            if found is not None:
                keys[("detectors", j, *target)] = found
    return Document({**source.data, "detectors": rows}, values, keys)


def _replaced(
    own: Mapping[KeyPath, Any],
    swept_in: Mapping[KeyPath, Any],
    made: Sequence[tuple[int, _Swept | None]],
) -> dict[KeyPath, Any]:
    """Return places by path, with those of the detectors at their new positions."""
    inner: dict[Any, list[tuple[KeyPath, Any]]] = {}
    for path, place in own.items():
        if path[:1] == ("detectors",) and len(path) > 1:
            inner.setdefault(path[1], []).append((path[2:], place))
    found = {p: place for p, place in own.items() if p[:1] != ("detectors",) or len(p) == 1}
    for j, (i, swept) in enumerate(made):
        for rest, place in inner.get(i, []):
            if swept is None or rest[:1] != ("sweep",):
                found["detectors", j, *rest] = place
        for target, (inside, _) in (swept.values if swept else {}).items():
            start = ("detectors", i, *inside)
            for path in [p for p in swept_in if p[: len(start)] == start]:
                found["detectors", j, *target, *path[len(start) :]] = swept_in[path]
    return found


def _put(entry: dict[str, Any], target: KeyPath, value: Any) -> None:
    here: Any = entry
    for step in target[:-1]:
        if not isinstance(here.get(step), dict):
            here[step] = {}
        here = here[step]
    here[target[-1]] = value


def _moved(override: Override, made: Sequence[tuple[int, _Swept | None]]) -> Iterator[Override]:
    path = override.path
    if path[:1] != ("detectors",) or len(path) == 1:
        yield override
        return
    for j, (i, swept) in enumerate(made):
        if i != path[1]:
            continue
        if swept is None or path[2:3] != ("sweep",):
            yield replace(override, path=("detectors", j, *path[2:]))
            continue
        for target, (inside, _) in swept.values.items():
            if inside[: len(path) - 2] == path[2 : 2 + len(inside)]:
                yield replace(override, path=("detectors", j, *target))


def _among(document: Document, members: Mapping[str, tuple[str, ...]]) -> Document:
    """Return the document with the sweeps that selections name written out."""
    selections = document.data.get("selections") if isinstance(document.data, dict) else None
    if not isinstance(selections, list):
        return document
    values = dict(document.values)
    rows = []
    for s, item in enumerate(selections):
        among = item.get("among") if isinstance(item, dict) else None
        named = [among] if isinstance(among, str) else among
        if isinstance(named, list):
            ids: list[Any] = []
            path = ("selections", s, "among")
            for k, name in enumerate(named):
                place = document.place((*path, k))
                for one in members.get(name, (name,)) if isinstance(name, str) else (name,):
                    values[(*path, len(ids))] = place
                    ids.append(one)
            item = {**item, "among": ids}
        rows.append(item)
    return Document({**document.data, "selections": rows}, values, document.keys)
