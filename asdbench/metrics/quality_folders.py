"""The table of audio quality of two folders of recordings."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from asdbench.api import Audio, Context, Embedding
from asdbench.audio import AudioFormat, probe, read_audio
from asdbench.clips import ClipPool
from asdbench.datasets.recordings import Recording, list_recordings
from asdbench.datasets.tables import read_rows
from asdbench.errors import BadClipError, DataError
from asdbench.metrics.quality import quality_table
from asdbench.metrics.quality_rows import Group, Pool, QualityTable


def quality_of_folders(
    real: Path,
    generated: Path,
    embeddings: Mapping[str, Embedding],
    context: Context,
    train: Path | None = None,
) -> QualityTable:
    """Compare the recordings in two folders; see :func:`asdbench.metrics.quality.quality_table`.

    All clips are brought to the sample rate of the first real one. Of a training folder that
    knows training clips (a folder ``train``, or names that say so), these alone count; real clips
    that are training clips too are left out.

    Parameters
    ----------
    real, generated, train
        Folders, read at any depth; :mod:`asdbench.datasets.recordings` says what their paths tell.
    embeddings
        By the name that the rows shall carry.
    context
        Seed, device and progress.

    Raises
    ------
    DataError
        When a folder is missing or empty, a file is in both, or a recording cannot be used.
    MetricError
        When the folders have no machine and label in common.
    WeightsError
        When an embedding's weights are absent.
    """
    notes: list[str] = []
    real_clips, made_clips = list_recordings(real), list_recordings(generated)
    train_clips = _training(train)
    if both := _paths(real_clips) & _paths(made_clips):
        raise DataError(
            f"{len(both)} files are in {real} and in {generated}, e.g. {min(both)}",
            "Name two folders that do not contain each other.",
        )
    if known := _paths(real_clips) & _paths(train_clips):
        real_clips = [clip for clip in real_clips if clip.path not in known]
        notes.append(f"{len(known)} real clips are training clips: left out")
        if not real_clips:
            raise DataError(
                f"every recording in {real} is a training clip, so none is held out",
                f"Name a folder of real clips that the generator has not seen, not {train}.",
            )
    made_clips, note = _same_machine(made_clips, real_clips, generated, real)
    notes += note
    if train_clips:
        train_clips, note = _same_machine(train_clips, real_clips, train, real)
        notes += note
    rate = probe(real_clips[0].path).sample_rate
    sides = []
    for clips, folder, what in (
        (real_clips, real, "real"),
        (made_clips, generated, "generated"),
        (train_clips, train, "training"),
    ):
        notes += _other_formats(clips, rate, what)
        sides.append(_pools(clips, _captions(folder) if folder else {}, rate))
    if train_clips and not {p.machine for p in sides[2]} & {p.machine for p in sides[1]}:
        notes.append(f"no training clip is of a machine of the generated ones ({train})")
    table = quality_table(sides[0], sides[1], embeddings, context, sides[2])
    return replace(table, notes=(*notes, *table.notes))


def _training(folder: Path | None) -> list[Recording]:
    if folder is None:
        return []
    clips = list_recordings(folder)
    return [clip for clip in clips if clip.training] or clips


def _paths(clips: Sequence[Recording]) -> set[Path]:
    return {clip.path for clip in clips}


def _same_machine(
    clips: list[Recording], real: list[Recording], folder: Path | None, real_folder: Path
) -> tuple[list[Recording], list[str]]:
    """Return ``clips`` as those of the real machine, where either side has one of another name."""
    here, there = ({clip.condition.machine for clip in side} for side in (clips, real))
    if len(here) > 1 or len(there) > 1 or here == there:
        return clips, []
    (name,), (wanted,) = here, there
    renamed = [replace(c, condition=replace(c.condition, machine=wanted)) for c in clips]
    return renamed, [
        f"the machine of {folder} ('{name}') is taken for that of {real_folder} ('{wanted}')"
    ]


def _other_formats(clips: Sequence[Recording], rate: int, what: str) -> list[str]:
    """Return notes on files of another rate or of several channels."""
    rates: dict[int, int] = defaultdict(int)
    channels = 0
    for clip in clips:
        info = probe(clip.path)
        rates[info.sample_rate] += 1
        channels += info.channels > 1
    notes = [
        f"{number} {what} clips of {found} Hz are resampled to {rate} Hz"
        for found, number in sorted(rates.items())
        if found != rate
    ]
    if channels:
        notes.append(f"{channels} {what} clips have several channels: the first is taken")
    return notes


def _pools(clips: Sequence[Recording], captions: Mapping[str, str], rate: int) -> list[Pool]:
    members: dict[Group, list[Recording]] = defaultdict(list)
    for clip in clips:
        members[clip.condition.machine, clip.label].append(clip)
    return [_pool(group, chosen, captions, rate) for group, chosen in members.items()]


def _pool(group: Group, clips: Sequence[Recording], captions: Mapping[str, str], rate: int) -> Pool:
    audio_format = AudioFormat(rate, resample=True)

    def read(index: int) -> Audio:
        try:
            return read_audio(clips[index].path, audio_format)
        except BadClipError as error:
            raise BadClipError(error.message, "Mend it, or take it out of the folder.") from error

    told = [captions[clip.name] for clip in clips if clip.name in captions]
    return Pool(
        *group,
        ClipPool([clip.condition for clip in clips], rate, read),
        names=[clip.name for clip in clips],
        captions=told if len(told) == len(clips) else (),
    )


def _captions(folder: Path) -> dict[str, str]:
    """Return captions by file name from ``manifest.csv``: a column, or a note of that name."""
    file = folder / "manifest.csv"
    if not file.exists():
        return {}
    rows = read_rows(file)
    if not rows or "path" not in rows[0].cells:
        return {}
    found = {}
    for row in rows[1:]:
        values = dict(zip(rows[0].cells, row.cells, strict=False))
        caption = values.get("caption") or _noted(values.get("notes", ""))
        if caption:
            found[values["path"].replace("\\", "/")] = caption
    return found


def _noted(notes: str) -> str | None:
    try:
        value = json.loads(notes)
    except ValueError:
        return None
    return value.get("caption") if isinstance(value, dict) else None
