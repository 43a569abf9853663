"""Is a generated clip a copy? The nearest training clip of each, against that of real clips.

Two views of nearness. *Log-mel*: the highest correlation of two log-mel spectrograms over all
time shifts; copies of machine sound show here even where learned embeddings miss them (D. Bralios
et al., "Generation or Replication: Auscultating Audio Latent Diffusion Models", ICASSP 2024).
*Embedding*: the Euclidean distance of standardized vectors, which no shift changes much.

Clips of one machine are alike without being copies, so nearness is read against a baseline: the
same quantity for real clips that are not in the training set. Where a machine's rhythm makes all
clips alike, the *margin* tells more: by how much the nearest training clip is nearer than the next
one. A copy is near to one clip alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from asdbench.api import no_progress
from asdbench.features import Frames
from asdbench.metrics.distance import Floats, check_rows
from asdbench.metrics.rank import MetricError

BANDS = 32
"""Log-mel bands that are compared, each the mean of its neighbors in dB."""
QUANTILE = 0.01
"""Of the baseline: a generated clip nearer than this share of the real ones is suspicious."""
IDENTICAL = 0.9999
"""Correlation from which on two clips are one recording."""
_OVERLAP = 0.5  # of the shorter clip, that a shift must leave
_BLOCK_CELLS = 2**23  # shifts of pairs of clips at a time: some 100 MB


@dataclass(frozen=True)
class Nearest:
    """The nearest training clip of every clip.

    ``index`` is int64 (n,); ``nearness`` float64 (n,), higher is nearer: a correlation, or a
    distance with a minus sign. ``margin`` is float64 (n,): how much nearer it is than the second
    nearest, 0 where there is no second. ``shift`` is int64 (n,): the frame of the training clip at
    which the clip begins, 0 where shifts are not looked at.
    """

    index: NDArray[np.int64]
    nearness: Floats
    margin: Floats
    shift: NDArray[np.int64]


@dataclass(frozen=True)
class Memorization:
    """How near the generated clips are to training clips, against real held-out clips."""

    limit: float
    """Nearness that 1 % of the baseline exceeds."""
    share: float
    """Of the generated clips that exceed it."""
    margin_limit: float
    """Margin that 1 % of the baseline exceeds."""
    margin_share: float
    """Of the generated clips that exceed it."""
    expected_share: float
    """Either share without memorization: (0.01 n + 0.99) / (n + 1) for a baseline of n clips,
    which is 0.01 for many and 0.034 for 40, as the limit is an estimate too."""
    suspicious: tuple[int, ...]
    """Clips that exceed a limit, widest margin first."""
    median: float
    """Nearness of the generated clips."""
    median_baseline: float
    """Nearness of the held-out real clips."""
    baseline_clips: int


def memorization(generated: Nearest, baseline: Nearest) -> Memorization:
    """Compare the nearness of generated clips with that of held-out real clips.

    Raises
    ------
    MetricError
        When one of them has no clip.
    """
    if not (generated.nearness.size and baseline.nearness.size):
        raise MetricError("no clip to look for among the training clips, or no held-out real clip")
    held_out = int(baseline.nearness.size)
    limit = float(np.quantile(baseline.nearness, 1.0 - QUANTILE))
    margin_limit = float(np.quantile(baseline.margin, 1.0 - QUANTILE))
    near, alone = generated.nearness > limit, generated.margin > margin_limit
    order = np.argsort(-generated.margin, kind="stable")
    return Memorization(
        limit=limit,
        share=float(near.mean()),
        margin_limit=margin_limit,
        margin_share=float(alone.mean()),
        expected_share=(QUANTILE * held_out + 1.0 - QUANTILE) / (held_out + 1),
        suspicious=tuple(int(i) for i in order if near[i] or alone[i]),
        median=float(np.median(generated.nearness)),
        median_baseline=float(np.median(baseline.nearness)),
        baseline_clips=held_out,
    )


def nearest_by_distance(queries: ArrayLike, train: ArrayLike) -> Nearest:
    """Return the nearest training clip in an embedding, one vector a clip.

    Each dimension is divided by its standard deviation over the training clips; dimensions that
    do not vary there are left out.

    Parameters
    ----------
    queries, train
        (n, d) and (m, d), m >= 2; frame-level vectors averaged over the clip.

    Raises
    ------
    MetricError
        When there are too few vectors, a value is not finite, or dimensions differ.
    """
    from scipy.spatial.distance import cdist

    q, t = check_rows(queries, "clips", least=1), check_rows(train, "training clips")
    if q.shape[1] != t.shape[1]:
        raise MetricError(f"vectors have {q.shape[1]} and {t.shape[1]} dimensions")
    scale = t.std(axis=0)
    kept = scale > 0.0
    distance = cdist(q[:, kept] / scale[kept], t[:, kept] / scale[kept])
    index = distance.argmin(axis=1).astype(np.int64)
    first, second = np.sort(distance, axis=1)[:, :2].T  # m >= 2
    return Nearest(index, -first, second - first, np.zeros(len(q), dtype=np.int64))


def nearest_by_correlation(
    queries: Frames,
    train: Frames,
    progress: Callable[[int, int, str], None] = no_progress,
) -> Nearest:
    """Return the nearest training clip by the correlation of log-mel spectrograms.

    Of each clip, 32 bands (means of neighbors, dB) without their mean over time: what is left is
    how the sound changes, not what machine it is. The correlation over all bands and overlapping
    frames, normalized by the energies of the overlap, is searched over every shift that leaves
    half of the shorter clip (all shifts at once, by FFT, in single precision). Clips may have
    unequal lengths. 1 is a copy; a clip that does not change at all correlates 0 with any.

    Parameters
    ----------
    queries, train
        Log-mel frames of one specification; the number of bands a multiple of 32.
    progress
        Called with (clips done, clips in all, "clip").

    Raises
    ------
    MetricError
        When there is no training clip, or the bands do not fit.
    """
    bands = {frames.values.shape[1] for frames in (queries, train)}
    if len(bands) != 1 or bands.pop() % BANDS:
        raise MetricError(f"log-mel frames must have equally many bands, a multiple of {BANDS}")
    if not len(train):
        raise MetricError("there is no training clip")
    index = np.zeros(len(queries), dtype=np.int64)
    nearness = np.full(len(queries), -np.inf)
    second = np.full(len(queries), -np.inf)
    shift = np.zeros(len(queries), dtype=np.int64)
    groups = [_Changes(train, chosen) for chosen in _by_length(train)]
    done = 0
    for chosen in _by_length(queries):
        length = int(np.diff(queries.offsets)[chosen[0]])
        size = max(1, _BLOCK_CELLS // max((length + g.length) * len(g.clips) for g in groups))
        for start in range(0, len(chosen), size):
            block = _Changes(queries, chosen[start : start + size])
            for group in groups:
                values, lags = _correlate(block, group)
                best = values.argmax(axis=1)
                rows = np.arange(len(best))
                value, lag = values[rows, best], lags[rows, best]
                nearer = value > nearness[block.clips]
                values[rows, best] = np.minimum(value, nearness[block.clips])  # the loser
                second[block.clips] = np.maximum(second[block.clips], values.max(axis=1))
                target = block.clips[nearer]
                index[target], shift[target] = group.clips[best[nearer]], lag[nearer]
                nearness[target] = value[nearer]
            done += len(block.clips)
            progress(done, len(queries), "clip")
    margin = np.where(np.isfinite(second), nearness - second, 0.0)
    return Nearest(index, nearness, margin, shift)


def _by_length(frames: Frames) -> list[NDArray[np.int64]]:
    """Return the numbers of the clips of each length."""
    lengths = np.diff(frames.offsets)
    return [np.flatnonzero(lengths == length) for length in np.unique(lengths)]


class _Changes:
    """Clips of one length: how their bands change, and the energy up to each frame."""

    def __init__(self, frames: Frames, clips: NDArray[np.int64]) -> None:
        self.clips = clips
        values = np.stack([frames.clip(int(i)) for i in clips])  # (clips, frames, bands)
        pooled = values.reshape(*values.shape[:2], BANDS, -1).mean(axis=3)
        self.values = pooled - pooled.mean(axis=1, keepdims=True)
        self.length = self.values.shape[1]
        energy = np.sum(self.values.astype(np.float64) ** 2, axis=2)
        self.energy = np.pad(np.cumsum(energy, axis=1), ((0, 0), (1, 0)))  # (clips, frames + 1)


def _correlate(queries: _Changes, train: _Changes) -> tuple[Floats, NDArray[np.int64]]:
    """Return the best correlation of each query with each training clip, and its shift."""
    from scipy.fft import irfft, next_fast_len, rfft

    a, b = queries.length, train.length
    size = next_fast_len(a + b - 1, real=True)
    spectra = [rfft(c.values, size, axis=1).transpose(1, 0, 2) for c in (queries, train)]
    products = spectra[0].conj() @ spectra[1].transpose(0, 2, 1)  # (frequencies, queries, train)
    every = irfft(np.ascontiguousarray(products.transpose(1, 2, 0)), size, axis=2)
    lags = np.arange(1 - a, b)  # frame of the training clip at which the query begins
    begin, end = np.maximum(0, -lags), np.minimum(a, b - lags)
    valid = end - begin >= max(1.0, _OVERLAP * min(a, b))
    lags, begin, end = lags[valid], begin[valid], end[valid]
    energy_q = queries.energy[:, end] - queries.energy[:, begin]
    energy_t = train.energy[:, end + lags] - train.energy[:, begin + lags]
    with np.errstate(divide="ignore"):
        inverse_q, inverse_t = ((1.0 / np.sqrt(e)).astype(np.float32) for e in (energy_q, energy_t))
    inverse_q[energy_q <= 0.0], inverse_t[energy_t <= 0.0] = 0.0, 0.0
    correlation = every[:, :, lags] * inverse_q[:, None, :] * inverse_t
    best = correlation.argmax(axis=2)
    values = np.take_along_axis(correlation, best[..., None], axis=2)[..., 0]
    return np.minimum(values.astype(np.float64), 1.0), lags[best]
