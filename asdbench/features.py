"""Log-mel features: frames of all clips in one array, windows of frames as a view on it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from operator import length_hint
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from asdbench.api import Audio, no_progress
from asdbench.errors import DataError

if TYPE_CHECKING:
    import torch

LOG_FLOOR = 2.220446049250313e-16
"""Smallest mel value before the logarithm (float64 epsilon, as in the DCASE baselines)."""
_BLOCK_FRAMES = {"cpu": 320, "cuda": 65536}
"""Frames transformed at once: what fits a CPU's cache, what keeps a GPU busy."""
_GROWTH_BYTES = 32 * 2**20


@dataclass(frozen=True)
class LogMelSpec:
    """How log-mel frames are computed. The defaults are those of the DCASE Task 2 baselines.

    Parameters
    ----------
    n_fft, hop_length
        Window and step of the short-time Fourier transform, samples.
    n_mels
        Mel bands.
    fmin, fmax
        Lowest and highest frequency of the bands, Hz; ``fmax=None`` is half the sample rate.
    power
        Exponent of the magnitude before the mel filters: 2 power, 1 magnitude.

    Raises
    ------
    ValueError
        When a value is out of range.
    """

    n_fft: int = 1024
    hop_length: int = 512
    n_mels: int = 128
    fmin: float = 0.0
    fmax: float | None = None
    power: float = 2.0

    def __post_init__(self) -> None:
        problems = [
            text
            for wrong, text in (
                (self.n_fft < 2 or self.n_fft % 2, f"n_fft must be even and >= 2: {self.n_fft}"),
                (self.hop_length < 1, f"hop_length must be >= 1: {self.hop_length}"),
                (self.n_mels < 1, f"n_mels must be >= 1: {self.n_mels}"),
                (not 0 <= self.fmin < math.inf, f"fmin must be >= 0 Hz: {self.fmin}"),
                (
                    self.fmax is not None and not self.fmin < self.fmax < math.inf,
                    f"fmax must be above fmin: {self.fmax}",
                ),
                (not 0 < self.power < math.inf, f"power must be > 0: {self.power}"),
            )
            if wrong
        ]
        if problems:
            raise ValueError("; ".join(problems))

    def canonical(self) -> dict[str, Any]:
        """Return the specification as JSON values; equal specifications give equal text."""
        floats = {"fmin": float(self.fmin), "power": float(self.power)}
        return asdict(self) | floats | {"fmax": None if self.fmax is None else float(self.fmax)}

    def frames(self, samples: int) -> int:
        """Return the number of frames of a clip."""
        return 1 + samples // self.hop_length


@dataclass(frozen=True)
class Windows:
    """Windows of consecutive frames: rows of a strided view, and which of them are usable.

    Parameters
    ----------
    view
        float32 (total_frames - length + 1, length * n_mels), frame-major: row ``t`` holds frames
        ``t`` to ``t + length - 1``. A view on the frames, read-only; it crosses clip borders.
    starts
        int64: the rows that cross no border, in clip order.
    clip
        int64, one for each of ``starts``: the clip it lies in.
    """

    view: NDArray[np.float32]
    starts: NDArray[np.int64]
    clip: NDArray[np.int64]


