"""Recordings in a folder, whatever its layout: what their paths say of machine and label.

For comparing folders, not for benchmarks: nothing is refused that is WAV or FLAC. From the path
come

- the machine: the folder above ``train``, ``test``, ``source_test`` or ``target_test`` (DCASE),
  above ``id_NN`` (MIMII), or above ``normal``, ``abnormal`` or ``anomaly``; else what stands
  before ``section_NN`` or ``id_NN`` in the file's name; else the first folder below the root;
  else the root's own name;
- the label: from the name, by the grammar of DCASE data; else from a folder ``normal``,
  ``abnormal``, ``anomaly`` or (training clips) ``train``; else from such a word in the name.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from asdbench.api import Condition, Label
from asdbench.datasets.names import ParsedName, parse_name
from asdbench.errors import DataError

SUFFIXES = (".wav", ".flac")
_SPLITS = frozenset({"train", "test", "source_test", "target_test"})
_LABELS: dict[str, Label] = {
    "normal": "normal",
    "abnormal": "anomaly",
    "anomaly": "anomaly",
    "anomalous": "anomaly",
}
_ID = re.compile(r"id_\d{2}", re.ASCII)
_SNR = re.compile(r"-?\d+_dB(?:_(.+))?", re.ASCII)
_PREFIX = re.compile(
    r"(?P<machine>.+?)_(?P<rest>(?:section_\d{2}_|(?:(?:normal|anomaly)_)?id_\d{2}_).*)",
    re.ASCII | re.DOTALL,
)


@dataclass(frozen=True)
class Recording:
    """An audio file and what its path says."""

    path: Path
    name: str
    """Relative to the folder that was listed, with ``/``."""
    condition: Condition
    label: Label | None
    training: bool
    """Whether it lies in a folder ``train``, or its name says so."""


def list_recordings(folder: Path) -> list[Recording]:
    """Return every WAV and FLAC file in ``folder`` and below, sorted by name.

    Hidden files and folders are left out.

    Raises
    ------
    DataError
        When there is no such folder, or it holds no recording.
    """
    if not folder.is_dir():
        raise DataError(f"{folder} is not a folder", "Name a folder of WAV or FLAC files.")
    root = folder.resolve()
    found = []
    for place, folders, files in os.walk(root):
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += [
            _recording(root, Path(place, name))
            for name in files
            if name.lower().endswith(SUFFIXES) and not name.startswith(".")
        ]
    if not found:
        raise DataError(
            f"{folder} holds no recordings", "Only .wav and .flac files, at any depth, are read."
        )
    return sorted(found, key=lambda recording: recording.name)


def _recording(root: Path, path: Path) -> Recording:
    stem = path.name[: -len(path.suffix)]
    prefixed = _PREFIX.fullmatch(stem)
    said = parse_name(prefixed["rest"] if prefixed else stem)
    machine = _machine(path) or (prefixed["machine"] if prefixed else None)
    if machine is None:
        inside = path.relative_to(root).parts
        machine = inside[0] if len(inside) > 1 else root.name
    training = path.parent.name == "train" or (said is not None and said.split == "train")
    section = said.section if said else _section(path)
    condition = Condition(
        machine, section, said.domain if said else None, said.attributes if said else ()
    )
    name = path.relative_to(root).as_posix()
    return Recording(path, name, condition, _label(path, stem, said, training), training)


def _machine(path: Path) -> str | None:
    """Return the machine that the folders name; those above the listed one count too."""
    folder = path.parent
    if folder.name in _LABELS:
        folder = folder.parent
        if _ID.fullmatch(folder.name):
            folder = folder.parent
    elif folder.name in _SPLITS or _ID.fullmatch(folder.name):
        folder = folder.parent
    else:
        return None
    while mixed := _SNR.fullmatch(folder.name):
        if mixed[1]:
            return mixed[1]
        folder = folder.parent
    return folder.name or None


def _section(path: Path) -> str:
    named = [part for part in path.parts[:-1] if _ID.fullmatch(part)]
    return named[-1].removeprefix("id_") if named else "00"


def _label(path: Path, stem: str, said: ParsedName | None, training: bool) -> Label | None:
    if said is not None and said.label is not None:
        return said.label
    if path.parent.name in _LABELS:
        return _LABELS[path.parent.name]
    words = {_LABELS[word] for word in re.split(r"[^a-z]+", stem.lower()) if word in _LABELS}
    if len(words) == 1:
        return words.pop()
    return "normal" if training else None
