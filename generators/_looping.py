"""Shift, crop and loop a clip without a click, and keep it within full scale."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Signal = NDArray[np.float64]

FADE_SECONDS = 0.02
FULL_SCALE = 1.0 - 2.0**-15
"""The largest value that PCM16 holds."""


def shifted(
    audio: Signal, samples: int, sample_rate: int, max_shift: float, rng: np.random.Generator
) -> tuple[Signal, int]:
    """Return ``samples`` samples of ``audio`` from a random start, and that start.

    A clip no longer than ``samples`` is shifted by at most ``max_shift`` seconds (and less than
    half its length) either way; by 0 samples only where no more is allowed. Of a longer one any
    stretch may be taken.
    """
    if len(audio) > samples:
        start = int(rng.integers(len(audio) - samples + 1))
        return audio[start : start + samples].copy(), start
    most = min(round(max_shift * sample_rate), (len(audio) - 1) // 2)
    shift = int(rng.integers(1, most + 1)) * (1 if rng.random() < 0.5 else -1) if most else 0
    return looped(audio, samples, sample_rate, shift), shift


def looped(audio: Signal, samples: int, sample_rate: int, start: int = 0) -> Signal:
    """Return ``samples`` samples of ``audio`` from ``start``, going round at its end.

    The last :data:`FADE_SECONDS` of the clip are cross-faded with its first at equal power, so
    one round is that much shorter than the clip. Nothing is faded where no seam is met.
    """
    fade = min(round(FADE_SECONDS * sample_rate), len(audio) // 2)
    period = len(audio) - fade
    start %= period
    if start + samples <= len(audio):
        return audio[start : start + samples].copy()
    angle = (np.arange(fade) + 0.5) * (math.pi / 2 / max(fade, 1))
    seam = np.cos(angle) * audio[period:] + np.sin(angle) * audio[:fade]
    out = np.empty(samples)
    done = min(period - start, samples)
    out[:done] = audio[start : start + done]
    while done < samples:
        piece = seam[: samples - done]
        out[done : done + len(piece)] = piece
        done += len(piece)
        piece = audio[fade:period][: samples - done]
        out[done : done + len(piece)] = piece
        done += len(piece)
    return out


def limited(audio: Signal) -> tuple[Signal, float]:
    """Return ``audio``, scaled down where it exceeds :data:`FULL_SCALE`, and the gain in dB."""
    peak = float(np.max(np.abs(audio)))
    if peak <= FULL_SCALE:
        return audio, 0.0
    return audio * (FULL_SCALE / peak), 20.0 * math.log10(FULL_SCALE / peak)
