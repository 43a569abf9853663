"""Industrial fan: blade passing, turbulence, motor hum; four faults. And pumps, for section 00.

The tonal part is what a microphone hears of seven pressure pulses that go round with the shaft:
harmonic m of the shaft has amplitude ``G_m * sum_b w_b exp(-2 pi i m theta_b)`` over the blades b.
With equal blades only multiples of seven remain (blade-pass harmonics); a damaged blade brings
all the others back.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from asdbench.datasets.simulated import signals as sg
from asdbench.datasets.simulated.plan import Fault, Setting

BLADES = 7
SHAFT_HZ = 24.6
_HARMONICS = 20 * BLADES
_TURBULENCE: sg.Curve = (
    (20, -8), (60, 0), (130, 1), (300, -4), (700, -8), (1500, -14), (3000, -21), (8000, -36),
)  # fmt: skip
_STALL: sg.Curve = ((10, -6), (40, 0), (120, -3), (300, -14), (1000, -40))
_EDGE: sg.Curve = ((400, -30), (1200, -8), (2200, 0), (3600, -4), (8000, -22))
_CASING = ((212.0, 470.0, 905.0, 1640.0, 2710.0), 14.0, (1.0, 0.8, 0.7, 0.5, 0.4))


@dataclass
class _State:
    """What a fault changes; the defaults are a healthy fan."""

    speed: float = 1.0
    blades: np.ndarray | None = None
    unbalance: float = 0.0
    tone_db: float = -1.0
    turbulence_db: float = 0.0
    stall_db: float = -60.0
    pulsing: float = 0.0
    """Depth of the turbulence's modulation once a turn."""
    rattle_db: float = -60.0
    edge_db: float = -60.0
    """Noise of flow that leaves a damaged edge."""
    tilt: float = 0.0
    """Change of the turbulence's slope, dB per octave."""


def fan(
    setting: Setting,
    rng: np.random.Generator,
    samples: int,
    fault: Fault | None,
    fault_rng: np.random.Generator,
) -> sg.Signal:
    """Return the sound of the fan alone. ``setting`` changes nothing: shifts are environmental."""
    blades = sg.spread(("fan", "blades"), np.ones(BLADES), 0.03)
    state = _State(blades=blades)
    if fault is not None:
        _apply(state, fault, fault_rng)
    assert state.blades is not None
    drive = 1 + 0.006 * rng.standard_normal()  # mains and load differ from day to day
    shaft = SHAFT_HZ * drive * state.speed
    phase = sg.turns(shaft * (1 + sg.wander(rng, samples, 0.5, 0.0015)), samples, rng.uniform())

    order = np.arange(1, _HARMONICS + 1)
    pulse = (1 + (order / 9.0) ** 2) ** -0.45 * sg.spread(
        ("fan", "pulse"), np.ones(len(order)), 0.3
    )
    theta = np.arange(BLADES) / BLADES
    lines = pulse * (np.exp(-2j * np.pi * np.outer(order, theta)) @ state.blades) / BLADES
    lines = lines * np.exp(2j * np.pi * sg.spread(("fan", "path"), np.ones(len(order)), 1.0))
    lines[:2] += state.unbalance * np.array([1.0, 0.35])
    lines *= sg.decibels(0.8 * rng.standard_normal(len(order)))
    tones = sg.periodic(phase, lines) * sg.decibels(state.tone_db + 0.6 * rng.standard_normal())

    slope = sg.tilt(samples, state.tilt + 0.12 * rng.standard_normal())
    air = sg.noise(rng, samples, sg.curve(samples, _TURBULENCE) * slope)
    air *= 1 + state.pulsing * sg.cosine(phase)
    air *= sg.decibels(sg.wander(rng, samples, 2.0, 0.5) + state.turbulence_db)
    out = tones + air

    hum = np.zeros(6, dtype=np.complex128)
    hum[[1, 3, 5]] = 0.09, 0.04, 0.03
    out += sg.periodic(sg.turns(50.0, samples, rng.uniform()), hum)
    if fault is not None:
        out += _extra(state, phase, fault_rng, samples)
    return out * sg.decibels(0.5 * rng.standard_normal())


