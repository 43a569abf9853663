"""YAML with positions: the part of YAML that a suite may use, and where each value stands.

A subset with YAML 1.2 scalars: no anchors, aliases or tags (a suite needs none, and nested
aliases grow without bound); ``yes`` and ``00`` are text; duplicate keys are mistakes.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from asdbench.suite.problem import Place, Problem

KeyPath = tuple[str | int, ...]
MAX_BYTES = 256 * 1024
MAX_DEPTH = 32
_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]{0,99})")
_FLOAT = re.compile(r"[-+]?([0-9]+\.[0-9]*|\.[0-9]+|[0-9]+(?=[eE]))([eE][-+]?[0-9]+)?")
_UNUSABLE = re.compile("[\\0\ud800-\udfff]")
_NULL = {"", "~", "null", "Null", "NULL"}
_BOOLEAN = {w: w.lower() == "true" for w in ("true", "True", "TRUE", "false", "False", "FALSE")}


@dataclass(frozen=True)
class Document:
    """A parsed file: plain data, and the place of every key and value."""

    data: Any
    values: Mapping[KeyPath, Place]
    keys: Mapping[KeyPath, Place]

    def place(self, path: KeyPath) -> Place:
        """Return where the value at ``path`` stands, or else what it would stand in."""
        while path not in self.values:
            path = path[:-1]
        return self.values[path]

    def key_place(self, path: KeyPath) -> Place:
        """Return where the key at ``path`` stands; for list items, the value."""
        while path not in self.keys and path not in self.values:
            path = path[:-1]
        return self.keys.get(path) or self.values[path]


def parse(content: bytes, file: str) -> tuple[Document | None, list[Problem]]:
    """Parse the content of a suite file.

    Returns
    -------
    Document or None
        None where the text is not YAML.
    list of Problem
        Bad syntax (one problem), or duplicate keys and the like (all of them).
    """
    if len(content) > MAX_BYTES:
        message = f"the file has {len(content)} bytes; a suite has at most {MAX_BYTES}"
        return None, [Problem.at(Place(file), message)]
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = content[: error.start]
        column = error.start - (before.rfind(b"\n") + 1) + 1
        place = Place(file, before.count(b"\n") + 1, column)
        return None, [Problem.at(place, "not UTF-8 text", "Save the file as UTF-8.", syntax=True)]
    try:
        node = _Loader(text).get_single_node()
    except yaml.MarkedYAMLError as error:
        return None, [_syntax_problem(error, text, file)]
    except yaml.reader.ReaderError as error:
        before_text = text[: error.position]
        column = len(before_text) - (before_text.rfind("\n") + 1) + 1
        place = Place(file, before_text.count("\n") + 1, column)
        message = f"the character U+{ord(text[error.position]):04X} is not allowed"
        return None, [Problem.at(place, message, syntax=True)]
    if node is None:
        return None, [Problem.at(Place(file, 1, 1), "the file is empty")]
    builder = _Builder(file)
    data = builder.build(node, ())
    return Document(data, builder.values, builder.keys), builder.problems


class _Loader(yaml.BaseLoader):
    """Composes nodes; refuses what a suite does not need."""

    depth = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        event: Any = self.peek_event()  # type: ignore[no-untyped-call]
        refused = None
        if isinstance(event, yaml.AliasEvent) or event.anchor is not None:
            refused = "anchors (&) and aliases (*) are not allowed: write the value out"
        elif event.tag is not None:
            refused = f"the tag {event.tag} is not allowed: write a plain value"
        elif self.depth == MAX_DEPTH:
            refused = f"nested more than {MAX_DEPTH} levels deep"
        if refused is not None:
            raise yaml.MarkedYAMLError(problem=refused, problem_mark=event.start_mark)
        self.depth += 1
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node


class _Builder:
    def __init__(self, file: str) -> None:
        self.file = file
        self.values: dict[KeyPath, Place] = {}
        self.keys: dict[KeyPath, Place] = {}
        self.problems: list[Problem] = []

    def build(self, node: yaml.Node, path: KeyPath) -> Any:
        self.values[path] = self._place(node)
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self.build(item, (*path, i)) for i, item in enumerate(node.value)]
        assert isinstance(node, yaml.ScalarNode)
        return scalar(node.value) if node.style is None else self._text(node)

    def _mapping(self, node: yaml.MappingNode, path: KeyPath) -> dict[str, Any]:
        data: dict[str, Any] = {}
        for key_node, value_node in node.value:
            place = self._place(key_node)
            if not isinstance(key_node, yaml.ScalarNode):
                self.problems.append(Problem.at(place, "a key must be text"))
                continue
            key = self._text(key_node)
            if key in data:
                first = self.keys[(*path, key)].line
                message = f"duplicate key '{key}' (first on line {first})"
                self.problems.append(Problem.at(place, message))
                continue
            self.keys[(*path, key)] = place
            data[key] = self.build(value_node, (*path, key))
        return data

    def _text(self, node: yaml.ScalarNode) -> str:
        """Return text without NUL and surrogates: escapes can write them, no path can hold them."""
        text: str = node.value
        for character in _UNUSABLE.findall(text)[:1]:
            message = f"the character U+{ord(character):04X} is not allowed"
            self.problems.append(Problem.at(self._place(node), message))
        return _UNUSABLE.sub("", text)

    def _place(self, node: yaml.Node) -> Place:
        return Place(self.file, node.start_mark.line + 1, node.start_mark.column + 1)


def scalar(text: str) -> Any:
    """Return what unquoted ``text`` means: null, a boolean, a finite number, or itself."""
    if text in _NULL:
        return None
    if text in _BOOLEAN:
        return _BOOLEAN[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    if _FLOAT.fullmatch(text) and math.isfinite(float(text)):
        return float(text)
    return text


def _syntax_problem(error: yaml.MarkedYAMLError, text: str, file: str) -> Problem:
    mark = error.problem_mark or error.context_mark
    assert mark is not None
    lines = text.splitlines()
    line = lines[mark.line] if mark.line < len(lines) else ""
    indent = line[: len(line) - len(line.lstrip())]
    place = Place(file, mark.line + 1, mark.column + 1)
    if "\t" in indent or line[mark.column : mark.column + 1] == "\t":
        column = line.index("\t") + 1
        place = Place(file, mark.line + 1, column)
        return Problem.at(place, "found a tab", "Indent with spaces.", syntax=True)
    message = error.problem or "not YAML"
    if error.context:
        message += f" ({error.context}"
        start = error.context_mark
        message += f" from line {start.line + 1})" if start is not None else ")"
    hint = ""
    if "${" in line:
        hint = 'Inside { } and [ ], text with ${...} needs quotes: "${ASDBENCH_DATA}/folder".'
    return Problem.at(place, message, hint, syntax=True)
