"""Checks of a suite that need its plug-ins, and what they find on the way."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from asdbench.api import EmbeddingPart
from asdbench.errors import AsdbenchError, PluginError
from asdbench.registry import Kind, PluginSpec, Use, did_you_mean, inspect_file, parts_of
from asdbench.suite.axes import split_problems
from asdbench.suite.environment import expand
from asdbench.suite.grids import grid_problems
from asdbench.suite.loaded import LoadedPlugin
from asdbench.suite.locations import resolve_locations, stated_values
from asdbench.suite.model import DatasetModel
from asdbench.suite.overrides import Override
from asdbench.suite.problem import Place, Problem
from asdbench.suite.validate import validate
from asdbench.suite.yaml_source import Document, KeyPath


@dataclass
class Checker:
    """Goes through the plug-ins of a suite and collects mistakes.

    Works on plain data, so that it finds what it can in a suite with other mistakes.
    """

    document: Document
    """After overrides."""
    written: Document
    """As the file has it."""
    overrides: Sequence[Override]
    folder: Path
    problems: list[Problem] = field(default_factory=list)
    files: list[Path] = field(default_factory=list)
    locations: set[KeyPath] = field(default_factory=set)
    data_needed: bool = True
    """Whether variables that say where the data lies must be set."""

    def plugin_files(self) -> None:
        """Import the files that ``plugins`` names."""
        for path, name in self._items("plugins"):
            if not isinstance(name, str):
                continue
            file = (self.folder / Path(name).expanduser()).resolve()
            if not file.is_file():
                beside = [p.name for p in file.parent.glob("*.py")]
                message = f"no plug-in file '{name}'.{did_you_mean(file.name, beside)}"
                hint = "Paths are relative to the folder of the suite."
                self.problems.append(Problem.at(self.document.place(path), message, hint))
                continue
            try:
                inspect_file(file, self.files)
            except PluginError as error:
                self._report(path, error)
            else:
                self.files.append(file)

    def dataset(self) -> LoadedPlugin | None:
        """Load the data set plug-in and its parameters."""
        data = self._get(("dataset",))
        if not isinstance(data, dict) or not isinstance(data.get("use"), str):
            return None
        expanded, unset = expand(self.document, ("dataset",), data, os.environ)
        self.problems += unset if self.data_needed else []
        values = {key: value for key, value in expanded.items() if key != "use"}
        return self._plugin("datasets", "dataset", data["use"], ("dataset",), ("dataset",), values)

    def entries(self, kind: Kind) -> list[LoadedPlugin]:
        """Load the plug-ins of ``detectors`` or ``generators``."""
        found = []
        first: dict[str, Place] = {}
        for path, item in self._items(kind):
            if not isinstance(item, dict):
                continue
            name, use, params = item.get("id"), item.get("use"), item.get("params", {})
            if isinstance(name, str):
                place = self.document.place((*path, "id"))
                if name in first:
                    message = f"duplicate id '{name}' (first on line {first[name].line})"
                    self.problems.append(Problem.at(place, message, "Give each its own id."))
                first.setdefault(name, place)
            if isinstance(use, str) and isinstance(params, dict):
                inner = (*path, "params")
                plugin = self._plugin(kind, str(name), use, (*path, "use"), inner, params)
                found += [plugin] if plugin else []
        return found

    def grids(self, generators: Sequence[LoadedPlugin]) -> None:
        """Check the split, and that every grid asks a known generator for what it can make."""
        self.problems += split_problems(self.document)
        grids = self._get(("grids",))
        ids = [item.get("id") for _, item in self._items("generators") if isinstance(item, dict)]
        known = list(dict.fromkeys(name for name in ids if isinstance(name, str)))
        loaded = {plugin.id: plugin for plugin in generators}
        if isinstance(grids, dict):
            self.problems += grid_problems(self.document, grids, known, loaded)

    def _plugin(
        self,
        kind: Kind,
        name: str,
        use: str,
        use_path: KeyPath,
        prefix: KeyPath,
        values: dict[str, Any],
    ) -> LoadedPlugin | None:
        spec = PluginSpec.of(kind, use, self.folder, self.files)
        try:
            ref = spec.find()
            cls = ref.load()
        except PluginError as error:
            self._report((*use_path, "use") if kind == "datasets" else use_path, error)
            return None
        more: set[str] = set()
        if kind == "datasets":  # machines and sections are the suite's; a plug-in may want them too
            more = set(DatasetModel.model_fields) - set(cls.info.params.model_fields)
            unset = {key for key in DatasetModel.model_fields if values.get(key) is None}
            values = {key: value for key, value in values.items() if key not in more | unset}
        try:
            params, mistakes = validate(cls.info.params, values, self.document, prefix, use, more)
        except Exception as error:  # a validator of the plug-in's own is at fault
            message = f"'{use}' cannot check its parameters: {type(error).__name__}: {error}"
            self.problems.append(Problem.at(self.document.place(prefix), message, ref.origin))
            return None
        self.problems += mistakes
        if params is None:
            return None
        resolved = resolve_locations(params, prefix, self._resolve)
        stated = stated_values(params, prefix, self._state)
        plain = Use(spec, resolved.model_dump(mode="json"))
        parts = self._parts(name, params, prefix)
        stated |= {key: {**stated[key], "params": part.stated} for key, part in parts.items()}
        return LoadedPlugin(name, cls, resolved, plain, stated, ref.origin, ref.builtin, parts)

    def _parts(self, owner: str, params: BaseModel, prefix: KeyPath) -> dict[str, LoadedPlugin]:
        """Load the detectors that the parameters of another one ask for."""
        found = {}
        for name, part in parts_of(params).items():
            path, title = (*prefix, name), f"{owner}.{name}"
            plugin = self._plugin(
                "detectors", title, part.use, (*path, "use"), (*path, "params"), dict(part.params)
            )
            if plugin and isinstance(part, EmbeddingPart) and not hasattr(plugin.cls, "embed"):
                message = f"'{part.use}' has no embedding, which '{name}' is asked for"
                hint = "Name a detector that has embed(), e.g. serial-oe or mobilenet-v2."
                self.problems.append(Problem.at(self.document.place((*path, "use")), message, hint))
                continue
            found.update({name: plugin} if plugin else {})
        return found

    def _resolve(self, path: KeyPath, value: Path) -> Path:
        """Make a path absolute: from the command line or a variable, it is the caller's."""
        self.locations.add(path)
        raw = self._get(path)
        callers = self._overridden(path) or (isinstance(raw, str) and "${" in raw)
        return ((Path() if callers else self.folder) / value.expanduser()).resolve()

    def _state(self, path: KeyPath, value: Path) -> str:
        """Return a path as the file has it, without variables and overrides."""
        raw = _lookup(self.written.data, path)
        if isinstance(raw, str):
            return raw
        return "(command line)" if self._overridden(path) else value.as_posix()

    def _overridden(self, path: KeyPath) -> bool:
        return any(path[: len(override.path)] == override.path for override in self.overrides)

    def _report(self, path: KeyPath, error: AsdbenchError) -> None:
        place = self.document.place(path)
        self.problems.append(Problem.at(place, error.message, error.hint or ""))

    def _get(self, path: KeyPath) -> Any:
        return _lookup(self.document.data, path)

    def _items(self, key: str) -> list[tuple[KeyPath, Any]]:
        items = self._get((key,))
        return [((key, i), v) for i, v in enumerate(items)] if isinstance(items, list) else []


def _lookup(data: Any, path: KeyPath) -> Any:
    for step in path:
        try:
            data = data[step]
        except (KeyError, IndexError, TypeError):
            return None
    return data
