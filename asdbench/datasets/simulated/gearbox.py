"""Gearbox: a DC motor drives, through gears, a slider-crank that lifts and lowers a weight.

Motor speed follows the voltage and sags under load. Each gear pair sings at its mesh frequency
(teeth times shaft speed) with sidebands one shaft turn apart, from the run-out of its wheels. The
weight loads the teeth once a crank turn and the play of the joints knocks at both dead centers.
"""

from __future__ import annotations

import numpy as np

from asdbench.datasets.simulated import signals as sg
from asdbench.datasets.simulated.plan import Fault, Setting

MOTOR_HZ_PER_VOLT = 34.0
PINION_TEETH = 12
RATIO = 3.0
SECOND_TEETH = 14
CRANK_RATIO = 3.9
_BRUSH: sg.Curve = (
    (60, -8), (200, -2), (600, 0), (1500, -1), (2500, -5), (4000, -9), (8000, -20),
)  # fmt: skip
_HOUSING_HZ = (340.0, 620.0, 1130.0, 1710.0, 2480.0, 3650.0, 5200.0)


def gearbox(
    setting: Setting,
    rng: np.random.Generator,
    samples: int,
    fault: Fault | None,
    fault_rng: np.random.Generator,
) -> sg.Signal:
    """Return the sound of a gearbox at a voltage (V), weight (g) and unit; one of them is named."""
    values = dict(setting)
    volts = float(values.get("volt", "1.5"))
    grams = float(values.get("wt", "50"))
    unit = values.get("id", "05")
    if fault is not None and fault.kind == "over-voltage":
        volts *= 1.02 + 0.12 * fault.severity
    damage = fault.severity if fault is not None and fault.kind == "gear-damage" else 0.0

    load = 0.25 + grams / 200.0
    motor = MOTOR_HZ_PER_VOLT * volts * (1 - 0.05 * load) * (1 + 0.01 * rng.standard_normal())
    crank = motor / (RATIO * CRANK_RATIO)
    sag = 0.012 + 0.02 * load  # the motor slows while the weight rises
    start = rng.uniform()
    lift = sg.cosine(sg.turns(crank, samples, start))
    course = motor * (1 - sag * lift + sg.wander(rng, samples, 3.0, 0.004))
    phase = sg.turns(course, samples, rng.uniform())

    # Loudness grows with speed (vibration velocity) and with tooth load.
    speed_db = 16 * np.log10(volts / 1.5)
    strength = sg.decibels(2.0 * load * lift)
    tones = _mesh(unit, "first", phase, PINION_TEETH, motor, rng, 0.0)
    tones += 0.8 * _mesh(unit, "second", phase / RATIO, SECOND_TEETH, motor / RATIO, rng, damage)
    tones *= strength * sg.decibels(5 * np.log10(load + 0.75) - 1.0)

    wheel = phase / RATIO
    grind = 1 + (0.25 + 0.5 * damage) * sg.cosine(wheel)
    brush = sg.noise(rng, samples, sg.curve(samples, _BRUSH))
    brush *= grind * sg.decibels(sg.wander(rng, samples, 3.0, 0.5) - 6.0 + 2.5 * damage)

    blows = _knocks(phase / (RATIO * CRANK_RATIO), load, rng, samples)
    if damage > 0:
        blows += _broken_tooth(wheel, damage, fault_rng, samples)
    body = _housing(unit, rng, samples) + 0.55 * _hanger(grams, rng, samples)
    out = sg.irfft(sg.rfft(tones + 0.6 * brush) * (0.35 + body) + sg.rfft(blows) * body, samples)
    out += 0.5 * brush
    return out * sg.decibels(speed_db + 0.5 * rng.standard_normal())


def _mesh(
    unit: str,
    pair: str,
    phase: np.ndarray,
    teeth: int,
    shaft: float,
    rng: np.random.Generator,
    damage: float,
) -> sg.Signal:
    """Return a pair's mesh harmonics with run-out sidebands, from the phase of its shaft."""
    count = sg.below_nyquist(teeth * shaft * 1.1, 8)
    order = np.arange(1, count + 1)
    level = 0.5 * order**-0.8 * sg.spread((unit, pair, "mesh"), np.ones(count), 0.45)
    lines = np.zeros(teeth * count + 4, dtype=np.complex128)
    runout = 0.12 * sg.spread((unit, pair, "runout"), np.ones(3), 0.5)
    runout = runout * (0.4 ** np.arange(3)) + damage * np.array([0.3, 0.2, 0.15])
    for k, size in zip(order, level, strict=True):
        center = k * teeth - 1
        size = size * sg.decibels(0.7 * rng.standard_normal())
        turn = np.exp(2j * np.pi * k * 0.37)
        lines[center] += size * turn
        for step, depth in enumerate(runout, start=1):
            lines[center + step] += size * depth * turn
            lines[center - step] += size * depth * turn
    return sg.periodic(phase, lines[: sg.below_nyquist(shaft * 1.1, len(lines))])


def _knocks(crank: np.ndarray, load: float, rng: np.random.Generator, samples: int) -> sg.Signal:
    """Return blows at the dead centers; the lower one, against the weight, is harder."""
    half = np.floor(2 * crank)
    at = np.flatnonzero(np.diff(half))
    lower = half[at] % 2 == 0
    size = np.where(lower, 1.0 + 1.5 * load, 0.6 + 0.3 * load)
    size = size * np.exp(0.2 * rng.standard_normal(len(at)))
    seconds = at / sg.SAMPLE_RATE + 0.0015 * rng.standard_normal(len(at))
    return sg.impulses(samples, seconds, 5.0 * size)


def _broken_tooth(
    wheel: np.ndarray, damage: float, rng: np.random.Generator, samples: int
) -> sg.Signal:
    """Return one blow a turn of the wheel with the damaged tooth."""
    at = np.flatnonzero(np.diff(np.floor(wheel + 0.3)))
    size = (1.5 + 6.0 * damage) * np.exp(0.25 * rng.standard_normal(len(at)))
    return sg.impulses(samples, at / sg.SAMPLE_RATE, size)


def _hanger(grams: float, rng: np.random.Generator, samples: int) -> sg.Spectrum:
    """Return the ringing of the weight on its hanger: the heavier, the lower."""
    hertz = 2400.0 / np.sqrt(1 + grams / 60.0) * (1 + 0.01 * rng.standard_normal())
    return sg.modes(samples, [hertz, 2.6 * hertz], 18.0, [1.0, 0.4])


def _housing(unit: str, rng: np.random.Generator, samples: int) -> sg.Spectrum:
    hertz = sg.spread((unit, "housing"), _HOUSING_HZ, 0.08) * (1 + 0.004 * rng.standard_normal())
    gains = sg.spread((unit, "housing gains"), np.ones(len(hertz)), 0.5)
    return sg.modes(samples, hertz, 16.0, gains)
