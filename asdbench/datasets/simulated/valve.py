"""Solenoid valves on a pumped line: clicks on a pattern, flow while open, panels around them.

Opening pulls the plunger against its stop (a hard click), closing lets the spring throw it back
(softer, with a bounce). Between the two the flow builds up and hisses, and the coil hums; what
flows when the valve closes hammers in the pipe. The pump never stops.
Panels around the valve add a reflection and a cavity and take away treble.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from asdbench.datasets.simulated import signals as sg
from asdbench.datasets.simulated.plan import Fault, Setting

Pattern = tuple[float, tuple[tuple[float, float], ...]]
"""Length of a pattern in s, and (opens, closes) times within it."""


def _regular(count: int, every: float, opened: float, rest: float) -> Pattern:
    return count * every + rest, tuple((k * every, k * every + opened) for k in range(count))


PATTERNS: dict[str, Pattern] = {
    "00": _regular(6, 0.80, 0.40, 1.0),
    "01": _regular(15, 0.49, 0.24, 1.2),
    "02": (5.2, ((0.0, 0.25), (0.7, 1.5), (2.1, 2.35), (3.0, 4.2))),
    "03": (6.6, ((0.0, 0.6), (1.4, 1.7), (2.1, 3.0), (4.4, 4.6), (5.0, 6.0))),
    "04": _regular(5, 1.00, 0.55, 0.6),
    "05": (3.6, ((0.0, 0.3), (0.9, 1.2), (2.0, 2.9))),
}
"""Open/close programs; section 00 shifts from 00 and 01 to 02 and 03."""

_FLOW: sg.Curve = (
    (60, -14), (300, -8), (900, -3), (2200, 0), (4000, -2), (6000, -6), (8000, -12),
)  # fmt: skip
_PUMP: sg.Curve = ((40, 0), (200, -3), (700, -12), (2000, -24), (8000, -44))
_INERTIA = 0.35
"""Time in which the flow comes to 63 %, s."""
_VALVE_HZ = (760.0, 1480.0, 2380.0, 3560.0, 4720.0, 6350.0)


@dataclass(frozen=True)
class Panels:
    """What an enclosure does to the sound: treble lost, one reflection, one cavity."""

    treble: float
    """dB per octave."""
    detour: float
    """m."""
    reflection: float
    cavity_hz: float
    cavity: float


PANELS: dict[str, Panels] = {
    "open": Panels(0.0, 0.35, 0.10, 300.0, 0.0),
    "bs-c": Panels(-0.8, 0.18, 0.18, 255.0, 0.50),
    "b-c": Panels(-0.35, 0.24, 0.12, 270.0, 0.40),
    "s-c": Panels(-0.6, 0.15, 0.13, 285.0, 0.45),
}
"""Open, back and side closed, back closed, side closed."""


def valve(
    setting: Setting,
    rng: np.random.Generator,
    samples: int,
    fault: Fault | None,
    fault_rng: np.random.Generator,
) -> sg.Signal:
    """Return the sound of one valve or two on their patterns, behind panels."""
    values = dict(setting)
    severity = fault.severity if fault is not None else 0.0
    patterns = {"1": values.get("pat", values.get("v1pat")), "2": values.get("v2pat")}
    active = {number: pattern for number, pattern in patterns.items() if pattern is not None}
    # Dirt sits in one valve only.
    dirty = sorted(active)[int(fault_rng.integers(len(active)))] if severity else ""
    start = rng.uniform()
    out = np.zeros(samples, dtype=np.float32)
    for number, pattern in active.items():
        dirt = severity if number == dirty else 0.0
        out += _one(number, pattern, start, dirt, rng, fault_rng, samples)
    if "pat" not in values:  # the microphone stands back to hear both valves of section 02
        out *= np.float32(0.22)
    out += _pump(rng, samples)
    out = sg.irfft(
        sg.rfft(out) * panel_response(values.get("panel", "open"), rng, samples), samples
    )
    return out * sg.decibels(0.5 * rng.standard_normal())


def _events(
    pattern: str, start: float, samples: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Return opening and closing times (s), beginning before and ending after the clip."""
    length, pairs = PATTERNS[pattern]
    seconds = samples / sg.SAMPLE_RATE
    cycles = np.arange(-1, int(seconds / length) + 2)
    base = (cycles - start)[:, None] * length
    opened = (base + np.array([pair[0] for pair in pairs])).ravel()
    closed = (base + np.array([pair[1] for pair in pairs])).ravel()
    jitter = 0.002 * rng.standard_normal((2, len(opened)))
    return opened + jitter[0], closed + jitter[1]


