"""The crops of clips that a codec is trained and validated on."""

from __future__ import annotations

import hashlib

import numpy as np
import torch

from asdbench.api import Audio, LabelledClipSet
from asdbench.errors import DataError

_KEPT_BYTES = 2**30  # of clips held in memory; the others are read again
_HELD_OUT = 32  # clips


class Crops:
    """Random crops of clips; those of a step depend on seed and step alone.

    Parameters
    ----------
    clips
        Of equal chance. All are read once, for the digest in :attr:`identity`.
    seconds
        Length of a crop.
    batch
        Crops a step.
    seed
        Of clips and places.

    Raises
    ------
    DataError
        When there is no clip, one is shorter than a crop, or a crop holds no sample.
    """

    def __init__(self, clips: LabelledClipSet, seconds: float, batch: int, seed: int) -> None:
        if len(clips) == 0:
            raise DataError("there is no clip to train a codec on", "Check the data's filters.")
        self.samples = round(seconds * clips.sample_rate)
        if self.samples < 1:
            raise DataError(
                f"a crop of {seconds:g} s has no sample at {clips.sample_rate} Hz",
                "Train on longer crops.",
            )
        self._clips, self._batch, self._seed = clips, batch, seed
        self._kept: dict[int, Audio] = {}
        self._lengths: list[int] = []
        digest = hashlib.sha256()
        room = _KEPT_BYTES
        for index, (condition, label) in enumerate(
            zip(clips.conditions, clips.labels, strict=True)
        ):
            audio = clips.audio(index)
            if len(audio) < self.samples:
                raise DataError(
                    f"clip {index} ({condition}) has {len(audio)} samples, fewer than the "
                    f"{self.samples} of a training crop",
                    "Leave it out, or train on shorter crops.",
                )
            digest.update(f"{condition}|{label}|{len(audio)}|".encode())
            digest.update(np.ascontiguousarray(audio, dtype=np.float32).tobytes())
            self._lengths.append(len(audio))
            if audio.nbytes <= room:
                self._kept[index] = audio
                room -= audio.nbytes
        self.identity: dict[str, str | int | float] = {
            "sha256": digest.hexdigest(),
            "clips": len(clips),
            "sample_rate": clips.sample_rate,
            "seconds": sum(self._lengths) / clips.sample_rate,
        }

    def batch(self, step: int) -> torch.Tensor:
        """Return the crops of ``step``, float32 (batch, samples)."""
        rng = np.random.default_rng([self._seed, step, 0])
        rows = []
        for index in rng.integers(len(self._clips), size=self._batch):
            start = rng.integers(self._lengths[index] - self.samples + 1)
            audio = self._kept.get(int(index))
            audio = self._clips.audio(int(index)) if audio is None else audio
            rows.append(audio[start : start + self.samples])
        return torch.from_numpy(np.stack(rows))


def middles(clips: LabelledClipSet, samples: int) -> torch.Tensor:
    """Return the middles of clips spread over ``clips``, float32 (at most 32, samples).

    Raises
    ------
    DataError
        When no clip is that long.
    """
    chosen = np.unique(np.linspace(0, len(clips) - 1, min(len(clips), _HELD_OUT)).astype(int))
    rows = []
    for index in chosen:
        audio = clips.audio(int(index))
        if len(audio) >= samples:
            start = (len(audio) - samples) // 2
            rows.append(audio[start : start + samples])
    if not rows:
        raise DataError(
            f"no held-out clip has the {samples} samples of a crop",
            "Hold out longer clips, or train on shorter crops.",
        )
    return torch.from_numpy(np.stack(rows))
