"""``${NAME}`` and ``${NAME:-default}`` in the texts of a suite's ``dataset``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from asdbench.suite.problem import Problem
from asdbench.suite.yaml_source import Document, KeyPath

_VARIABLE = re.compile(r"\$\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)(:-(?P<default>[^}]*))?\}")


def expand(
    document: Document, path: KeyPath, value: Any, environment: Mapping[str, str]
) -> tuple[Any, list[Problem]]:
    """Return ``value``, found at ``path``, with variables replaced, and what is not set."""
    problems: list[Problem] = []

    def walk(value: Any, path: KeyPath) -> Any:
        if isinstance(value, dict):
            return {key: walk(item, (*path, key)) for key, item in value.items()}
        if isinstance(value, list):
            return [walk(item, (*path, i)) for i, item in enumerate(value)]
        if not isinstance(value, str) or "${" not in value:
            return value
        if "${" in _VARIABLE.sub("", value):
            hint = "Write ${NAME} or ${NAME:-default}."
            problems.append(Problem.at(document.place(path), f"'{value}' is not a variable", hint))
            return value
        unset = [
            match["name"]
            for match in _VARIABLE.finditer(value)
            if not environment.get(match["name"]) and match["default"] is None
        ]
        problems.extend(_unset(document, path, value, name) for name in dict.fromkeys(unset))
        return _VARIABLE.sub(lambda m: environment.get(m["name"]) or m["default"] or m[0], value)

    return walk(value, path), problems


def _unset(document: Document, path: KeyPath, value: str, name: str) -> Problem:
    dotted = ".".join(str(part) for part in path)
    where = "the folder that holds your data sets" if name == "ASDBENCH_DATA" else "its value"
    example = "/path/to/data" if name == "ASDBENCH_DATA" else "VALUE"
    return Problem.at(
        document.place(path),
        f"the environment variable {name} is not set (in '{value}')",
        f"Set it to {where}: export {name}={example}; or give the value itself: --set {dotted}=...",
    )
