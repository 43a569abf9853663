"""Locations in parameters: resolved for use, kept as written for identity.

A field of type ``Path`` is a location. Where data lies changes no number, so the identity of a
suite holds the text of the file, before variables and ``--set``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel
from pydantic_core import to_jsonable_python

from asdbench.suite.yaml_source import KeyPath

B = TypeVar("B", bound=BaseModel)
Resolve = Callable[[KeyPath, Path], Path]
State = Callable[[KeyPath, Path], str]


def resolve_locations(params: B, prefix: KeyPath, resolve: Resolve) -> B:
    """Return ``params`` with every path, however deeply nested, replaced."""
    changed = {
        name: _resolve(getattr(params, name), (*prefix, name), resolve)
        for name in type(params).model_fields
    }
    return params.model_copy(update=changed)


def _resolve(value: Any, path: KeyPath, resolve: Resolve) -> Any:
    match value:
        case Path():
            return resolve(path, value)
        case BaseModel():
            return resolve_locations(value, path, resolve)
        case tuple() | list():
            return type(value)(_resolve(item, (*path, i), resolve) for i, item in enumerate(value))
        case dict():
            return {key: _resolve(item, (*path, key), resolve) for key, item in value.items()}
        case _:
            return value


def stated_values(value: Any, prefix: KeyPath, state: State) -> Any:
    """Return parameters as JSON values, with every path replaced by what ``state`` says."""
    match value:
        case Path():
            return state(prefix, value)
        case BaseModel():
            names = type(value).model_fields
            return {n: stated_values(getattr(value, n), (*prefix, n), state) for n in names}
        case tuple() | list():
            return [stated_values(item, (*prefix, i), state) for i, item in enumerate(value)]
        case dict():
            return {k: stated_values(item, (*prefix, k), state) for k, item in value.items()}
        case set() | frozenset():
            return sorted(to_jsonable_python(value), key=str)
        case _:
            return to_jsonable_python(value)


def content_digest(path: Path) -> str | None:
    """Return the SHA-256 of a file, or of a folder's relative names and files; None if absent."""
    if path.is_file():
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    if not path.is_dir():
        return None
    total = hashlib.sha256()
    for file_path in sorted(path.rglob("*")):
        if file_path.is_file():
            name = file_path.relative_to(path).as_posix()
            total.update(f"{name}\0{content_digest(file_path)}\n".encode())
    return total.hexdigest()