def _one(
    number: str,
    pattern: str,
    start: float,
    dirt: float,
    rng: np.random.Generator,
    fault_rng: np.random.Generator,
    samples: int,
) -> sg.Signal:
    opened, closed = _events(pattern, start, samples, rng)
    if dirt > 0:  # grit slows the plunger, unevenly
        late = np.minimum(fault_rng.exponential(0.03 * dirt, (2, len(opened))), 0.12)
        opened, closed = opened + late[0], closed + late[1]
    count = len(opened)
    reached = 1 - np.exp(-(closed - opened) / _INERTIA)
    hard = np.exp(0.15 * rng.standard_normal(count))
    soft = np.exp(0.20 * rng.standard_normal(count))
    blows = sg.impulses(samples, opened, 70 * (1 - 0.43 * dirt) * hard)
    blows += sg.impulses(samples, closed, 40 * (1 - 0.35 * dirt) * soft)
    blows += sg.impulses(samples, closed + rng.normal(0.011, 0.0006, count), 15 * soft)
    if dirt > 0:  # grains crushed on the seat
        grains = np.repeat(closed, 5) + fault_rng.exponential(0.02, 5 * count)
        blows += sg.impulses(samples, grains, 11 * dirt * fault_rng.standard_normal(5 * count))
    hertz = sg.spread(("valve", number), _VALVE_HZ, 0.08) * (1 + 0.005 * rng.standard_normal())
    body = sg.modes(samples, hertz, 22.0, sg.spread(("valve", number, "gain"), np.ones(6), 0.25))
    pipe = sg.modes(samples, (92.0, 173.0, 268.0), 9.0, (1.0, 0.7, 0.4), 0.3)
    hammer = sg.impulses(samples, closed + 0.004, 30 * reached * soft)
    clicks = sg.irfft(sg.rfft(blows) * body + sg.rfft(hammer) * pipe, samples)

    leak = 0.02 + 0.33 * dirt  # grit keeps the seat from closing
    gate = _gate(opened, closed, leak, samples)
    flow = sg.noise(rng, samples, sg.curve(samples, _FLOW))
    flow *= gate * sg.decibels(sg.wander(rng, samples, 12.0, 0.6 + 1.0 * dirt) - 15.0)
    coil = np.zeros(4, dtype=np.complex128)
    coil[[1, 3]] = 0.10, 0.05
    hum = sg.periodic(sg.turns(50.0, samples, rng.uniform()), coil) * gate
    clicks += flow
    clicks += hum
    return clicks


def _gate(opened: np.ndarray, closed: np.ndarray, leak: float, samples: int) -> sg.Signal:
    """Return the flow, 0 to 1: the column of water takes time to move, and little to stop."""
    steps = np.linspace(0.0, 1.0, 9)
    rising = opened[:, None] + steps * (closed - opened)[:, None]
    level = leak + (1 - leak) * (1 - np.exp(-(rising - opened[:, None]) / _INERTIA))
    knots = np.column_stack([rising, closed + 0.05]).ravel()
    values = np.column_stack([level, np.full(len(closed), leak)]).ravel()
    time = np.arange(samples) / sg.SAMPLE_RATE
    gate: sg.Signal = np.interp(time, knots, values).astype(np.float32)
    return gate


def _pump(rng: np.random.Generator, samples: int) -> sg.Signal:
    phase = sg.turns(28.7 * (1 + 0.004 * rng.standard_normal()), samples, rng.uniform())
    lines = 0.24 * np.arange(1, 13) ** -0.8 * sg.spread(("valve", "pump"), np.ones(12), 0.5)
    tones = sg.periodic(phase, lines.astype(np.complex128))
    return tones + 0.5 * sg.noise(rng, samples, sg.curve(samples, _PUMP))


def panel_response(name: str, rng: np.random.Generator, samples: int) -> sg.Spectrum:
    """Return the response of the enclosure: treble loss, comb of the panel, cavity resonance."""
    panels = PANELS[name]
    detour = panels.detour * (1 + 0.01 * rng.standard_normal())
    response = sg.reflected(samples, detour, panels.reflection)
    if panels.cavity > 0:
        cavity = sg.modes(samples, [panels.cavity_hz], 4.0, [1.0])
        response = response + np.float32(panels.cavity) * cavity / np.abs(cavity).max()
    response *= sg.tilt(samples, panels.treble + 0.25 * rng.standard_normal())
    return response
