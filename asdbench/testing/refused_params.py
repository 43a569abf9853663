"""Why a plug-in's model refuses parameters, in words."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from pydantic import BaseModel, ValidationError

from asdbench.registry import did_you_mean


def why_refused(model: type[BaseModel], error: ValidationError, given: Collection[str]) -> str:
    """Return every mistake, separated by semicolons.

    Parameters
    ----------
    model
        What refused them.
    error
        How it did.
    given
        Names of the parameters that were given; others have their defaults.
    """
    return "; ".join(_mistake(model, details, given) for details in error.errors())


def missing(error: ValidationError) -> list[str]:
    """Return the required parameters that were not given."""
    return [str(d["loc"][0]) for d in error.errors() if d["type"] == "missing" and d["loc"]]


def _mistake(model: type[BaseModel], details: Any, given: Collection[str]) -> str:
    name = ".".join(map(str, details["loc"]))
    message = details["msg"][:1].lower() + details["msg"][1:]
    if details["type"] == "missing":
        return f"parameter '{name}' is required"
    if details["type"] == "extra_forbidden":
        near = did_you_mean(name, model.model_fields)
        return f"unknown parameter '{name}'.{near} Allowed: {allowed(model)}"
    if not name:
        return str(message)
    if details["loc"][0] not in given:
        return f"the default of '{name}', {details['input']!r}, breaks its own bound: {message}"
    return f"'{name}' is {details['input']!r}: {message}"


def allowed(model: type[BaseModel]) -> str:
    """Return the names of all parameters."""
    return ", ".join(sorted(model.model_fields)) or "none"
