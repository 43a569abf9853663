"""Crops of mel spectrograms: random ones to learn from, evenly spread ones to score by."""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray

from asdbench.api import ClipSet
from asdbench.features import Frames, LogMelSpec, mel_edges


class Crops:
    """Cuts mel magnitude spectrograms out of cached log-mel frames.

    The magnitude is that of the standardized waveform, divided by the norm of the Fourier
    window, under mel filters of unit height.

    Parameters
    ----------
    frames
        Mel magnitude of all clips, dB, under filters of unit area.
    length
        Frames of a crop. A shorter clip is repeated until it is as long.
    band_gain
        (bands,): from filters of unit area and the plain window to what the network is given.
    clip_gain
        (clips,): standardizes the waveform.
    """

    def __init__(
        self,
        frames: Frames,
        length: int,
        band_gain: NDArray[np.float64],
        clip_gain: NDArray[np.float64],
    ) -> None:
        self.frames = frames
        self.length = length
        self.band_gain_db = (20.0 * np.log10(band_gain)).astype(np.float32)
        self.clip_gain_db = (20.0 * np.log10(clip_gain)).astype(np.float32)
        self.counts = np.diff(frames.offsets)

    def segments(self, clip: int, count: int) -> NDArray[np.int64]:
        """Return the first frames of at most ``count`` segments of ``clip``, the last flush right.

        A clip as long as a segment has one; neighbors that would start alike count once.
        """
        spare = max(0, int(self.counts[clip]) - self.length)
        hop = spare // max(1, count - 1)
        starts = [hop * i for i in range(count - 1)] + [spare if count > 1 else spare // 2]
        return np.unique(np.array(starts, dtype=np.int64))

    def random_starts(
        self, clips: NDArray[np.int64], rng: np.random.Generator
    ) -> NDArray[np.int64]:
        """Draw the first frame of one crop of each of ``clips``."""
        spare = np.maximum(self.counts[clips] - self.length, 0)
        return np.asarray(rng.integers(0, spare + 1), dtype=np.int64)

    def __call__(
        self, clips: NDArray[np.int64], starts: NDArray[np.int64], device: torch.device
    ) -> torch.Tensor:
        """Return the crops of ``clips`` that start at ``starts``, (crops, bands, frames)."""
        values, offsets = self.frames.values, self.frames.offsets
        out = np.empty((len(clips), self.length, values.shape[1]), np.float32)
        for row, (clip, start) in enumerate(zip(clips, starts, strict=True)):
            if self.counts[clip] >= self.length:
                first = offsets[clip] + start
                out[row] = values[first : first + self.length]
            else:
                out[row] = np.resize(self.frames.clip(int(clip)), out[row].shape)
        level = torch.from_numpy(out).to(device)
        level += torch.from_numpy(self.band_gain_db).to(device)
        level += torch.from_numpy(self.clip_gain_db[clips]).to(device)[:, None, None]
        return level.mul_(math.log(10) / 20).exp_().transpose(1, 2).contiguous()


def band_gain(sample_rate: int, spec: LogMelSpec) -> NDArray[np.float64]:
    """Return what turns filters of unit area into filters of unit height, over the window's norm.

    Shape (bands,). The norm of a periodic Hann window is the root of 3/8 of its length.
    """
    edges = mel_edges(sample_rate, spec)  # Hz
    height: NDArray[np.float64] = (edges[2:] - edges[:-2]) / 2
    return height / math.sqrt(0.375 * spec.n_fft)


def deviation(clips: ClipSet, indices: NDArray[np.int64]) -> float:
    """Return the standard deviation of all samples of the clips at ``indices``; 1 for silence."""
    count, total, squares = 0, 0.0, 0.0
    for index in indices:
        audio = clips.audio(int(index)).astype(np.float64)
        count += len(audio)
        total += float(audio.sum())
        squares += float(audio @ audio)
    variance = squares / count - (total / count) ** 2
    return math.sqrt(variance) if variance > 0.0 else 1.0
