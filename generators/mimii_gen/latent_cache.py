"""Latents of all training clips, encoded once and kept on disk as float16."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from asdbench.api import Audio, Condition, Label, LabelledClipSet
from asdbench.errors import DataError

from .codec import DIMENSIONS, Codec
from .encodec_codec import to_codec_rate

_FORMAT = "asdbench/latents@1"
_BATCH = 8
_LARGEST = 65504.0  # of float16


@dataclass(frozen=True)
class LatentSet:
    """Latents of clips, with what they were labelled.

    Parameters
    ----------
    values
        float16 (clips, 128, frames of the longest), memory-mapped; rows of shorter clips end in
        zeros.
    lengths
        Frames of each clip.
    digests
        SHA-256 of each clip's samples as little-endian float32.
    levels_db
        RMS level of each clip, dB of full scale.
    """

    values: NDArray[np.float16]
    lengths: NDArray[np.int64]
    conditions: Sequence[Condition]
    labels: Sequence[Label]
    digests: Sequence[str]
    levels_db: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.lengths)

    def clip(self, index: int) -> torch.Tensor:
        """Return the latents of one clip, float32 (128, frames)."""
        values = self.values[index, :, : self.lengths[index]]
        return torch.from_numpy(values.astype(np.float32))

    def take(self, indices: Sequence[int]) -> LatentSet:
        """Return the clips at ``indices``."""
        return LatentSet(
            self.values[list(indices)],
            self.lengths[list(indices)],
            tuple(self.conditions[i] for i in indices),
            tuple(self.labels[i] for i in indices),
            tuple(self.digests[i] for i in indices),
            self.levels_db[list(indices)],
        )


def encode_clips(
    clips: LabelledClipSet,
    codec: Codec,
    folder: Path,
    progress: Callable[[int, int, str], None],
    what: str,
) -> LatentSet:
    """Return the latents of ``clips``; ``folder`` keeps them for the next call with the same clips.

    An interrupted call is continued at the clip where it stopped.

    Raises
    ------
    DataError
        When there are no clips.
    """
    if len(clips) == 0:
        raise DataError(f"there is no {what} clip to encode", "Check the split and the filters.")
    folder.mkdir(parents=True, exist_ok=True)
    facts = {"format": _FORMAT, "codec": dict(codec.identity()), "clips": len(clips)}
    rows = _read_rows(folder / "clips.json", facts)
    if not rows:  # another codec's, whose latents are about to be overwritten
        (folder / "clips.json").unlink(missing_ok=True)
    for start in range(len(rows), len(clips), _BATCH):
        indices = range(start, min(start + _BATCH, len(clips)))
        audio = [clips.audio(i) for i in indices]
        latents = _encode(codec, audio, clips.sample_rate)
        with (folder / "latents.bin").open("r+b" if rows else "wb") as file:
            file.seek(sum(2 * DIMENSIONS * int(row["frames"]) for row in rows))
            for latent, wave in zip(latents, audio, strict=True):
                file.write(latent.tobytes())
                rows.append(_row(latent, wave))
        last = start + _BATCH >= len(clips)
        if last or (start // _BATCH) % 25 == 24:
            _write_rows(folder / "clips.json", facts, rows)
        progress(len(rows), len(clips), f"{what} clip encoded")
    return LatentSet(
        _padded(folder, rows),
        np.array([row["frames"] for row in rows], dtype=np.int64),
        tuple(clips.conditions),
        tuple(clips.labels),
        tuple(str(row["sha256"]) for row in rows),
        np.array([row["level_db"] for row in rows]),
    )


def _encode(codec: Codec, audio: Sequence[Audio], rate: int) -> list[NDArray[np.float16]]:
    """Encode clips, those of equal length together."""
    waves = [to_codec_rate(wave, rate, codec.sample_rate) for wave in audio]
    if len({len(wave) for wave in waves}) == 1:
        batches = [np.stack(waves)]
    else:
        batches = [wave[None] for wave in waves]
    latents = (
        torch.cat([codec.encode(torch.from_numpy(b)).cpu() for b in batches])
        if (len(batches) == 1)
        else [codec.encode(torch.from_numpy(b))[0].cpu() for b in batches]
    )
    return [latent.clamp(-_LARGEST, _LARGEST).numpy().astype(np.float16) for latent in latents]


def _row(latent: NDArray[np.float16], wave: Audio) -> dict[str, Any]:
    power = float(np.mean(np.square(wave, dtype=np.float64)))
    return {
        "frames": latent.shape[1],
        "sha256": hashlib.sha256(wave.astype("<f4").tobytes()).hexdigest(),
        "level_db": round(10 * float(np.log10(max(power, 1e-20))), 4),
    }


def _padded(folder: Path, rows: Sequence[Mapping[str, Any]]) -> NDArray[np.float16]:
    flat: NDArray[np.float16] = np.memmap(folder / "latents.bin", np.float16, "r")
    frames = {int(row["frames"]) for row in rows}
    if len(frames) == 1:
        return flat.reshape(len(rows), DIMENSIONS, frames.pop())
    values = np.zeros((len(rows), DIMENSIONS, max(frames)), np.float16)
    start = 0
    for index, row in enumerate(rows):
        count = DIMENSIONS * int(row["frames"])
        values[index, :, : row["frames"]] = flat[start : start + count].reshape(DIMENSIONS, -1)
        start += count
    return values


def _read_rows(path: Path, facts: Mapping[str, Any]) -> list[dict[str, Any]]:
    if not path.exists():
        return []
    known = json.loads(path.read_text(encoding="utf-8"))
    rows: list[dict[str, Any]] = known.pop("rows")
    return rows if known == facts else []


def _write_rows(path: Path, facts: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> None:
    part = path.with_suffix(".part")
    part.write_text(json.dumps({**facts, "rows": list(rows)}) + "\n", encoding="utf-8")
    os.replace(part, path)