def _apply(state: _State, fault: Fault, rng: np.random.Generator) -> None:
    severity = fault.severity
    assert state.blades is not None
    if fault.kind == "wing-damage":  # a bent blade beats the air; its neighbor runs in its wake
        hit = int(rng.integers(BLADES))
        state.blades[hit] *= 1 + 2.0 * severity
        state.blades[(hit + 1) % BLADES] *= 1 - 0.7 * severity
        state.pulsing = 0.5 * severity
        state.edge_db = -16 + 13 * severity
    elif fault.kind == "unbalance":
        state.unbalance = 0.25 + 0.9 * severity
        state.rattle_db = -14 + 11 * severity
    elif fault.kind == "clogging":
        state.speed = 1 + 0.015 * severity  # less air to move
        state.tone_db -= 4 * severity
        state.stall_db = -10 + 8 * severity
        state.tilt = -1.2 * severity
    else:  # over-voltage
        state.speed = 1.015 + 0.05 * severity
        state.tone_db += 60 * np.log10(state.speed)
        state.turbulence_db += 50 * np.log10(state.speed)


def _extra(state: _State, phase: np.ndarray, rng: np.random.Generator, samples: int) -> sg.Signal:
    out = np.zeros(samples, dtype=np.float32)
    if state.stall_db > -60:  # cells of stalled flow go round at about 0.4 of the shaft speed
        cell = 0.5 + 0.5 * sg.cosine(0.41 * phase)
        out += (
            sg.noise(rng, samples, sg.curve(samples, _STALL)) * cell * sg.decibels(state.stall_db)
        )
    if state.edge_db > -60:  # loudest when the damaged blade passes
        passing = np.exp(2 * (sg.cosine(phase) - 1))
        edge = sg.noise(rng, samples, sg.curve(samples, _EDGE)) * passing
        out += edge * sg.decibels(state.edge_db)
    if state.rattle_db > -60:  # the shaken casing knocks once a turn
        knocks = np.flatnonzero(np.diff(np.floor(phase))) / sg.SAMPLE_RATE
        sizes = np.exp(0.5 * rng.standard_normal(len(knocks)))
        hertz, quality, gains = _CASING
        casing = sg.modes(samples, hertz, quality, gains)
        train = sg.impulses(samples, knocks + 0.001 * rng.standard_normal(len(knocks)), sizes)
        knocking = sg.normalized(sg.irfft(sg.rfft(train) * casing, samples))
        out += knocking * sg.decibels(state.rattle_db)
    return out


@dataclass(frozen=True)
class Pump:
    """A pump in the same room (MIMII DUE), heard beside the fan in section 00."""

    shaft_hz: float
    vanes: int
    tone_db: float
    color: sg.Curve


PUMPS: dict[str, Pump] = {
    "W": Pump(24.3, 5, -3.0, ((30, 0), (300, -3), (900, -12), (2000, -22), (8000, -46))),
    "X": Pump(48.6, 6, -2.0, ((30, -6), (300, -4), (1200, -4), (3000, -14), (8000, -22))),
    "Y": Pump(29.1, 7, 0.0, ((30, -2), (200, 0), (700, -10), (1600, -20), (8000, -44))),
    "Z": Pump(41.2, 4, -3.0, ((30, -8), (500, -2), (1500, -8), (4000, -16), (8000, -26))),
}  # fmt: skip


def pump(name: str, rng: np.random.Generator, samples: int) -> sg.Signal:
    """Return the sound of pump ``W``, ``X``, ``Y`` or ``Z`` with unit power."""
    kind = PUMPS[name]
    pace = kind.shaft_hz * (1 + 0.004 * rng.standard_normal())
    phase = sg.turns(pace * (1 + sg.wander(rng, samples, 0.5, 0.001)), samples, rng.uniform())
    count = sg.below_nyquist(pace, 60)
    order = np.arange(1, count + 1)
    lines = 0.25 * order**-0.9 * sg.spread(("pump", name), np.ones(count), 0.7)
    lines[kind.vanes - 1 :: kind.vanes] *= 4.0
    lines = lines * np.exp(2j * np.pi * sg.spread(("pump", name, "path"), np.ones(count), 1.0))
    tones = sg.normalized(sg.periodic(phase, lines)) * sg.decibels(kind.tone_db)
    water = sg.noise(rng, samples, sg.curve(samples, kind.color))
    water *= sg.decibels(sg.wander(rng, samples, 1.0, 0.6))
    return sg.normalized(tones * sg.decibels(rng.standard_normal()) + water)
