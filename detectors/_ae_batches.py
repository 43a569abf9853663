"""Mini-batches: windows or whole segments as indices of frames, no Python per sample."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from asdbench.features import Windows


class WindowGather:
    """Picks windows of consecutive frames by the frame they start with.

    Parameters
    ----------
    frames
        float32 (frames, bands), C-contiguous; only read.
    length
        Frames of a window.
    device
        Where the frames are kept and the windows come from.
    offset
        Added to every value, dB.
    """

    def __init__(
        self, frames: NDArray[np.float32], length: int, device: torch.device, offset: float = 0.0
    ) -> None:
        count, bands = frames.shape
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # memory-mapped frames are read-only
            values = torch.from_numpy(frames).to(device)
        self.width = length * bands
        self.offset = offset
        self.view = values.as_strided((count - length + 1, self.width), (bands, 1))

    def __call__(self, starts: torch.Tensor) -> torch.Tensor:
        """Return the windows that start at ``starts``, (batch, width)."""
        picked = self.view.index_select(0, starts.to(self.view.device))
        return picked.add_(self.offset) if self.offset else picked


def shuffled(
    values: torch.Tensor, batch_size: int, generator: torch.Generator
) -> Iterator[torch.Tensor]:
    """Yield ``values`` in random order in batches; the last may be smaller."""
    order = torch.randperm(len(values), generator=generator)
    yield from torch.split(values[order], batch_size)


class Batches(Protocol):
    """Splits an epoch into mini-batches."""

    def __call__(self, generator: torch.Generator) -> Iterator[torch.Tensor]:
        """Yield indices of windows, int64 (batch,), in random order."""
        ...


class WindowBatches:
    """An epoch takes every window once, in random order; the last batch may be smaller.

    Parameters
    ----------
    chosen
        Indices of the windows to take, int64.
    batch_size
        Windows in a batch.
    """

    def __init__(self, chosen: torch.Tensor, batch_size: int) -> None:
        self.chosen, self.batch_size = chosen, batch_size

    def __call__(self, generator: torch.Generator) -> Iterator[torch.Tensor]:
        """Yield indices of windows."""
        yield from shuffled(self.chosen, self.batch_size, generator)


class SegmentBatches:
    """An epoch takes one random segment of every clip, with all its windows.

    Parameters
    ----------
    chosen
        Indices of the windows that may be taken, int64.
    windows
        All windows; those of a clip lie one after the other.
    length
        Windows of a segment; a clip that has fewer gives all.
    batch_size
        Segments in a batch.
    """

    def __init__(
        self, chosen: torch.Tensor, windows: Windows, length: int, batch_size: int
    ) -> None:
        taken = np.unique(windows.clip[chosen.numpy()])
        self.kept = torch.zeros(len(windows.starts), dtype=torch.bool)
        self.kept[chosen] = True
        self.first = torch.from_numpy(np.searchsorted(windows.clip, taken))
        after = torch.from_numpy(np.searchsorted(windows.clip, taken, side="right"))
        self.lengths = (after - self.first).clamp_max(length)
        self.spare = after - self.first - self.lengths + 1  # places where a segment may start
        self.batch_size = batch_size

    def __call__(self, generator: torch.Generator) -> Iterator[torch.Tensor]:
        """Yield indices of windows."""
        shares = torch.rand(len(self.first), generator=generator, dtype=torch.float64)
        starts = self.first + (shares * self.spare).long()
        order = torch.randperm(len(self.first), generator=generator)
        for clips in torch.split(order, self.batch_size):
            lengths = self.lengths[clips]
            begins = torch.repeat_interleave(starts[clips] - lengths.cumsum(0) + lengths, lengths)
            indices = begins + torch.arange(len(begins))
            indices = indices[self.kept[indices]]
            if len(indices):
                yield indices
