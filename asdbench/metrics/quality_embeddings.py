"""Embeddings by name, with parameters as text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import yaml
from pydantic import ValidationError

from asdbench.api import Embedding
from asdbench.errors import PluginError
from asdbench.registry import describe_plugin, did_you_mean, find

DEFAULT = "logmel-stats"
"""The embedding that always works."""


def make_embeddings(uses: Sequence[str], settings: Sequence[str] = ()) -> dict[str, Embedding]:
    """Return the embeddings that ``uses`` names, by that name.

    Parameters
    ----------
    uses
        Plug-ins (``asdbench plugins list``) or ``./file.py:Class``.
    settings
        ``KEY=VALUE`` where there is one embedding, else ``NAME.KEY=VALUE``; the value is YAML.

    Raises
    ------
    PluginError
        When a name is unknown or given twice, or a setting is malformed, of another embedding,
        or refused by it.
    """
    if len(set(uses)) < len(uses):
        raise PluginError(
            f"embedding '{next(use for use in uses if uses.count(use) > 1)}' is named twice"
        )
    refs = {use: find("embeddings", use) for use in uses}
    values: dict[str, dict[str, Any]] = {use: {} for use in uses}
    for setting in settings:
        key, equals, text = setting.partition("=")
        use = next((use for use in uses if key.startswith(f"{use}.")), None)
        if use is None and len(uses) == 1:
            use, key = uses[0], f"{uses[0]}.{key}"
        if use is None or not equals or key == f"{use}.":
            raise PluginError(
                f"'{setting}' sets no parameter of {', '.join(uses)}",
                "Write KEY=VALUE, or NAME.KEY=VALUE where there are several embeddings.",
            )
        try:
            values[use][key.removeprefix(f"{use}.")] = yaml.safe_load(text)
        except yaml.YAMLError as error:
            raise PluginError(
                f"'{setting}': the value is no YAML", 'Quote it: KEY="..."'
            ) from error
    made: dict[str, Embedding] = {}
    for use, ref in refs.items():
        cls = ref.load()
        try:
            made[use] = cls(cls.info.params.model_validate(values[use]))
        except ValidationError as error:
            first = error.errors()[0]
            key = ".".join(str(part) for part in first["loc"])
            allowed = [parameter.name for parameter in describe_plugin(ref).parameters]
            guess = did_you_mean(key, allowed) if key not in allowed else ""
            raise PluginError(
                f"embedding '{use}', parameter '{key}': {first['msg']}.{guess}",
                f"Allowed: {', '.join(allowed) or 'it has no parameters'}. "
                f"Run 'asdbench plugins show {use}'.",
            ) from error
    return made
