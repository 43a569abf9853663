"""The operations of :mod:`asdbench.generators.perturb`, each drawn first and then applied.

``draw`` takes a strength; at 1.0 the ranges span faint to clear faults. Added sound is proportional
to it in amplitude; a relative change of speed, a depth and a gain in dB are proportional to it.
``apply`` maps float64 (samples,) to the same length; ``str`` names the operation and its
parameters. Levels are relative to the clip's own RMS, so a quiet clip is altered as a loud one is.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass, fields
from typing import ClassVar, Literal, Self

import numpy as np
import scipy.fft
import scipy.signal
import soxr

from ._looping import Signal, looped

Kind = Literal["speed", "modulation", "resonance", "impacts", "noise", "level"]


def _rms(audio: Signal) -> float:
    return math.sqrt(float(np.mean(audio**2)))


def _log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    return math.exp(rng.uniform(math.log(low), math.log(high)))


def _frequency(rng: np.random.Generator, rate: int) -> float:
    """Draw a frequency in Hz, log-uniform from 200 Hz to 80 % of the Nyquist frequency."""
    return _log_uniform(rng, min(200.0, 0.1 * rate), 0.4 * rate)


def _db(strength: float) -> float:
    return 20.0 * math.log10(strength)


def _amplitude(level_db: float) -> float:
    return float(10.0 ** (level_db / 20.0))


@dataclass(frozen=True)
class Operation(ABC):
    """One way to alter a clip."""

    kind: ClassVar[Kind]

    @classmethod
    @abstractmethod
    def draw(cls, rng: np.random.Generator, rate: int, strength: float) -> Self:
        """Return the operation with random parameters."""

    @abstractmethod
    def apply(self, audio: Signal, rate: int, rng: np.random.Generator) -> Signal:
        """Return the altered clip, (samples,)."""

    def __str__(self) -> str:
        values = (getattr(self, f.name) for f in fields(self))
        texts = (f"{v:.5g}" if isinstance(v, float) else str(v) for v in values)
        pairs = zip((f.name for f in fields(self)), texts, strict=True)
        return " ".join([self.kind, *(f"{name}={text}" for name, text in pairs)])


@dataclass(frozen=True)
class Speed(Operation):
    """A machine that runs too fast or too slow: time and pitch change by ``factor``.

    What lies above 90 % of the highest frequency that both clips hold stays as it was: a slowed
    clip would otherwise have an empty band below the Nyquist frequency that gives it away.
    """

    kind = "speed"
    factor: float

    @classmethod
    def draw(cls, rng: np.random.Generator, rate: int, strength: float) -> Self:
        """Draw 1 % to 10 % either way."""
        change = strength * _log_uniform(rng, 0.01, 0.1)
        return cls(1.0 + change if rng.random() < 0.5 else 1.0 - change)

    def apply(self, audio: Signal, rate: int, rng: np.random.Generator) -> Signal:
        """Resample, loop or crop to the old length, and put the highest band back."""
        played = soxr.resample(audio, rate * self.factor, rate)
        played = looped(played, len(audio), rate)
        size = scipy.fft.next_fast_len(len(audio), real=True)
        cut = int(0.9 * min(1.0, self.factor) * (size // 2))
        spectrum = scipy.fft.rfft(played, size)
        spectrum[cut:] = scipy.fft.rfft(audio, size)[cut:]
        return np.asarray(scipy.fft.irfft(spectrum, size)[: len(audio)], np.float64)


@dataclass(frozen=True)
class Modulation(Operation):
    """A load that varies once a turn: amplitude modulation that keeps the power."""

    kind = "modulation"
    rate_hz: float
    depth: float

    @classmethod
    def draw(cls, rng: np.random.Generator, rate: int, strength: float) -> Self:
        """Draw 2 Hz to 30 Hz (shafts of 120 to 1,800 turns a minute), depth 0.1 to 0.5."""
        return cls(_log_uniform(rng, 2.0, 30.0), min(1.0, strength * rng.uniform(0.1, 0.5)))

    def apply(self, audio: Signal, rate: int, rng: np.random.Generator) -> Signal:
        """Multiply by 1 + depth sin, from a random phase, over its RMS."""
        phase = rng.uniform(0.0, 2.0 * math.pi)
        turn = np.sin(2.0 * math.pi * self.rate_hz / rate * np.arange(len(audio)) + phase)
        rms = math.sqrt(1.0 + self.depth**2 / 2.0)
        altered: Signal = audio * ((1.0 + self.depth * turn) / rms)
        return altered


@dataclass(frozen=True)
class Resonance(Operation):
    """A loose or cracked part that rings: a peaking filter."""

    kind = "resonance"
    frequency_hz: float
    q: float
    gain_db: float

    @classmethod
    def draw(cls, rng: np.random.Generator, rate: int, strength: float) -> Self:
        """Draw a Q of 3 to 15 and a gain of 3 dB to 12 dB."""
        frequency, q = _frequency(rng, rate), _log_uniform(rng, 3.0, 15.0)
        return cls(frequency, q, strength * rng.uniform(3.0, 12.0))

    def apply(self, audio: Signal, rate: int, rng: np.random.Generator) -> Signal:
        """Add the band around the frequency so that its center gains ``gain_db``."""
        b, a = scipy.signal.iirpeak(self.frequency_hz, self.q, fs=rate)
        band = np.asarray(scipy.signal.lfilter(b, a, audio), np.float64)
        return audio + (_amplitude(self.gain_db) - 1.0) * band


@dataclass(frozen=True)
class Impacts(Operation):
    """A damaged tooth, ball or rail: short decaying bursts, regular or at random times."""

    kind = "impacts"
    rate_hz: float
    regular: bool
    frequency_hz: float
    decay_ms: float
    level_db: float

    @classmethod
    def draw(cls, rng: np.random.Generator, rate: int, strength: float) -> Self:
        """Draw 1 to 20 impacts a second of 2 ms to 20 ms, 26 dB to 8 dB below the clip in RMS."""
        return cls(
            rate_hz=_log_uniform(rng, 1.0, 20.0),
            regular=bool(rng.random() < 0.5),
            frequency_hz=_frequency(rng, rate),
            decay_ms=_log_uniform(rng, 2.0, 20.0),
            level_db=rng.uniform(-26.0, -8.0) + _db(strength),
        )

    def apply(self, audio: Signal, rate: int, rng: np.random.Generator) -> Signal:
        """Add damped cosines, each of its own height, at ``level_db`` relative to the clip."""
        samples = len(audio)
        if self.regular:
            step = rate / self.rate_hz
            times = np.arange(rng.uniform(0.0, min(step, samples)), samples, step)
        else:
            count = max(1, int(rng.poisson(self.rate_hz * samples / rate)))
            times = rng.uniform(0.0, samples, count)
        tail = min(samples, math.ceil(7e-3 * self.decay_ms * rate))  # down to -60 dB
        blows = np.zeros(samples + tail)
        np.add.at(blows, times.astype(np.intp), rng.uniform(0.5, 1.0, len(times)))
        radius = math.exp(-1000.0 / (self.decay_ms * rate))
        angle = 2.0 * math.pi * self.frequency_hz / rate
        # The impulse response is radius**n * cos(angle * n).
        b = [1.0, -radius * math.cos(angle)]
        a = [1.0, -2.0 * radius * math.cos(angle), radius**2]
        decaying = np.asarray(scipy.signal.lfilter(b, a, blows), np.float64)
        ringing = decaying[:samples]
        ringing[:tail] += decaying[samples:]  # what a blow before the clip would leave in it
        return audio + ringing * (_amplitude(self.level_db) * _rms(audio) / _rms(ringing))


@dataclass(frozen=True)
class Noise(Operation):
    """Rubbing, leaking or clogging: stationary noise in a band."""

    kind = "noise"
    low_hz: float
    high_hz: float
    level_db: float

    @classmethod
    def draw(cls, rng: np.random.Generator, rate: int, strength: float) -> Self:
        """Draw a band of a third to two octaves, 26 dB to 8 dB below the clip in RMS."""
        center, half = _frequency(rng, rate), 2.0 ** (_log_uniform(rng, 1.0 / 3.0, 2.0) / 2.0)
        high = min(center * half, 0.49 * rate)
        return cls(center / half, high, rng.uniform(-26.0, -8.0) + _db(strength))

    def apply(self, audio: Signal, rate: int, rng: np.random.Generator) -> Signal:
        """Add the noise at ``level_db`` relative to the clip."""
        size = scipy.fft.next_fast_len(len(audio), real=True)
        first = min(max(1, math.ceil(self.low_hz * size / rate)), size // 2)
        last = max(first + 1, math.ceil(self.high_hz * size / rate))
        spectrum = np.zeros(size // 2 + 1, np.complex128)
        bins = spectrum[first:last]
        bins.real, bins.imag = rng.standard_normal((2, len(bins)))
        noise = scipy.fft.irfft(spectrum, size)[: len(audio)]
        return audio + noise * (_amplitude(self.level_db) * _rms(audio) / _rms(noise))


@dataclass(frozen=True)
class Level(Operation):
    """A machine that is louder or quieter as a whole."""

    kind = "level"
    gain_db: float

    @classmethod
    def draw(cls, rng: np.random.Generator, rate: int, strength: float) -> Self:
        """Draw 1 dB to 6 dB either way."""
        gain = strength * rng.uniform(1.0, 6.0)
        return cls(gain if rng.random() < 0.5 else -gain)

    def apply(self, audio: Signal, rate: int, rng: np.random.Generator) -> Signal:
        """Multiply by the gain."""
        return audio * _amplitude(self.gain_db)


OPERATIONS: dict[Kind, type[Operation]] = {
    op.kind: op for op in (Speed, Modulation, Resonance, Impacts, Noise, Level)
}
"""Every operation by its kind, in the order in which they are applied."""
