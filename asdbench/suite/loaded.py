"""A suite that has passed all its checks."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from asdbench.api import Params
from asdbench.registry import Use
from asdbench.suite.locations import content_digest, stated_values
from asdbench.suite.model import Suite
from asdbench.suite.reference import Reference
from asdbench.suite.yaml_source import KeyPath


@dataclass(frozen=True)
class LoadedPlugin:
    """A plug-in of a suite, imported, with its parameters."""

    id: str
    """Its name in the suite."""
    cls: type[Any]
    params: Params
    """Validated; paths are absolute."""
    use: Use
    """The same for another process."""
    stated: dict[str, Any]
    """The parameters as JSON values, paths as the suite's file has them."""
    origin: str
    """Where the code comes from."""
    builtin: bool
    """Whether the code is part of asdbench."""
    parts: Mapping[str, LoadedPlugin] = field(default_factory=dict)
    """The detectors that its parameters ask for, by field."""

    @cached_property
    def identity(self) -> dict[str, Any]:
        """The parameters as JSON values for cache keys: of files, the content, not the place.

        Without parts, which have an identity of their own.
        """

        def state(_: KeyPath, path: Path) -> str:
            return content_digest(path) or "absent"

        found = stated_values(self.params, (), state)
        assert isinstance(found, dict)
        return {name: value for name, value in found.items() if name not in self.parts}


@dataclass(frozen=True)
class LoadedSuite:
    """A suite with its plug-ins, ready to be planned."""

    suite: Suite
    """After ``--set`` and ``--only``, all defaults filled in, locations as the file has them."""
    source: Path
    """The file, absolute."""
    name_for_people: str
    """The file as the user typed it."""
    text: str
    """Its content."""
    overrides: tuple[str, ...]
    """``--set`` and ``--only`` as typed; may hold paths of this machine."""
    portable_overrides: tuple[str, ...]
    """Those of them that do not merely say where something lies."""
    plugin_files: tuple[Path, ...]
    """Files that the suite's ``plugins`` names, absolute."""
    dataset: LoadedPlugin
    detectors: tuple[LoadedPlugin, ...]
    generators: tuple[LoadedPlugin, ...]
    references: Mapping[str, Reference] = field(default_factory=dict)
    """Published numbers, by what the suite calls them."""

    @property
    def folder(self) -> Path:
        """What paths in the suite are relative to."""
        return self.source.parent

    @property
    def digest(self) -> str:
        """SHA-256 of what the suite asks for; neither formatting nor locations change it."""
        resolved = self.suite.model_dump(mode="json", by_alias=True)
        canonical = json.dumps(resolved, sort_keys=True, separators=(",", ":"), allow_nan=False)
        return hashlib.sha256(canonical.encode()).hexdigest()
