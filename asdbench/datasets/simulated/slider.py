"""Slide rail: a carriage on a belt goes back and forth with a trapezoidal velocity profile.

The belt's teeth mesh at v / pitch, the motor's switching lines split by the electrical speed (V
shapes on the spectrogram), the carriage rubs in proportion to v, and each reversal thumps at the
end stop. MIMII DG prints accelerations in m/s^2; with its velocities they describe the recorded
motion only as multiples of g, on a stroke of about 0.57 m, and are taken so.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from asdbench.datasets.simulated import signals as sg
from asdbench.datasets.simulated.plan import Fault, Setting

STROKE = 0.57
"""m."""
_G = 9.81
_DWELL = 0.10
_PITCH = 0.005
_CARRIAGE = 0.09
"""Distance between the carriage's two wheels, m."""
_CRACK_AT = 0.23
_FRICTION: sg.Curve = (
    (60, -12), (250, -4), (800, 0), (1800, -2), (3500, -4), (5500, -7), (8000, -14),
)  # fmt: skip
_GREASELESS: sg.Curve = ((300, -30), (1000, -10), (2400, 0), (4200, -1), (6500, -5), (8000, -12))
_RAIL_HZ = (290.0, 640.0, 1380.0, 2250.0, 3400.0, 4900.0, 6600.0)


@dataclass(frozen=True)
class Motion:
    """A course of strokes: velocity (m/s, signed) and position (m) over time, turning times (s)."""

    velocity: np.ndarray
    position: np.ndarray
    reversals: np.ndarray
    peak: float


def motion(velocity: float, acceleration: float, start: float, samples: int) -> Motion:
    """Return strokes of trapezoidal (or, where the stroke is too short, triangular) velocity.

    Parameters
    ----------
    velocity
        Programmed speed, m/s.
    acceleration
        m/s^2.
    start
        Where in the cycle of two strokes the clip begins, 0 to 1.
    samples
        Length of the clip.
    """
    peak = min(velocity, np.sqrt(acceleration * STROKE))
    ramp = peak / acceleration
    stroke = STROKE / peak + ramp
    half = stroke + _DWELL
    time = np.arange(samples) / sg.SAMPLE_RATE + start * 2 * half
    count = np.floor(time / half)
    within = time - count * half
    speed = np.clip(np.minimum(within, stroke - within) * acceleration, 0.0, peak)
    left = np.clip(stroke - within, 0.0, None)
    along = peak * (within - ramp / 2)  # the part at constant velocity
    along = np.where(within < ramp, acceleration * within**2 / 2, along)
    along = np.where(left < ramp, STROKE - acceleration * left**2 / 2, along)
    sign = 1.0 - 2.0 * (count % 2)
    position = np.where(sign > 0, along, STROKE - along)
    reversals = np.flatnonzero(np.diff(count)) / sg.SAMPLE_RATE - _DWELL
    return Motion(speed * sign, position, reversals, float(peak))


def slider(
    setting: Setting,
    rng: np.random.Generator,
    samples: int,
    fault: Fault | None,
    fault_rng: np.random.Generator,
) -> sg.Signal:
    """Return the sound of the rail at a velocity (mm/s) and an acceleration (multiples of g)."""
    values = dict(setting)
    speed = float(values.get("vel", "600")) / 1000 * (1 + 0.004 * rng.standard_normal())
    acceleration = float(values.get("ac", "0.30")) * _G * (1 + 0.01 * rng.standard_normal())
    course = motion(speed, acceleration, rng.uniform(), samples)
    severity = fault.severity if fault is not None else 0.0
    kind = fault.kind if fault is not None else ""

    pace = np.abs(course.velocity).astype(np.float32)
    belt = sg.turns(pace / _PITCH, samples, rng.uniform())
    loudness = (pace / 0.6) ** 1.1
    slack = severity if kind == "loose-belt" else 0.0
    out = _belt(belt, course.peak, rng) * loudness * (1 - 0.4 * slack)
    out += _drive(belt, pace, rng, samples)

    rub = sg.noise(rng, samples, sg.curve(samples, _FRICTION))
    rough = 1 + 0.2 * np.interp(course.position, *_roughness()).astype(np.float32)
    out += 0.5 * rub * loudness * rough * sg.decibels(0.8 * rng.standard_normal())

    blows = _reversals(course, acceleration, slack, rng, samples)
    if kind == "rail-crack":
        blows += _crack(course, severity, fault_rng, samples)
    if kind == "loose-belt":
        out += _flapping(course, severity, fault_rng, samples)
    if kind == "no-grease":
        out += _dry(course, pace, severity, fault_rng, samples)
    body = _rail(rng, samples)
    rung = sg.irfft(
        sg.rfft(out) * (0.6 + 0.5 * body) * sg.tilt(samples, 0.25 * rng.standard_normal())
        + sg.rfft(blows) * body,
        samples,
    )
    return rung * sg.decibels(0.5 * rng.standard_normal())


