r"""Any recordings, listed in a CSV file with the columns ``path, machine, label``.

Optional columns: ``section`` (default ``00``), ``domain`` (source or target), ``split`` (train or
test), ``recording`` (clips cut from one recording share it), ``attributes`` (the operating
condition as ``name=value,name=value``, or ``-``). ``seed`` and ``notes``, which ``asdbench
generate`` writes, are not read. Every other column is an attribute of the operating condition; an
empty cell means that the clip has it not. Labels are ``normal`` or 0,
``anomaly``, ``abnormal`` or 1. Paths are relative to the root, with ``/`` or ``\`` between
folders; an absolute path must lie in the root.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar, TypeVar

from pydantic import Field

from asdbench.api import Clip, Condition, Dataset, DatasetInfo, Domain, Label, Params, Split
from asdbench.conditions import as_attributes, parse_attributes
from asdbench.datasets.hold_out import Candidate, held_out
from asdbench.datasets.tables import Row, problems_error, read_rows
from asdbench.errors import DataError
from asdbench.registry import did_you_mean

_REQUIRED = ("path", "machine", "label")
_NOT_READ = ("seed", "notes")
_KNOWN = (*_REQUIRED, "section", "domain", "split", "recording", "attributes", *_NOT_READ)
_LABELS: Mapping[str, Label] = {
    "normal": "normal",
    "0": "normal",
    "anomaly": "anomaly",
    "abnormal": "anomaly",
    "1": "anomaly",
}
_DOMAINS: Mapping[str, Domain] = {"source": "source", "target": "target"}
_SPLITS: Mapping[str, Split] = {"train": "train", "test": "test"}
_EXAMPLE = "path,machine,label\nfan/0001.wav,fan,normal\nfan/0002.wav,fan,anomaly"


class ManifestParams(Params):
    """Parameters of :class:`Manifest`."""

    file: Path
    """CSV file that lists the clips."""
    root: Path | None = None
    """Folder that the paths are relative to; by default the one that holds `file`."""
    hold_out: float = Field(0.5, gt=0, lt=1)
    """Share of the normal clips to test with, of each machine, section and domain; used only if
    there is no column `split`. All anomalies are for testing."""
    seed: int = Field(0, ge=0)
    """Which normal clips these are."""


class Manifest(Dataset):
    """Recordings of one's own.

    Without a column ``split``, recordings are held out whole; one that contains an anomaly is
    for testing altogether.
    """

    info: ClassVar[DatasetInfo] = DatasetInfo(
        id="manifest",
        version="1",
        params=ManifestParams,
        description="Any folder of recordings with a CSV file: path, machine, label.",
    )
    params: ManifestParams

    def clips(self) -> Sequence[Clip]:
        """Return every clip, sorted by id, the path relative to the root.

        Raises
        ------
        DataError
            Naming all mistakes in the file by line.
        """
        file = self.params.file.expanduser().absolute()
        root = Path(os.path.normpath((self.params.root or file.parent).expanduser().absolute()))
        if not file.is_file():
            raise DataError(
                f"no manifest {file}", "Point at it with `--set dataset.file=FILE`, or write one."
            )
        rows = read_rows(file)
        if not rows:
            raise DataError(f"{file} is empty", f"Write, for example:\n{_EXAMPLE}")
        header = rows[0].cells
        problems = _header_problems(rows[0])
        if problems:
            raise problems_error(f"manifest {file}:", problems, f"For example:\n{_EXAMPLE}")
        if len(rows) == 1:
            raise DataError(f"{file} lists no clips", f"Write, for example:\n{_EXAMPLE}")
        reader = _Reader(root, header, problems)
        clips = [clip for row in rows[1:] if (clip := reader.clip(row))]
        if problems:
            raise problems_error(
                f"manifest {file}:",
                problems,
                f"Paths are relative to {root}; labels: {', '.join(_LABELS)}.",
            )
        if "split" not in header:
            clips = self._split(clips)
        return sorted(clips, key=lambda clip: clip.id)

    def _split(self, clips: list[Clip]) -> list[Clip]:
        tested = held_out(
            [
                Candidate(
                    clip.id,
                    # A recording may not be mistaken for a clip without one.
                    f"clip {clip.id}" if clip.recording is None else f"of {clip.recording}",
                    (clip.machine, clip.section, clip.domain),
                    clip.label == "anomaly",
                )
                for clip in clips
            ],
            self.params.seed,
            lambda normals, anomalies: round(self.params.hold_out * normals),
        )
        return [clip if clip.id in tested else replace(clip, split="train") for clip in clips]


def _header_problems(row: Row) -> list[str]:
    header = row.cells
    problems = [
        f"{row.where}: no column '{name}'.{did_you_mean(name, header)}"
        for name in _REQUIRED
        if name not in header
    ]
    if "" in header:
        problems.append(f"{row.where}: column {header.index('') + 1} has no name")
    problems += [
        f"{row.where}: column '{name}' is given twice"
        for name in sorted(set(header) - {""})
        if header.count(name) > 1
    ]
    return problems


_T = TypeVar("_T")


@dataclass
class _Reader:
    """Turns rows into clips and collects what is wrong with them."""

    root: Path
    header: tuple[str, ...]
    problems: list[str]

    def __post_init__(self) -> None:
        self._lines: dict[str, int] = {}

    def clip(self, row: Row) -> Clip | None:
        """Return the clip of ``row`` (for testing, if no split is given), None if it is wrong."""
        before = len(self.problems)
        if len(row.cells) != len(self.header):
            self._problem(row, f"{len(row.cells)} cells, but {len(self.header)} columns")
            return None
        cells = dict(zip(self.header, row.cells, strict=True))
        clip_id = self._path(row, cells["path"])
        if not cells["machine"]:
            self._problem(row, "no machine")
        label = self._value(row, "label", cells["label"], _LABELS)
        domain = None
        if cells.get("domain"):
            domain = self._value(row, "domain", cells["domain"], _DOMAINS)
        split: Split | None = "test"
        if "split" in cells:
            split = self._value(row, "split", cells["split"], _SPLITS)
        if split == "train" and label == "anomaly":
            self._problem(row, "an anomaly in the split 'train': detectors learn from normals")
        attributes = {name: text for name, text in cells.items() if text and name not in _KNOWN}
        attributes |= self._attributes(row, cells.get("attributes") or "-")
        if len(self.problems) > before or clip_id is None or split is None:
            return None
        return Clip(
            id=clip_id,
            path=self.root / clip_id,
            condition=Condition(
                cells["machine"], cells.get("section") or "00", domain, as_attributes(attributes)
            ),
            split=split,
            label=label,
            recording=cells.get("recording") or None,
        )

    def _path(self, row: Row, text: str) -> str | None:
        """Return ``text`` relative to the root, after checking that it names a file there."""
        if not text:
            self._problem(row, "no path")
            return None
        path = os.path.normpath(self.root / text.replace("\\", "/"))
        if not Path(path).is_relative_to(self.root):
            self._problem(row, f"'{text}' lies outside {self.root}")
            return None
        clip_id = Path(path).relative_to(self.root).as_posix()
        if clip_id in self._lines:
            self._problem(row, f"'{text}' is listed in line {self._lines[clip_id]} already")
            return None
        self._lines[clip_id] = row.line
        if not os.path.isfile(path):
            self._problem(row, f"no file '{text}' in {self.root}")
            return None
        return clip_id

    def _attributes(self, row: Row, text: str) -> Mapping[str, str]:
        try:
            return dict(parse_attributes(text))
        except DataError as error:
            self._problem(row, error.message)
            return {}

    def _value(self, row: Row, what: str, text: str, known: Mapping[str, _T]) -> _T | None:
        if text.lower() not in known:
            self._problem(row, f"unknown {what} '{text}', use {', '.join(known)}")
        return known.get(text.lower())

    def _problem(self, row: Row, text: str) -> None:
        self.problems.append(f"{row.where}: {text}")
