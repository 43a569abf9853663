"""What a JSON Schema asks for, in plain words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Schema = Mapping[str, Any]
_BOUNDS = {"minimum": ">=", "exclusiveMinimum": ">", "maximum": "<=", "exclusiveMaximum": "<"}
_NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9_.-]*$"


def schema_at(root: Schema, path: tuple[str | int, ...]) -> Schema | None:
    """Return the part of the schema ``root`` that describes the value at ``path``.

    Where a key decides which of several mappings is meant, the step after the mapping's own may
    be that key's value (see :func:`tags_at`), as in the locations that pydantic gives.
    """
    here = root
    for step in path:
        tagged = _tags(root, here).get(str(step))
        if tagged is not None:
            here = {"$ref": tagged}
            continue
        children = [_child(variant, step) for variant in _variants(root, here)]
        found = next((child for child in children if child is not None), None)
        if found is None:
            return None
        here = found
    return here


def tags_at(root: Schema, path: tuple[str | int, ...]) -> list[str]:
    """Return the values of the key that decides which mapping is meant at ``path``; or none."""
    here = schema_at(root, path)
    return list(_tags(root, here)) if here is not None else []


def properties(root: Schema, path: tuple[str | int, ...]) -> list[str]:
    """Return the keys that the mapping at ``path`` may have."""
    here = schema_at(root, path)
    if here is None:
        return []
    return [name for variant in _variants(root, here) for name in variant.get("properties", ())]


def describe(root: Schema, part: Schema) -> str:
    """Return what ``part`` of ``root`` asks for, e.g. ``a whole number >= 1``."""
    words = [_describe_one(root, variant) for variant in _variants(root, part)]
    return " or ".join(dict.fromkeys(word for word in words if word)) or "nothing"


def _variants(root: Schema, part: Schema) -> list[Schema]:
    if "$ref" in part:
        return _variants(root, root["$defs"][part["$ref"].rpartition("/")[2]])
    for key in ("anyOf", "oneOf", "allOf"):
        if key in part:
            return [variant for inner in part[key] for variant in _variants(root, inner)]
    return [part]


def _tags(root: Schema, part: Schema) -> Mapping[str, str]:
    """Return where the mapping that each tag stands for is described."""
    while "$ref" in part:
        part = root["$defs"][part["$ref"].rpartition("/")[2]]
    mapping: Mapping[str, str] = part.get("discriminator", {}).get("mapping", {})
    return mapping


def _child(part: Schema, step: str | int) -> Schema | None:
    if isinstance(step, int):
        prefix = part.get("prefixItems", ())
        found = prefix[step] if step < len(prefix) else part.get("items")
    else:
        by_pattern = next(iter(part.get("patternProperties", {}).values()), None)
        other = by_pattern or part.get("additionalProperties")
        found = part.get("properties", {}).get(step, other)
    return found if isinstance(found, Mapping) else None


def _describe_one(root: Schema, part: Schema) -> str:
    if "const" in part:
        return _quoted(part["const"])
    if "enum" in part:
        return ("one of " if len(part["enum"]) > 1 else "") + ", ".join(map(_quoted, part["enum"]))
    match part.get("type"):
        case "integer" | "number" as kind:
            bounds = [f"{sign} {part[key]}" for key, sign in _BOUNDS.items() if key in part]
            noun = "a whole number" if kind == "integer" else "a number"
            return " ".join([noun, " and ".join(bounds)]).rstrip()
        case "string":
            return _describe_text(part)
        case "boolean":
            return "true or false"
        case "array":
            return _describe_list(root, part)
        case "object":
            return "a mapping (key: value)"
        case "null":
            return ""
        case _:
            return "a value"


def _describe_text(part: Schema) -> str:
    if part.get("pattern") == _NAME_PATTERN:
        return "a name of at most 64 letters, digits, '_', '.' and '-'"
    if "pattern" in part:
        return f"text that matches {part['pattern']}"
    return "a path" if "path" in part.get("format", "") else "text"


def _describe_list(root: Schema, part: Schema) -> str:
    if "prefixItems" in part:
        inner = ", ".join(describe(root, item) for item in part["prefixItems"])
        return f"a list [{inner}]"
    least = f" with at least {part['minItems']} item" if part.get("minItems") else ""
    items = part.get("items")
    return f"a list{least}" + (f", each {describe(root, items)}" if items else "")


def _quoted(value: Any) -> str:
    return f"'{value}'" if isinstance(value, str) else show(value)


def show(value: Any) -> str:
    """Return a value of a suite as a person would name it."""
    match value:
        case None:
            return "nothing"
        case bool():
            return "true" if value else "false"
        case str():
            return f"'{value}'" if len(value) <= 60 else f"'{value[:57]}...'"
        case list() | tuple():
            return "a list"
        case dict():
            return "a mapping"
        case _:
            return str(value)
