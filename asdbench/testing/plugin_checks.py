"""Checks of what every plug-in has: its info and its parameters."""

from __future__ import annotations

import json
import re
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from asdbench.api import DetectorInfo, GeneratorInfo, Label, Scope
from asdbench.registry import did_you_mean
from asdbench.testing.bench import fail_unless
from asdbench.testing.check import Check, CheckFailure, describe_error
from asdbench.testing.refused_params import allowed, why_refused

_ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_NEEDS = {"test_domain"}
_STRANGER = "no_such_parameter"


def plugin_checks(cls: type[Any], params: BaseModel) -> list[Check]:
    """Return the checks that need no fit."""
    return [
        Check(
            "info",
            "The class says what it is, in values that JSON can hold.",
            lambda: _check_info(cls, params),
        ),
        Check(
            "unknown-parameters",
            "A parameter that the plug-in does not have is refused.",
            lambda: _check_unknown(cls.info.params),
        ),
    ]


def _check_info(cls: type[Any], params: BaseModel) -> None:
    info: DetectorInfo | GeneratorInfo = cls.info
    remedy = "correct the class attribute 'info'."

    def need(holds: bool, seen: str, required: str) -> None:
        fail_unless(holds, seen, required, remedy)

    need(
        isinstance(info.id, str) and _ID.fullmatch(info.id) is not None,
        f"id {info.id!r}",
        "lower-case words joined by hyphens, e.g. 'dcase-ae'",
    )
    need(
        isinstance(info.version, str) and bool(info.version.strip()),
        f"version {info.version!r}",
        "a text that is not empty, e.g. '1': it is part of every cache key",
    )
    for name in ("description", "paper"):
        value = getattr(info, name)
        need(isinstance(value, str), f"{name} {value!r}", "a text")
    need(info.scope in get_args(Scope), f"scope {info.scope!r}", "machine, section or suite")
    if isinstance(info, DetectorInfo):
        need(set(info.needs) <= _NEEDS, f"needs {sorted(info.needs)}", f"some of {sorted(_NEEDS)}")
        strangers = sorted(set(info.score_params) - set(info.params.model_fields))
        near = "".join(did_you_mean(name, info.params.model_fields) for name in strangers[:1])
        need(
            not strangers,
            f"score_params names no such parameter: {', '.join(strangers)}.{near}",
            f"names of parameters: {allowed(info.params)}",
        )
        need(
            isinstance(info.transductive, bool), f"transductive {info.transductive!r}", "a boolean"
        )
    else:
        known = set(get_args(Label))
        need(
            bool(info.labels) and set(info.labels) <= known,
            f"labels {sorted(info.labels)}",
            f"one or more of {sorted(known)}",
        )
    _check_model(info.params, params)


def _check_model(model: type[BaseModel], params: BaseModel) -> None:
    """Check that parameters survive JSON, have a schema, and defaults that are valid."""
    remedy = "correct the parameters' model: fields of types that JSON can hold, valid defaults."
    try:
        json.dumps(model.model_json_schema())
    except Exception as error:
        raise CheckFailure(
            f"info.params has no JSON schema: {describe_error(error)}",
            "the command line and suites describe parameters by their JSON schema",
            remedy,
        ) from error
    _check_defaults(model, params)
    try:
        again = model.model_validate(json.loads(params.model_dump_json()))
    except Exception as error:
        raise CheckFailure(
            f"parameters do not survive JSON: {describe_error(error)}",
            "parameters are handed to other processes, and kept, as JSON",
            remedy,
        ) from error
    fail_unless(
        again.model_dump(mode="json") == params.model_dump(mode="json"),
        f"parameters {params!r} come back from JSON as {again!r}",
        "parameters are handed to other processes, and kept, as JSON",
        remedy,
    )


def _check_defaults(model: type[BaseModel], params: BaseModel) -> None:
    """Check the defaults, which pydantic does not validate itself."""
    required = any(field.is_required() for field in model.model_fields.values())
    for filled in [params] if required else [params, model()]:
        values = {name: getattr(filled, name) for name in model.model_fields}
        try:
            model.model_validate(values)
        except ValidationError as error:
            raise CheckFailure(
                why_refused(model, error, filled.model_fields_set),
                "defaults are valid parameters",
                "change the default, or what the field allows.",
            ) from error


def _check_unknown(model: type[BaseModel]) -> None:
    nested = [field.annotation for field in model.model_fields.values()]
    inner = [one for one in nested if isinstance(one, type) and issubclass(one, BaseModel)]
    for one in [model, *inner]:
        refused = False
        try:
            one.model_validate({_STRANGER: 1})
        except ValidationError as error:
            refused = any(
                found["loc"] == (_STRANGER,) and found["type"] == "extra_forbidden"
                for found in error.errors()
            )
        fail_unless(
            refused,
            f"{one.__name__} accepts the parameter '{_STRANGER}'",
            "a mistyped parameter in a suite must be an error, not silence",
            "derive the model from asdbench.api.Params, or set extra='forbid'.",
        )
