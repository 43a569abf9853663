"""Where the clips of a data set come from: files, or parts that the data set builds itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from asdbench.api import Clip, Dataset
from asdbench.audio import AudioFormat
from asdbench.engine.inventory import FileRecord
from asdbench.engine.store import Store, digest, entry_key
from asdbench.engine.tasks import BuildDataset, ClipRef, Entry
from asdbench.registry import code_digest
from asdbench.suite import LoadedPlugin


class Sources:
    """Knows the parts to build for some clips, and turns clips into what tasks read."""

    def __init__(
        self,
        plugin: LoadedPlugin,
        store: Store,
        audio: AudioFormat,
        records: Mapping[str, FileRecord],
    ) -> None:
        self._plugin = plugin
        self._store = store
        self._audio = audio
        self._records = records
        self._parts: dict[str, Entry] = {}
        self._refs: dict[str, ClipRef] = {}

    def tasks(self, clips: Sequence[Clip]) -> list[BuildDataset]:
        """Return what builds the parts that ``clips`` lie in; call it before the other methods."""
        dataset: Dataset = self._plugin.cls(self._plugin.params)
        needed = {c.part for c in clips}
        tasks = []
        for part in dataset.parts():
            if part not in needed:
                continue
            inputs = {**identity(self._plugin), "part": dict(dataset.part_key(part))}
            entry = self._parts[part] = Entry("dataset", entry_key("dataset", inputs))
            use, title = self._plugin.use, f"simulate {part}"
            tasks.append(BuildDataset(entry, title, (), self._audio, use, part, 0))
        return tasks

    def ref(self, clip: Clip) -> ClipRef:
        """Return the clip as tasks read it."""
        if clip.id not in self._refs:
            path = clip.path
            if clip.part is not None:
                part = self._parts[clip.part]
                path = self._store.path(part.kind, part.key) / clip.path
            self._refs[clip.id] = ClipRef(self.digest(clip), clip.condition, clip.label, path)
        return self._refs[clip.id]

    def digest(self, clip: Clip) -> str:
        """Return what identifies a clip's audio in keys.

        For a clip that the data set makes, that includes the code that makes it.
        """
        if clip.part is None:
            return self._records[clip.id].digest
        return digest([self._parts[clip.part].key, clip.id])

    def needs(self, clips: Iterable[Clip]) -> tuple[Entry, ...]:
        """Return the parts that ``clips`` lie in."""
        return tuple(dict.fromkeys(self._parts[c.part] for c in clips if c.part is not None))


def identity(plugin: LoadedPlugin, without: frozenset[str] = frozenset()) -> dict[str, Any]:
    """Return what identifies a plug-in's code and parameters, and those of its parts, in a key."""
    info = plugin.cls.info
    found: dict[str, Any] = {
        "plugin": info.id,
        "version": info.version,
        "code": code_digest(plugin.cls),
        "params": {k: v for k, v in plugin.identity.items() if k not in without},
    }
    if plugin.parts:
        found["parts"] = {name: identity(part) for name, part in plugin.parts.items()}
    return found
