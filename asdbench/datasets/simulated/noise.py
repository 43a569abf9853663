"""Factory noise A-D: four halls with their own hums, machinery and impacts.

Each hall is a bed of colored noise (air handling, distant traffic of goods), hums (mains and
motor lines), machinery (bands of noise that beat at a machine's pace) and impacts that ring in
the hall. Levels are relative to the bed, whose power is 1. Every clip draws its own mixture.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from asdbench.datasets.simulated import signals as sg


@dataclass(frozen=True)
class Hum:
    """A line and its harmonics."""

    hertz: float
    level_db: float
    harmonics: int
    rolloff_db: float
    """Loss from each harmonic to the next."""


@dataclass(frozen=True)
class Beat:
    """A band of noise that swells once a stroke."""

    color: sg.Curve
    level_db: float
    strokes: float
    """Strokes a second."""
    duty: float
    """Share of the stroke that is loud."""


@dataclass(frozen=True)
class Impacts:
    """Random blows a second, each ringing in ``hertz`` with quality ``quality``."""

    rate: float
    level_db: float
    hertz: tuple[float, ...]
    quality: float


@dataclass(frozen=True)
class Hall:
    """One factory."""

    color: sg.Curve
    hums: tuple[Hum, ...]
    beats: tuple[Beat, ...]
    impacts: Impacts
    tilt_spread: float
    """Standard deviation between clips of the bed's slope, dB per octave."""
    swell_db: float
    """Standard deviation of the bed's slow level changes within a clip."""


HALLS: dict[str, Hall] = {
    # A machining hall: air handling, two induction motors, now and then a dropped part.
    "A": Hall(
        color=((20, -14), (60, 0), (160, -2), (400, -10), (1000, -19), (2500, -29), (8000, -43)),
        hums=(Hum(49.7, -8.0, 6, 4.0), Hum(294.0, -20.0, 4, 5.0)),
        beats=(Beat(((100, -30), (500, 0), (900, 0), (4000, -30)), -14.0, 2.1, 0.35),),
        impacts=Impacts(0.35, -15.0, (310.0, 830.0, 1720.0, 2900.0), 18.0),
        tilt_spread=0.35,
        swell_db=0.7,
    ),
    # A press shop seen from far: compressors that beat, a whining gear, few blows.
    "B": Hall(
        color=((20, -16), (70, -2), (200, 0), (450, -11), (1200, -25), (3000, -34), (8000, -46)),
        hums=(Hum(99.4, -10.0, 5, 3.0), Hum(437.0, -22.0, 3, 6.0)),
        beats=(Beat(((60, -20), (180, 0), (350, 0), (3000, -35)), -9.0, 3.4, 0.5),),
        impacts=Impacts(0.2, -17.0, (190.0, 560.0, 1240.0, 2350.0), 22.0),
        tilt_spread=0.35,
        swell_db=0.9,
    ),
    # An assembly hall: air tools and jets, conveyors, more treble, more blows.
    "C": Hall(
        color=((20, -18), (75, -2), (220, -1), (550, -11.5), (1400, -23), (3300, -32), (8000, -43)),
        hums=(Hum(119.3, -18.0, 5, 4.0), Hum(713.0, -28.0, 3, 4.0)),
        beats=(Beat(((300, -35), (1500, -5), (3000, 0), (7500, -12)), -26.0, 1.3, 0.3),),
        impacts=Impacts(0.35, -20.0, (420.0, 980.0, 2100.0, 3700.0, 5200.0), 25.0),
        tilt_spread=0.35,
        swell_db=0.8,
    ),
    # A saw mill: blades, fans, boards that fall.
    "D": Hall(
        color=((20, -20), (90, -6), (300, -3), (800, 0), (1600, -9), (4000, -20), (8000, -38)),
        hums=(Hum(74.0, -12.0, 10, 2.0), Hum(1180.0, -19.0, 3, 6.0)),
        beats=(Beat(((800, -30), (2500, 0), (5000, -3), (8000, -20)), -13.0, 0.5, 0.55),),
        impacts=Impacts(0.6, -12.0, (150.0, 380.0, 900.0, 1900.0), 12.0),
        tilt_spread=0.5,
        swell_db=1.3,
    ),
}


def factory_noise(name: str, rng: np.random.Generator, samples: int) -> sg.Signal:
    """Return noise of hall ``name`` (``A`` to ``D``) with unit power."""
    hall = HALLS[name]
    color = sg.curve(samples, hall.color)
    slope = sg.tilt(samples, hall.tilt_spread * rng.standard_normal())
    out = sg.noise(rng, samples, color * slope)
    out *= sg.decibels(sg.wander(rng, samples, 1.5, hall.swell_db))
    for hum in hall.hums:
        out += _hum(hum, rng, samples)
    for beat in hall.beats:
        out += _beat(beat, rng, samples)
    out += _impacts(hall.impacts, rng, samples)
    return sg.normalized(out)


def _hum(hum: Hum, rng: np.random.Generator, samples: int) -> sg.Signal:
    pace = hum.hertz * (1 + 0.004 * rng.standard_normal())
    phase = sg.turns(pace * (1 + sg.wander(rng, samples, 0.4, 0.001)), samples)
    order = np.arange(hum.harmonics)
    level = hum.level_db + 2.0 * rng.standard_normal() - hum.rolloff_db * order
    level = level + 2.0 * rng.standard_normal(hum.harmonics)
    lines = sg.decibels(level) * np.sqrt(2) * np.exp(2j * np.pi * rng.uniform(size=hum.harmonics))
    return sg.periodic(phase, lines)


def _beat(beat: Beat, rng: np.random.Generator, samples: int) -> sg.Signal:
    band = sg.noise(rng, samples, sg.curve(samples, beat.color))
    stroke = beat.strokes * (1 + 0.05 * rng.standard_normal())
    phase = sg.turns(stroke, samples, rng.uniform())
    band *= np.exp((sg.cosine(phase) - 1) / np.float32(beat.duty))
    band *= sg.decibels(beat.level_db + 3.0 * rng.standard_normal())
    return band


def _impacts(impacts: Impacts, rng: np.random.Generator, samples: int) -> sg.Signal:
    seconds = samples / sg.SAMPLE_RATE
    count = rng.poisson(impacts.rate * seconds)
    if count == 0:
        return np.zeros(samples, dtype=np.float32)
    at = rng.uniform(0, seconds, count)
    level = impacts.level_db + rng.uniform(-7.0, 5.0, count)
    hertz = np.array(impacts.hertz) * np.exp(0.05 * rng.standard_normal(len(impacts.hertz)))
    body = sg.modes(samples, hertz, impacts.quality, rng.uniform(0.3, 1.0, len(hertz)), 0.3)
    # A blow as strong as one second of the bed at 0 dB carries the energy of 16000 samples.
    blows = sg.impulses(samples, at, sg.decibels(level) * np.sqrt(sg.SAMPLE_RATE))
    return sg.irfft(sg.rfft(blows) * body, samples)
