"""What a plug-in says of itself, for people and for ``--json``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel

from asdbench.errors import PluginError
from asdbench.registry.discovery import find, plugins
from asdbench.registry.expect import describe, properties, schema_at, show
from asdbench.registry.names import did_you_mean
from asdbench.registry.ref import KINDS, PluginRef


@dataclass(frozen=True)
class ParameterDescription:
    """One parameter of a plug-in."""

    name: str
    type: str
    """What it accepts, in words."""
    default: str | None
    """None where it must be given."""
    description: str


@dataclass(frozen=True)
class PluginDescription:
    """A plug-in that could be imported."""

    kind: str
    id: str
    version: str
    origin: str
    description: str
    paper: str
    parameters: tuple[ParameterDescription, ...]


def describe_plugin(ref: PluginRef) -> PluginDescription:
    """Import a plug-in and describe it.

    Raises
    ------
    PluginError
        As :meth:`PluginRef.load`.
    """
    info = ref.load().info
    summary = info.description or (info.params.__doc__ or "").partition("\n")[0]
    parameters = describe_parameters(info.params)
    return PluginDescription(
        ref.kind, info.id, info.version, ref.origin, summary, info.paper, parameters
    )


def describe_parameters(model: type[BaseModel]) -> tuple[ParameterDescription, ...]:
    """Describe every field of a parameter model, in the order of its definition."""
    schema = model.model_json_schema()
    found = []
    for name in properties(schema, ()):
        part = schema_at(schema, (name,)) or {}
        required = name in schema.get("required", ())
        default = None if required else _default(part.get("default"))
        text = " ".join(str(part.get("description", "")).split())
        found.append(ParameterDescription(name, describe(schema, part), default, text))
    return tuple(found)


def _default(value: object) -> str:
    if isinstance(value, list):
        return f"[{', '.join(_default(item) for item in value)}]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{k}: {_default(v)}" for k, v in value.items()) + "}"
    return value if isinstance(value, str) and value else "none" if value is None else show(value)


def find_anywhere(name: str, base_folder: Path | None = None) -> list[PluginRef]:
    """Return the plug-ins of any kind that ``name`` (or ``./file.py:Class``) names.

    Raises
    ------
    PluginError
        When there is none, with the nearest name; or when two of a kind claim the name.
    """
    known = {kind: {ref.id for ref in plugins(kind)} for kind in KINDS}
    matches = [find(kind, name, base_folder) for kind in KINDS if name in known[kind]]
    if matches:
        return matches
    if ".py" in name:
        return [_class_of_any_kind(name, base_folder)]
    names = sorted(set().union(*known.values()))
    raise PluginError(
        f"unknown plug-in '{name}'.{did_you_mean(name, names)}",
        f"Allowed: {', '.join(names)}. Run 'asdbench plugins list'.",
    )


def _class_of_any_kind(use: str, base_folder: Path | None) -> PluginRef:
    refs = [find(kind, use, base_folder) for kind in KINDS]
    for ref in refs:
        try:
            ref.load()
        except PluginError:
            continue  # of another kind, or broken; loading the first says which
        return ref
    return refs[0]


def clashes(refs: Sequence[PluginRef]) -> list[str]:
    """Return a message for every id that two plug-ins of one kind claim."""
    messages = []
    for ref in {(ref.kind, ref.id): ref for ref in refs}.values():
        try:
            find(ref.kind, ref.id)
        except PluginError as error:
            messages.append(error.message)
    return messages
