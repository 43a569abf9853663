"""Building blocks of the simulated sounds. All clips are one period of a circular signal.

Filters are applied as products of spectra, so what rings past the end of a clip is heard at its
start: a clip is a window on a machine that was running before and runs on.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import scipy.fft
from numpy.typing import ArrayLike, NDArray

from asdbench.datasets.simulated.plan import SAMPLE_RATE as SAMPLE_RATE
from asdbench.datasets.simulated.spec import seed_sequence

Signal = NDArray[np.float32]
"""Sound, (samples,)."""
Spectrum = NDArray[np.complex64]
"""Half spectrum of a signal, (samples // 2 + 1,)."""
Curve = tuple[tuple[float, float], ...]
"""A level over frequency: (Hz, dB) points, joined by straight lines over log frequency."""

SPEED_OF_SOUND = 343.0
_TABLE = 8192


def rfft(signal: Signal) -> Spectrum:
    """Return the half spectrum of ``signal``."""
    spectrum: Spectrum = scipy.fft.rfft(signal)
    return spectrum


def irfft(spectrum: Spectrum, samples: int) -> Signal:
    """Return the ``samples`` long signal with this half spectrum."""
    signal: Signal = scipy.fft.irfft(spectrum, samples)
    return signal


def power(signal: Signal) -> float:
    """Return the mean square of ``signal``."""
    return float(np.mean(np.square(signal, dtype=np.float64)))


def decibels(level: ArrayLike) -> NDArray[np.float32]:
    """Return the amplitude factor of a level in dB."""
    return np.asarray(10.0 ** (np.asarray(level) / 20.0), dtype=np.float32)


def wander(rng: np.random.Generator, samples: int, rate: float, deviation: float) -> Signal:
    """Return a slow random course: standard ``deviation``, ``rate`` independent values a second."""
    knots = rng.standard_normal(int(samples / SAMPLE_RATE * rate) + 3)
    at = np.arange(samples, dtype=np.float64) * (rate / SAMPLE_RATE) + rng.uniform()
    # A straight line between independent knots has 2/3 of their variance on average.
    course = np.interp(at, np.arange(len(knots)), knots) * (deviation * np.sqrt(1.5))
    slow: Signal = course.astype(np.float32)
    return slow


def turns(frequency: ArrayLike, samples: int, start: float = 0.0) -> NDArray[np.float64]:
    """Return the phase of a rotation in turns, from its frequency in Hz (number or (samples,))."""
    steps = np.asarray(frequency, dtype=np.float64) / SAMPLE_RATE
    if steps.ndim == 0:
        return start + steps * np.arange(samples)
    return start + np.cumsum(steps)


def periodic(phase: NDArray[np.float64], harmonics: NDArray[np.complex128]) -> Signal:
    """Return ``sum_k Re(harmonics[k-1] exp(2 pi i k phase))`` for a phase in turns.

    Harmonics that would pass the Nyquist frequency are left out by the caller
    (:func:`below_nyquist`). One period is tabulated and read with linear interpolation.
    """
    bins = np.zeros(_TABLE // 2 + 1, dtype=np.complex128)
    bins[1 : len(harmonics) + 1] = harmonics * (_TABLE / 2)
    table = np.fft.irfft(bins, _TABLE).astype(np.float32)
    at = (phase - np.floor(phase)) * _TABLE
    left = at.astype(np.int32)
    fraction = (at - left).astype(np.float32)
    left &= _TABLE - 1
    step = np.roll(table, -1) - table
    return table[left] + fraction * step[left]


def below_nyquist(fundamental: float, wanted: int) -> int:
    """Return how many of ``wanted`` harmonics stay below 0.47 of the sample rate."""
    return max(1, min(wanted, int(0.47 * SAMPLE_RATE / fundamental)))


def impulses(samples: int, seconds: ArrayLike, amplitudes: ArrayLike) -> Signal:
    """Return impulses at fractional times; those outside the clip are dropped."""
    at = np.atleast_1d(np.asarray(seconds, dtype=np.float64)) * SAMPLE_RATE
    size = np.broadcast_to(np.asarray(amplitudes, dtype=np.float64), at.shape)
    inside = (at >= 0) & (at < samples - 1)
    at, size = at[inside], size[inside]
    left = at.astype(np.int64)
    fraction = at - left
    train = np.bincount(left, size * (1 - fraction), samples)
    train += np.bincount(left + 1, size * fraction, samples)
    return train.astype(np.float32)


def modes(
    samples: int, hertz: ArrayLike, quality: ArrayLike, gains: ArrayLike, seconds: float = 0.128
) -> Spectrum:
    """Return the response of a body that rings in several modes, scaled to unit power.

    Parameters
    ----------
    samples
        Length of the signals it will filter.
    hertz, quality, gains
        Frequency, Q and amplitude of each mode.
    seconds
        Length after which the ringing is cut.
    """
    length = min(int(seconds * SAMPLE_RATE), samples)
    time = np.arange(length) / SAMPLE_RATE
    omega = 2 * np.pi * np.asarray(hertz, dtype=np.float64)[:, None]
    decay = omega / (2 * np.asarray(quality, dtype=np.float64).reshape(-1, 1))
    rows = np.exp(-decay * time) * np.sin(omega * time)
    response = (np.asarray(gains, dtype=np.float64)[:, None] * rows).sum(axis=0)
    response /= np.sqrt(np.sum(response**2))
    padded = np.zeros(samples, dtype=np.float32)
    padded[:length] = response
    return rfft(padded)


@lru_cache(maxsize=128)
def curve(samples: int, points: Curve) -> Signal:
    """Return amplitude over the half spectrum's bins from a level curve (do not write to it)."""
    hertz, level = np.array(points).T
    bins = np.fft.rfftfreq(samples, 1 / SAMPLE_RATE)
    bins[0] = bins[1]
    amplitude = decibels(np.interp(np.log(bins), np.log(hertz), level))
    amplitude[0] = 0.0
    amplitude.setflags(write=False)
    return amplitude


@lru_cache(maxsize=8)
def octaves(samples: int) -> Signal:
    """Return each bin's distance from 1 kHz in octaves (do not write to it)."""
    bins = np.fft.rfftfreq(samples, 1 / SAMPLE_RATE)
    bins[0] = bins[1]
    distance: Signal = np.log2(bins / 1000.0).astype(np.float32)
    distance.setflags(write=False)
    return distance


def tilt(samples: int, db_per_octave: float) -> Signal:
    """Return amplitude over bins that rises by ``db_per_octave`` and is 1 at 1 kHz."""
    slope: Signal = np.exp2(octaves(samples) * np.float32(db_per_octave / 6.0206))
    return slope


def cosine(phase: NDArray[np.float64]) -> Signal:
    """Return the cosine of a phase in turns."""
    fraction = (phase - np.rint(phase)).astype(np.float32)
    fraction *= np.float32(2 * np.pi)
    return np.cos(fraction, out=fraction)


def reflected(samples: int, detour: float, amplitude: float) -> Spectrum:
    """Return the response of a direct path and one reflection ``detour`` meters longer."""
    bins = samples // 2 + 1
    turn = -2j * np.pi * detour / SPEED_OF_SOUND * SAMPLE_RATE / samples
    # exp(turn * bin) for all bins as a product of coarse and fine steps: few exponentials.
    fine = np.exp(turn * np.arange(512))
    coarse = amplitude * np.exp(turn * 512 * np.arange(-(-bins // 512)))
    comb = np.outer(coarse.astype(np.complex64), fine.astype(np.complex64)).ravel()[:bins]
    return comb + np.complex64(1)


def noise(rng: np.random.Generator, samples: int, amplitude: NDArray[np.floating]) -> Signal:
    """Return Gaussian noise with the shape of ``amplitude`` over bins, scaled to unit power."""
    bins = samples // 2 + 1
    parts = rng.standard_normal((bins, 2), dtype=np.float32)
    spectrum = parts.view(np.complex64)[:, 0] * amplitude.astype(np.float32, copy=False)
    spectrum[0] = 0.0
    signal = irfft(spectrum, samples)
    signal *= np.float32(1.0 / np.sqrt(power(signal)))
    return signal


def normalized(signal: Signal) -> Signal:
    """Return ``signal`` with unit power, or unchanged if it is silent."""
    size = power(signal)
    return signal if size == 0.0 else signal * np.float32(1.0 / np.sqrt(size))


def spread(key: Sequence[str | int], center: ArrayLike, deviation: float) -> NDArray[np.float64]:
    """Return a unit's own values: ``center`` times log-normal factors that depend on ``key``."""
    rng = np.random.default_rng(seed_sequence("unit", *key))
    values = np.asarray(center, dtype=np.float64)
    return values * np.exp(deviation * rng.standard_normal(len(values)))
