"""Bearing: two ball bearings on a spindle, heard by a microphone at one of eight places.

A shaft at v krpm turns v*1000/60 times a second. Rolling makes broadband noise that rings in the
housing, waxes and wanes with the balls' passing and grows with speed; the spindle adds its own
lines. An eccentric bearing throws the shaft: sideways it loads every turn once (lines and noise at
1x), up and down it loads the upper and the lower race in turn (2x) and rubs at the cage's pace.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from asdbench.datasets.simulated import signals as sg
from asdbench.datasets.simulated.plan import Fault, Setting

OUTER, INNER, CAGE = 3.05, 4.95, 0.381
"""Ball-pass orders of the outer and inner race and cage order, in turns of the shaft."""
_POLES = 4
_ROLLING: sg.Curve = (
    (40, -14), (150, -6), (500, -2), (1200, 0), (2500, -3), (4000, -9), (8000, -20),
)  # fmt: skip
_HOUSING_HZ = (415.0, 890.0, 1460.0, 2230.0, 3120.0, 4650.0, 6100.0)


@dataclass(frozen=True)
class Place:
    """Where the microphone stands."""

    meters: float
    slope: float
    """Change of slope from the housing's directivity, dB per octave."""
    detour: float
    """Extra path of the reflection from the machine bed, m."""
    reflection: float
    """Its amplitude."""


PLACES: dict[str, Place] = {
    "A": Place(0.50, 0.0, 0.21, 0.16),
    "B": Place(0.60, -0.4, 0.30, 0.14),
    "C": Place(0.60, 0.4, 0.16, 0.18),
    "D": Place(0.75, -0.2, 0.40, 0.12),
    "E": Place(0.50, 0.3, 0.18, 0.17),
    "F": Place(0.80, -0.35, 0.36, 0.13),
    "G": Place(0.70, 0.2, 0.25, 0.18),
    "H": Place(0.85, -0.4, 0.27, 0.14),
}
"""Source places A-D stand in a quarter circle, target places E-H around and above it."""


def bearing(
    setting: Setting,
    rng: np.random.Generator,
    samples: int,
    fault: Fault | None,
    fault_rng: np.random.Generator,
) -> sg.Signal:
    """Return the sound of the bearings at a speed (krpm), at a microphone place."""
    values = dict(setting)
    krpm = float(values["vel"])
    shaft = krpm * 1000 / 60 * (1 + 0.003 * rng.standard_normal())
    phase = sg.turns(shaft * (1 + sg.wander(rng, samples, 0.8, 0.0008)), samples, rng.uniform())
    kind = fault.kind if fault is not None else ""
    sideways = fault.severity if fault is not None and kind == "eccentric-horizontal" else 0.0
    upright = fault.severity if fault is not None and kind == "eccentric-vertical" else 0.0

    tones = _spindle(shaft, phase, sideways, upright, rng)
    rolling = sg.noise(rng, samples, sg.curve(samples, _ROLLING))
    wave = 1 + 0.12 * sg.cosine(OUTER * phase) + 0.08 * sg.cosine(INNER * phase)
    wave += 0.45 * sideways * sg.cosine(phase)
    wave += 0.38 * upright * sg.cosine(2 * phase) + 0.25 * upright * sg.cosine(CAGE * phase)
    rolling *= wave * sg.decibels(sg.wander(rng, samples, 2.0, 0.4))
    rolling *= sg.decibels(1.4 * sideways + 1.6 * upright)

    bursts = np.zeros(samples, dtype=np.float32)
    if upright > 0:  # balls strike the overloaded race
        passing = OUTER * phase
        at = np.flatnonzero(np.diff(np.floor(passing)))
        zone = np.clip(np.cos(2 * np.pi * phase[at]), 0, 1)
        size = zone * np.exp(0.3 * fault_rng.standard_normal(len(at)))
        bursts = sg.impulses(samples, at / sg.SAMPLE_RATE, 1.1 * upright * size)

    body = _housing(rng, samples)
    excitation = 0.4 * tones + 0.6 * rolling + 0.8 * bursts
    heard = sg.rfft(excitation) * (0.8 + 0.4 * body)
    heard *= place_response(values.get("loc", "A"), rng, samples)
    out = sg.irfft(heard, samples)
    level = 20 * np.log10(krpm / 12) + 0.7 * rng.standard_normal()
    return out * sg.decibels(level)


def _spindle(
    shaft: float,
    phase: np.ndarray,
    sideways: float,
    upright: float,
    rng: np.random.Generator,
) -> sg.Signal:
    """Return the lines of the spindle: turns, motor poles, and what eccentricity adds."""
    count = sg.below_nyquist(shaft * 1.01, 48)
    order = np.arange(1, count + 1)
    lines = 0.35 * order**-0.9 * sg.spread(("bearing", "spindle"), np.ones(48), 0.6)[:count]
    lines[_POLES - 1 :: _POLES] *= 2.5
    lines[:1] += 0.65 * sideways
    lines[1:3] += 0.4 * sideways * np.array([0.5, 0.25])[: len(lines[1:3])]
    lines[1:2] += 0.6 * upright
    lines[3:8:2] += 0.2 * upright
    lines = lines * sg.decibels(1.8 * rng.standard_normal(count))
    turn = np.exp(2j * np.pi * sg.spread(("bearing", "path"), np.ones(48), 1.0)[:count])
    return sg.periodic(phase, lines * turn)


def _housing(rng: np.random.Generator, samples: int) -> sg.Spectrum:
    hertz = sg.spread(("bearing", "housing"), _HOUSING_HZ, 0.05)
    hertz = hertz * (1 + 0.012 * rng.standard_normal())  # warm or cold
    gains = sg.spread(("bearing", "gains"), np.ones(len(hertz)), 0.4)
    return sg.modes(samples, hertz, 14.0, gains)


def place_response(name: str, rng: np.random.Generator, samples: int) -> sg.Spectrum:
    """Return the response from the housing to microphone place ``A``-``H``.

    Distance (1/r), the housing's directivity as a slope, and one reflection from the machine
    bed as a comb. The stand is put back by hand: distances vary by 1 %.
    """
    place = PLACES[name]
    detour = place.detour * (1 + 0.01 * rng.standard_normal())
    response = sg.reflected(samples, detour, place.reflection)
    response *= sg.tilt(samples, place.slope + 0.18 * rng.standard_normal()) * np.float32(
        0.5 / place.meters
    )
    return response
