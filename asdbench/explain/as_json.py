"""An explanation as JSON values."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from typing import Any

from pydantic import BaseModel

from asdbench.explain.model import Explanation


def as_json(found: Explanation) -> dict[str, Any]:
    """Return the fields of an explanation as JSON values; null is a value that is missing."""
    return {"cell": str(found.place), **_object(found)}


def _object(value: Any) -> dict[str, Any]:
    return {field.name: _value(getattr(value, field.name)) for field in fields(value)}


def _value(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if is_dataclass(value):
        return _object(value)
    if isinstance(value, dict):
        return {key: _value(inner) for key, inner in value.items()}
    if isinstance(value, tuple | list):
        return [_value(inner) for inner in value]
    return value