@dataclass(frozen=True)
class Frames:
    """Log-mel frames of several clips, one after the other.

    Parameters
    ----------
    values
        float32 (total_frames, n_mels), C-contiguous, dB; may be memory-mapped.
    offsets
        int64 (n_clips + 1,): clip ``i`` has the rows ``offsets[i]`` to ``offsets[i + 1]``.
    """

    values: NDArray[np.float32]
    offsets: NDArray[np.int64]

    def __post_init__(self) -> None:
        values, offsets = self.values, self.offsets
        if values.ndim != 2 or values.dtype != np.float32 or not values.flags.c_contiguous:
            raise ValueError("values must be C-contiguous float32 (frames, bands)")
        if offsets.ndim != 1 or offsets.dtype != np.int64 or len(offsets) < 1:
            raise ValueError("offsets must be int64 (clips + 1,)")
        if offsets[0] != 0 or offsets[-1] != len(values) or (np.diff(offsets) < 0).any():
            raise ValueError("offsets must rise from 0 to the number of frames")

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def clip(self, index: int) -> NDArray[np.float32]:
        """Return the frames of one clip, (frames, n_mels), as a view."""
        number = range(len(self))[index]
        return self.values[self.offsets[number] : self.offsets[number + 1]]

    def take(self, indices: Sequence[int]) -> Frames:
        """Return the clips at ``indices``, in that order; a view where they are consecutive."""
        chosen = np.arange(len(self))[np.asarray(indices, dtype=np.int64)]
        lengths = np.diff(self.offsets)[chosen]
        offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        breaks = np.flatnonzero(np.diff(chosen) != 1) + 1
        runs = [run for run in np.split(chosen, breaks) if len(run)]
        parts = [self.values[self.offsets[run[0]] : self.offsets[run[-1] + 1]] for run in runs]
        if not parts:
            return Frames(self.values[:0], offsets)
        return Frames(parts[0] if len(parts) == 1 else np.concatenate(parts), offsets)

    def windows(self, length: int, hop: int = 1) -> Windows:
        """Return windows of ``length`` frames, every ``hop`` frames of a clip.

        A clip of fewer than ``length`` frames has none.
        """
        total, bands = self.values.shape
        if total < length:
            view = np.empty((0, length * bands), np.float32)
        else:
            flat = self.values.reshape(-1)
            view = np.lib.stride_tricks.sliding_window_view(flat, length * bands)[::bands]
        counts = np.maximum((np.diff(self.offsets) - length) // hop + 1, 0)
        clip = np.repeat(np.arange(len(self)), counts)
        first = np.cumsum(counts) - counts  # index of each clip's first window
        starts = self.offsets[:-1][clip] + hop * (np.arange(len(clip)) - first[clip])
        return Windows(view, starts, clip)

    def save(self, folder: Path) -> None:
        """Write ``values.npy`` and ``offsets.npy`` into ``folder``."""
        np.save(folder / "values.npy", self.values, allow_pickle=False)
        np.save(folder / "offsets.npy", self.offsets, allow_pickle=False)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Return what :meth:`save` wrote; ``values`` is memory-mapped, read-only."""
        values = np.load(folder / "values.npy", mmap_mode="r", allow_pickle=False)
        return cls(values, np.load(folder / "offsets.npy", allow_pickle=False))


def mel_filters(sample_rate: int, spec: LogMelSpec) -> NDArray[np.float64]:
    """Return triangular filters on the Slaney mel scale, each of unit area in Hz.

    Returns
    -------
    ndarray
        (n_mels, n_fft // 2 + 1).

    References
    ----------
    M. Slaney, "Auditory Toolbox", Interval Research TR 1998-010: linear below 1 kHz (15 mel),
    logarithmic above with 27 mel for a factor of 6.4.
    """
    edges = mel_edges(sample_rate, spec)
    bins = np.arange(spec.n_fft // 2 + 1) * (sample_rate / spec.n_fft)
    low, center, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    rising = (bins - low) / (center - low)
    falling = (high - bins) / (high - center)
    return np.maximum(0.0, np.minimum(rising, falling)) * (2.0 / (high - low))


def mel_edges(sample_rate: int, spec: LogMelSpec) -> NDArray[np.float64]:
    """Return the edges of the mel bands, Hz, (n_mels + 2,): band i peaks at edge i + 1."""
    fmax = sample_rate / 2 if spec.fmax is None else spec.fmax
    return _mel_to_hz(np.linspace(_hz_to_mel(spec.fmin), _hz_to_mel(fmax), spec.n_mels + 2))


_MEL_BREAK_HZ, _MEL_BREAK, _HZ_PER_MEL = 1000.0, 15.0, 200.0 / 3.0
_LOG_STEP = math.log(6.4) / 27.0


def _hz_to_mel(hz: float) -> float:
    if hz < _MEL_BREAK_HZ:
        return hz / _HZ_PER_MEL
    return _MEL_BREAK + math.log(hz / _MEL_BREAK_HZ) / _LOG_STEP


def _mel_to_hz(mel: NDArray[np.float64]) -> NDArray[np.float64]:
    above = _MEL_BREAK_HZ * np.exp(_LOG_STEP * (mel - _MEL_BREAK))
    return np.where(mel < _MEL_BREAK, mel * _HZ_PER_MEL, above)


def log_mel(
    audio: Iterable[Audio],
    sample_rate: int,
    spec: LogMelSpec,
    device: str = "cpu",
    progress: Callable[[int, int, str], None] = no_progress,
) -> Frames:
    """Return the log-mel frames of clips, which may have unequal lengths.

    As the DCASE Task 2 baselines compute them: a periodic Hann window of ``n_fft`` samples,
    frames centered with ``n_fft // 2`` zeros on either side, ``|STFT| ** power``, mel filters
    (:func:`mel_filters`), ``20 / power * log10(max(mel, 2.2e-16))`` dB. A clip of n samples gives
    ``1 + n // hop_length`` frames.

    Parameters
    ----------
    audio
        Clips, float32 (samples,); read one after the other, never all at once.
    sample_rate
        Of every clip, Hz.
    spec
        What to compute.
    device
        Where: ``cpu``, ``cuda`` or ``cuda:N``.
    progress
        Called with (clips done, clips in all or done if unknown, "clip").

    Raises
    ------
    DataError
        When there is no clip, a clip is empty, not mono, or holds NaN or infinity, or bands lie
        above half the sample rate.
    """
    import torch

    transform = _Transform(sample_rate, spec, torch.device(device))
    total = length_hint(audio)
    values = np.empty((0, spec.n_mels), np.float32)
    offsets = [0]
    for clips in _batches(audio, spec, transform.block):
        bounds = np.cumsum([0, *(spec.frames(len(clip)) for clip in clips)]) + offsets[-1]
        if bounds[-1] > len(values):
            rows = _GROWTH_BYTES // (4 * spec.n_mels)
            # Grows in place where the allocator can: joining parts would need twice the memory.
            values.resize((max(int(bounds[-1]), len(values) + rows), spec.n_mels), refcheck=False)
        transform(clips, values[bounds[0] : bounds[-1]])
        bad = np.flatnonzero(~np.isfinite(values[bounds[0] : bounds[-1]]).all(axis=1))
        if len(bad):
            clip = np.searchsorted(bounds, bounds[0] + bad[0], side="right") - 1
            raise DataError(
                f"clip {len(offsets) - 1 + clip} holds NaN or infinity",
                "check the file, or skip it with 'on_bad_clip: skip' in the suite",
            )
        offsets.extend(int(bound) for bound in bounds[1:])
        done = len(offsets) - 1
        progress(done, max(total, done), "clip")
    if len(offsets) == 1:
        raise DataError("there is no clip to compute features of", "check the data set's filters")
    values.resize((offsets[-1], spec.n_mels), refcheck=False)
    return Frames(values, np.asarray(offsets, dtype=np.int64))


def _batches(audio: Iterable[Audio], spec: LogMelSpec, block: int) -> Iterator[list[Audio]]:
    """Yield runs of clips with about ``block`` frames together, at least one clip each."""
    batch: list[Audio] = []
    frames = 0
    for index, clip in enumerate(audio):
        if clip.ndim != 1 or len(clip) == 0:
            raise DataError(
                f"clip {index} has shape {clip.shape}: a clip is mono, (samples,), not empty"
            )
        if batch and frames + spec.frames(len(clip)) > block:
            yield batch
            batch, frames = [], 0
        batch.append(clip)
        frames += spec.frames(len(clip))
    if batch:
        yield batch


class _Transform:
    """The transform of one batch of clips, with its window and filters on the device."""

    def __init__(self, sample_rate: int, spec: LogMelSpec, device: torch.device) -> None:
        import torch

        if max(spec.fmin, spec.fmax or 0.0) > sample_rate / 2:
            raise DataError(
                f"mel bands up to {spec.fmax or spec.fmin:g} Hz do not exist at a sample rate of "
                f"{sample_rate} Hz",
                f"lower fmax and fmin to at most {sample_rate / 2:g} Hz",
            )
        filters = mel_filters(sample_rate, spec).T
        self.spec = spec
        self.device = device
        self.block = _BLOCK_FRAMES["cpu" if device.type == "cpu" else "cuda"]
        self.filters = torch.from_numpy(filters).to(device, torch.float32)  # (bins, n_mels)
        window = torch.hann_window(spec.n_fft, periodic=True, dtype=torch.float64)
        self.window = window.to(device, torch.float32)

    def __call__(self, clips: Sequence[Audio], out: NDArray[np.float32]) -> None:
        """Write the frames of ``clips`` into ``out``, (frames, n_mels)."""
        import torch

        spec, pad = self.spec, self.spec.n_fft // 2
        # Every clip starts at a multiple of the hop, so that one view holds the frames of all.
        slots = [-(-(len(clip) + 2 * pad) // spec.hop_length) for clip in clips]
        first = np.cumsum([0, *slots])
        buffer = np.zeros(int(first[-1]) * spec.hop_length + spec.n_fft, np.float32)
        for clip, start in zip(clips, first, strict=False):
            position = start * spec.hop_length + pad
            buffer[position : position + len(clip)] = clip
        frames = torch.from_numpy(buffer).to(self.device).unfold(0, spec.n_fft, spec.hop_length)
        row = 0
        for clip, start in zip(clips, first, strict=False):
            count = spec.frames(len(clip))
            for begin in range(0, count, self.block):
                end = min(begin + self.block, count)
                part = self._frames(frames[start + begin : start + end])
                out[row + begin : row + end] = part.cpu().numpy()
            row += count

    def _frames(self, frames: torch.Tensor) -> torch.Tensor:
        import torch

        spectrum = torch.view_as_real(torch.fft.rfft(frames * self.window))
        power = spectrum.square_().sum(-1)
        if self.spec.power != 2.0:
            power = power.pow_(self.spec.power / 2)
        mel = power @ self.filters
        return mel.clamp_(min=LOG_FLOOR).log10_().mul_(20.0 / self.spec.power)
