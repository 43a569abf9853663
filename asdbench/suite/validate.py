"""Data against a pydantic model, with every mistake in plain words and in its place."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic.errors import PydanticInvalidForJsonSchema
from pydantic_core import ErrorDetails

from asdbench.registry import did_you_mean
from asdbench.registry.expect import Schema, describe, properties, schema_at, show, tags_at
from asdbench.suite.problem import Problem
from asdbench.suite.yaml_source import Document, KeyPath

M = TypeVar("M", bound=BaseModel)


def validate(
    model: type[M],
    data: Any,
    document: Document,
    prefix: KeyPath = (),
    owner: str = "",
    more_allowed: Iterable[str] = (),
) -> tuple[M | None, list[Problem]]:
    """Validate ``data``, found at ``prefix`` of ``document``.

    Types are strict: no number is taken from text, nor text from a number.

    Parameters
    ----------
    model
        What the data must be.
    data
        JSON values.
    document
        Where to find positions.
    prefix
        Path of ``data`` in the document.
    owner
        The plug-in whose parameters these are; empty for the suite's own keys.
    more_allowed
        Keys that are allowed beside the model's own, for the list of what is allowed.

    Returns
    -------
    model or None
        None where there are problems.
    list of Problem
        All mistakes.
    """
    try:
        return model.model_validate_json(json.dumps(data), strict=True), []
    except ValidationError as error:
        try:
            schema: Schema = model.model_json_schema()
        except PydanticInvalidForJsonSchema:
            schema = {}
        translate = _Translator(schema, data, document, prefix, owner, tuple(more_allowed))
        mistakes = error.errors(include_url=False)
        found = [translate(m) for m in mistakes if not _follows(m, mistakes)]
        return None, list(dict.fromkeys(found))


def _follows(mistake: ErrorDetails, others: Sequence[ErrorDetails]) -> bool:
    """Return whether a list is only too short because items with mistakes do not count."""
    place = mistake["loc"]
    return mistake["type"] == "too_short" and any(
        len(other["loc"]) > len(place) and other["loc"][: len(place)] == place for other in others
    )


class _Translator:
    def __init__(
        self,
        schema: Schema,
        data: Any,
        document: Document,
        prefix: KeyPath,
        owner: str,
        more_allowed: tuple[str, ...],
    ) -> None:
        self.schema = schema
        self.data = data
        self.document = document
        self.prefix = prefix
        self.owner = owner
        self.more_allowed = more_allowed

    def __call__(self, error: ErrorDetails) -> Problem:
        location = error["loc"]
        match error["type"]:
            case "missing":
                return self._missing(location)
            case "extra_forbidden":
                return self._unknown(location)
            case "union_tag_not_found":
                return self._missing((*location, str(error["ctx"]["discriminator"]).strip("'")))
            case "union_tag_invalid":
                return self._wrong_tag(location, str(error["ctx"]["discriminator"]).strip("'"))
            case "value_error" | "assertion_error":
                path = self._plain(self._existing(location))
                return self._problem(path, error["msg"].partition(", ")[2] or error["msg"])
        if location and location[-1] == "[key]":
            return self._bad_key(location[:-1])
        return self._wrong(self._existing(location), error)

    def _missing(self, location: KeyPath) -> Problem:
        part = schema_at(self.schema, location)
        tags = tags_at(self.schema, location[:-1])
        hint = f"Expected {describe(self.schema, part)}." if part else ""
        hint = f"Expected {describe(self.schema, {'enum': tags})}." if tags else hint
        place = self.document.key_place((*self.prefix, *self._plain(location[:-1])))
        return Problem.at(place, f"missing {self._name(location)}", hint)

    def _unknown(self, location: KeyPath) -> Problem:
        key = str(location[-1])
        allowed = properties(self.schema, location[:-1])
        if len(location) == 1:
            allowed = [*self.more_allowed, *allowed]
        hint = f"Allowed: {', '.join(sorted(allowed)) or 'none'}."
        place = self.document.key_place((*self.prefix, *self._plain(location[:-1]), key))
        return Problem.at(
            place, f"unknown {self._name(location)}.{did_you_mean(key, allowed)}", hint
        )

    def _name(self, location: KeyPath) -> str:
        if len(location) == 1 and self.owner:
            return f"parameter '{location[0]}' of '{self.owner}'"
        return f"key '{location[-1]}'"

    def _bad_key(self, location: KeyPath) -> Problem:
        parent = schema_at(self.schema, location[:-1]) or {}
        patterns = [
            {"type": "string", "pattern": key} for key in parent.get("patternProperties", ())
        ]
        names = next(iter(patterns), parent.get("propertyNames", {}))
        expected = describe(self.schema, names)
        place = self.document.key_place((*self.prefix, *self._plain(location)))
        return Problem.at(place, f"'{location[-1]}': expected {expected}")

    def _wrong_tag(self, location: KeyPath, key: str) -> Problem:
        """Say what the key may be that decides which keys are expected beside it."""
        path = (*self._plain(location), key)
        tags = tags_at(self.schema, location)
        got = self._value(path)
        hint = did_you_mean(got, tags).strip() if isinstance(got, str) else ""
        expected = describe(self.schema, {"enum": tags})
        return self._problem(path, f"expected {expected}, got {show(got)}", hint)

    def _wrong(self, location: KeyPath, error: ErrorDetails) -> Problem:
        part = schema_at(self.schema, location)
        path = self._plain(location)
        if part is None:
            return self._problem(path, error["msg"][:1].lower() + error["msg"][1:])
        expected = describe(self.schema, part)
        got = self._value(path)
        hint = ""
        if "text" in expected.split() and isinstance(got, int | float):
            hint = f'Put it in quotes: "{show(got)}".'
        elif isinstance(got, str):
            choices = part.get("enum", ())
            hint = did_you_mean(got, [c for c in choices if isinstance(c, str)]).strip()
        shown = "an empty list" if got == [] else show(got)
        return self._problem(path, f"expected {expected}, got {shown}", hint)

    def _problem(self, path: KeyPath, message: str, hint: str = "") -> Problem:
        full = (*self.prefix, *path)
        name = _label(full)
        place = self.document.place(full)
        return Problem.at(place, f"{name}: {message}" if name else message, hint)

    def _existing(self, location: KeyPath) -> KeyPath:
        """Drop what pydantic adds to a location, such as the branch of a union; keep tags."""
        here = self.data
        path: list[str | int] = []
        for step in location:
            if step not in tags_at(self.schema, tuple(path)):
                try:
                    here = here[step]
                except (KeyError, IndexError, TypeError):
                    break
            path.append(step)
        return tuple(path)

    def _plain(self, location: KeyPath) -> KeyPath:
        """Return the location in the data: without the tags that pydantic puts into it."""
        kept = [
            i for i, step in enumerate(location) if step not in tags_at(self.schema, location[:i])
        ]
        return tuple(location[i] for i in kept)

    def _value(self, path: KeyPath) -> Any:
        here = self.data
        for step in path:
            here = here[step]
        return here


def _label(path: KeyPath) -> str:
    """Name the value at ``path``: its key, with the position in a list."""
    indices: list[int] = []
    for step in reversed(path):
        if isinstance(step, str):
            return step + "".join(f"[{i}]" for i in reversed(indices))
        indices.append(step)
    return ""
