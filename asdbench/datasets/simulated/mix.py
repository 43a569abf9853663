"""From a clip's specification to its samples: machine, background, and the mixing rule."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from asdbench.api import Domain, Label
from asdbench.datasets.simulated import signals as sg
from asdbench.datasets.simulated.bearing import bearing
from asdbench.datasets.simulated.fan import fan, pump
from asdbench.datasets.simulated.gearbox import gearbox
from asdbench.datasets.simulated.noise import factory_noise
from asdbench.datasets.simulated.plan import (
    NOISE_LEVELS_DB,
    SAMPLE_RATE,
    SECTIONS,
    Fault,
    Setting,
)
from asdbench.datasets.simulated.slider import slider
from asdbench.datasets.simulated.spec import ClipSpec
from asdbench.datasets.simulated.valve import valve

_Machine = Callable[
    [Setting, np.random.Generator, int, Fault | None, np.random.Generator], sg.Signal
]
_MACHINES: dict[str, _Machine] = {
    "bearing": bearing,
    "fan": fan,
    "gearbox": gearbox,
    "slider": slider,
    "valve": valve,
}
_CALIBRATION_DB = {
    "bearing": -41.0,
    "fan": -50.0,
    "gearbox": -50.0,
    "slider": -45.0,
    "valve": -48.0,
}
"""Gain from the models' units to full scale: puts the mixtures where real clips lie."""
_PUMP_DB = 0.0
"""Level of the pump of fan 00 above the section's mean machine power."""


@dataclass(frozen=True)
class Parts:
    """A clip before mixing, at its final levels: full scale is 1.0."""

    machine: sg.Signal
    background: sg.Signal
    """Factory noise at the section's SNR."""
    neighbor: sg.Signal | None
    """The pump of fan 00, else None."""

    @property
    def mixture(self) -> sg.Signal:
        """What the microphone file holds."""
        total = self.machine + self.background
        return total if self.neighbor is None else total + self.neighbor


def machine_sound(spec: ClipSpec, samples: int, fault: Fault | None) -> sg.Signal:
    """Return the machine alone; with another ``fault`` than the clip's it is the same recording.

    The fault draws from a generator of its own, so that a clip with and without its fault share
    speed, phase, level and noise.
    """
    model = _MACHINES[spec.machine]
    raw = model(spec.setting, spec.rng("machine"), samples, fault, spec.rng("fault"))
    return raw * sg.decibels(_CALIBRATION_DB[spec.machine])


_PROBES: tuple[tuple[Domain, Label, int, int], ...] = (
    ("source", "normal", 20, 1040),
    ("target", "normal", 8, 60),
    ("source", "anomaly", 4, 50),
    ("target", "anomaly", 4, 50),
)
"""Probe clips of each kind, and how many clips of a full section (Table 2) they stand for."""


@lru_cache(maxsize=64)
def section_power(machine: str, section: str, samples: int) -> float:
    """Return ``a``, the machine's mean power over the clips of a section (MIMII DG, section 2).

    Measured on a fixed set of 36 probe clips that are in no split, weighted as in a full
    section, so that it depends on neither the subset nor the seed of a data set.
    """
    total = weights = 0.0
    for domain, label, count, weight in _PROBES:
        for index in range(count):
            spec = ClipSpec(machine, section, domain, "probe", label, index, seed=0)
            total += weight / count * sg.power(machine_sound(spec, samples, spec.fault))
        weights += weight
    return total / weights


def snr_db(spec: ClipSpec) -> float:
    """Return the clip's SNR: its section's, or that of its noise level (fan 02)."""
    snr = SECTIONS[spec.machine, spec.section].snr_db
    return NOISE_LEVELS_DB[dict(spec.setting)["n-lv"]] if snr is None else snr


def render_parts(spec: ClipSpec, seconds: float = 10.0) -> Parts:
    """Return machine and background of a clip at their final levels.

    The background-noise clip is scaled to power ``b`` with ``snr = 10 log10(a / b)``, ``a`` the
    section's mean machine power (MIMII DG, section 2).
    """
    samples = round(seconds * SAMPLE_RATE)
    values = dict(spec.setting)
    machine = machine_sound(spec, samples, spec.fault)
    mean_power = section_power(spec.machine, spec.section, samples)
    rng = spec.rng("noise")
    hall = values["f-n"] if "f-n" in values else "AB"[int(rng.integers(2))]
    background = factory_noise(hall, rng, samples)
    background *= np.float32(np.sqrt(mean_power * 10 ** (-snr_db(spec) / 10)))
    neighbor = None
    if "m-n" in values:
        level = sg.decibels(_PUMP_DB) * np.float32(np.sqrt(mean_power))
        neighbor = pump(values["m-n"], spec.rng("neighbor"), samples) * level
    return Parts(machine, background, neighbor)


def render(spec: ClipSpec, seconds: float = 10.0) -> sg.Signal:
    """Return the samples of a clip, float32, before rounding to 16 bits."""
    return render_parts(spec, seconds).mixture