def _roughness() -> tuple[np.ndarray, np.ndarray]:
    """Return the rail's own roughness along its length (m, relative)."""
    places = np.linspace(0.0, STROKE, 40)
    return places, np.log(sg.spread(("slider", "rough"), np.ones(40), 1.0))


def _belt(belt: np.ndarray, peak: float, rng: np.random.Generator) -> sg.Signal:
    count = sg.below_nyquist(peak / _PITCH, 24)
    order = np.arange(1, count + 1)
    lines = 0.35 * order**-0.6 * sg.spread(("slider", "belt"), np.ones(24), 0.6)[:count]
    lines = lines * sg.decibels(0.7 * rng.standard_normal(count))
    return sg.periodic(belt, lines * np.exp(2j * np.pi * order * 0.31))


def _drive(belt: np.ndarray, pace: np.ndarray, rng: np.random.Generator, samples: int) -> sg.Signal:
    """Return the motor's switching lines at 3.6 and 6.4 kHz, split by the electrical speed."""
    out = np.zeros(samples, dtype=np.float32)
    active = np.minimum(pace / 0.05, 1.0)
    for carrier, level, split in ((3610.0, 0.035, 4.0), (6430.0, 0.03, 3.0)):
        line = sg.cosine(sg.turns(carrier, samples, rng.uniform()))
        out += level * (0.3 + sg.cosine(split * belt)) * line * active
    return out


def _reversals(
    course: Motion, acceleration: float, slack: float, rng: np.random.Generator, samples: int
) -> sg.Signal:
    """Return the thumps of the reversals; a slack belt slaps twice and harder."""
    count = len(course.reversals)
    size = 9.0 * np.sqrt(acceleration) * np.exp(0.2 * rng.standard_normal(count))
    blows = sg.impulses(samples, course.reversals, size)
    if slack > 0:
        for delay, share in ((0.035, 1.0), (0.075, 0.6), (0.13, 0.3)):
            blows += sg.impulses(samples, course.reversals + delay, share * slack * size)
    return blows


def _crack(course: Motion, severity: float, rng: np.random.Generator, samples: int) -> sg.Signal:
    """Return a blow for each wheel that rolls over the crack, in proportion to its speed."""
    blows = np.zeros(samples, dtype=np.float32)
    for wheel in (0.0, _CARRIAGE):
        passed = np.flatnonzero(np.diff(course.position > _CRACK_AT + wheel))
        size = (
            np.abs(course.velocity[passed]) / 0.6 * np.exp(0.25 * rng.standard_normal(len(passed)))
        )
        blows += sg.impulses(samples, passed / sg.SAMPLE_RATE, (4 + 22 * severity) * size)
    return blows


def _dry(
    course: Motion, pace: np.ndarray, severity: float, rng: np.random.Generator, samples: int
) -> sg.Signal:
    """Return dry friction: hiss of metal on metal, and a squeal where the rail sticks and slips."""
    hiss = sg.noise(rng, samples, sg.curve(samples, _GREASELESS))
    out = hiss * (pace / 0.6) ** 0.8 * sg.decibels(-19 + 12 * severity)
    pitch = rng.uniform(2300, 3100) * (1 + sg.wander(rng, samples, 6.0, 0.01))
    sticking = np.exp(-(((course.position - rng.uniform(0.1, 0.45)) / 0.04) ** 2)).astype(
        np.float32
    )
    squeal = sg.cosine(sg.turns(pitch, samples))
    return out + squeal * sticking * (pace > 0.01) * np.float32(0.4 * severity)


def _flapping(course: Motion, severity: float, rng: np.random.Generator, samples: int) -> sg.Signal:
    """Return the slack belt's own swinging, struck by each change of acceleration."""
    hertz = rng.uniform(62, 80)
    strand = sg.modes(samples, (hertz, 2.1 * hertz, 3.3 * hertz), 12.0, (1.0, 0.7, 0.5), 0.5)
    knees = np.flatnonzero(np.abs(np.diff(np.abs(course.velocity), 2)) > 1e-7) / sg.SAMPLE_RATE
    knees = knees[np.diff(knees, prepend=-1.0) > 0.02]
    size = 60.0 * severity * np.exp(0.3 * rng.standard_normal(len(knees)))
    return sg.irfft(sg.rfft(sg.impulses(samples, knees, size)) * strand, samples)


def _rail(rng: np.random.Generator, samples: int) -> sg.Spectrum:
    hertz = sg.spread(("slider", "rail"), _RAIL_HZ, 0.05) * (1 + 0.004 * rng.standard_normal())
    gains = sg.spread(("slider", "gains"), np.ones(len(hertz)), 0.4)
    return sg.modes(samples, hertz, 20.0, gains)
