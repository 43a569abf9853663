"""What each audio file holds: its digest, its length, or why it cannot be used.

Reading 18,000 files takes a minute, so results are remembered beside the store under the file's
path, size and modification time. This memory only saves time: it holds nothing that cannot be
computed again, and entries of files that changed are ignored.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from asdbench.api import Clip, no_progress
from asdbench.audio import AudioFormat, file_digest, read_audio
from asdbench.engine.store import Store, canonical_json, digest, write_atomically
from asdbench.errors import BadClipError
from asdbench.registry import code_digest


@dataclass(frozen=True)
class FileRecord:
    """The outcome of reading one file."""

    digest: str
    problem: str | None
    """Why the file cannot be used, or None."""


def take_inventory(
    clips: Sequence[Clip],
    audio_format: AudioFormat,
    store: Store,
    progress: Callable[[int, int, str], None] = no_progress,
) -> Mapping[str, FileRecord]:
    """Return the record of every clip by its id; clips that carry a digest are taken as good."""
    records = {c.id: FileRecord(c.digest, None) for c in clips if c.digest is not None}
    files = [c for c in clips if c.digest is None]
    if not files:
        return records
    memory_path = _memory_path(files, audio_format, store)
    memory = _load(memory_path)
    fresh: dict[str, dict[str, object]] = {}
    for done, clip in enumerate(files):
        stamp = _stamp(clip.path)
        known = memory.get(str(clip.path))
        if known is not None and known["stamp"] == stamp:
            record = FileRecord(known["digest"], known["problem"])
        else:
            record = _examine(clip, audio_format)
        fresh[str(clip.path)] = {"stamp": stamp, **asdict(record)}
        records[clip.id] = record
        progress(done + 1, len(files), "files")
    if fresh != memory:
        write_atomically(memory_path, canonical_json(fresh))
    return records


def read_inventory(
    clips: Sequence[Clip],
    audio_format: AudioFormat,
    store: Store,
    on_bad_clip: Literal["error", "skip"],
    progress: Callable[[int, int, str], None] = no_progress,
) -> tuple[Mapping[str, FileRecord], dict[str, str]]:
    """Return the record of every clip, and why bad clips are to be skipped; both by id.

    Raises
    ------
    BadClipError
        When there are bad clips and ``on_bad_clip`` is ``error``.
    """
    records = take_inventory(clips, audio_format, store, progress)
    bad = {c.id: p for c in clips if (p := records[c.id].problem) is not None}
    if bad and on_bad_clip == "error":
        shown = "\n".join(f"  {problem}" for problem in list(bad.values())[:20])
        raise BadClipError(
            f"{len(bad)} of {len(clips)} clips cannot be used:\n{shown}",
            "Mend or remove them, or set `on_bad_clip: skip` in the suite to go on without.",
        )
    return records, bad


def _examine(clip: Clip, audio_format: AudioFormat) -> FileRecord:
    try:
        read_audio(clip.path, audio_format)
    except BadClipError as error:
        # An unreadable file still has an identity, so that mending it changes the data digest.
        identity = file_digest(clip.path) if clip.path.is_file() else ""
        # The report lists problems, and names clips as the data set does, not as this machine.
        return FileRecord(identity, error.message.replace(str(clip.path), clip.id))
    return FileRecord(file_digest(clip.path), None)


def _memory_path(files: Sequence[Clip], audio_format: AudioFormat, store: Store) -> Path:
    rules = code_digest(AudioFormat)  # what counts as unusable
    name = digest([str(files[0].path), len(files), asdict(audio_format), rules])
    return store.root / "inventory" / f"{name[:32]}.json"


def _load(path: Path) -> dict[str, dict[str, str]]:
    try:
        memory: dict[str, dict[str, str]] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return memory


def _stamp(path: Path) -> str:
    try:
        status = path.stat()
    except OSError:
        return "missing"
    return f"{status.st_size}-{status.st_mtime_ns}"
