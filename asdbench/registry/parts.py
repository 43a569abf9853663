"""Detectors that a detector is made of."""

from __future__ import annotations

from pydantic import BaseModel

from asdbench.api import Part


def parts_of(params: BaseModel) -> dict[str, Part]:
    """Return the parts that parameters ask for, by the name of their field."""
    values = {name: getattr(params, name) for name in type(params).model_fields}
    return {name: value for name, value in values.items() if isinstance(value, Part)}
