"""Clips to check plug-ins with: simulated, quick to make, with a known truth."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from itertools import product

import numpy as np
from numpy.typing import NDArray

from asdbench.api import Audio, Condition, Domain, Label
from asdbench.clips import ClipPool

Signal = NDArray[np.float64]

RATE = 16_000
SECONDS = 2.5
"""A window of 64 frames with a hop of 512 samples needs 2.05 s."""
_MACHINES = ("fan", "pump")
_SECTIONS = ("00", "01")
_TRAIN: dict[Domain, int] = {"source": 14, "target": 2}
_TEST: dict[Domain, int] = {"source": 4, "target": 2}
STRETCH = (1.0, 1.3, 1.9, 2.6)


@dataclass(frozen=True)
class Material:
    """Clips with a known truth.

    Parameters
    ----------
    normals
        Normal clips of two or more machines and sections, with domains where there are any:
        detectors learn from them.
    mixed
        Normal clips and planted anomalies, labelled, of the same machines and sections:
        detectors score them (labels hidden), generators learn from them.
    """

    normals: ClipPool
    mixed: ClipPool


@cache
def simulated_material(seed: int = 0) -> Material:
    """Return 64 normal clips to learn from, and 24 normal and 24 anomalous ones.

    Two machines with two sections each, 2.5 s at 16 kHz: noise colored by section, a hum whose
    frequency follows an attribute, level and attribute shifted in the target domain. An anomaly
    is some 10 dB louder, with the color of the machine's other section, tones where no normal clip
    has any, and bursts.
    """
    return Material(_pool(seed, _TRAIN, ("normal",)), _pool(seed + 1, _TEST, ("normal", "anomaly")))


def _pool(seed: int, counts: dict[Domain, int], labels: tuple[Label, ...]) -> ClipPool:
    rng = np.random.default_rng(seed)
    listed = [
        (_condition(machine, section, domain, index), label)
        for machine, section in product(_MACHINES, _SECTIONS)
        for label in labels
        for domain, count in counts.items()
        for index in range(count)
    ]
    order = rng.permutation(len(listed))  # labels must not be told by their places
    conditions = [listed[i][0] for i in order]
    chosen = [listed[i][1] for i in order]
    audio = [_clip(c, label, rng) for c, label in zip(conditions, chosen, strict=True)]
    return ClipPool.from_arrays(audio, RATE, conditions, chosen)


def _condition(machine: str, section: str, domain: Domain, index: int) -> Condition:
    velocity = ("6", "8")[index % 2] if domain == "source" else "11"
    return Condition(machine, section, domain, (("vel", velocity),))


def _clip(condition: Condition, label: Label, rng: np.random.Generator) -> Audio:
    samples = round(SECONDS * RATE)
    time = np.arange(samples) / RATE
    place = (condition.machine, condition.section)
    velocity = float(dict(condition.attributes)["vel"])
    level = 0.06 * 10 ** (rng.normal(0.0, 0.5) / 20)
    clip = level * _colored(*place, samples, rng)
    for harmonic in (1, 2, 3):
        phase = rng.uniform(0, 2 * np.pi)
        clip += 0.4 * level / harmonic * np.sin(2 * np.pi * 20 * velocity * harmonic * time + phase)
    if condition.domain == "target":
        clip *= 0.8
    if label == "anomaly":
        other = _SECTIONS[1 - _SECTIONS.index(condition.section)]
        clip += 2.0 * level * _colored(condition.machine, other, samples, rng)
        for frequency in rng.uniform(5000, 7500, 3):
            clip += 1.0 * level * np.sin(2 * np.pi * frequency * time)
        bursts = np.sin(2 * np.pi * rng.uniform(3, 6) * time) > 0.8
        clip += 3.0 * level * bursts * rng.standard_normal(samples)
    return np.clip(clip, -0.99, 0.99).astype(np.float32)


_CENTERS = {
    ("fan", "00"): (500.0, 2200.0),
    ("fan", "01"): (1100.0, 4200.0),
    ("pump", "00"): (300.0, 3000.0),
    ("pump", "01"): (800.0, 1700.0),
}
"""Where the noise of a section has its peaks, Hz."""


def _colored(machine: str, section: str, samples: int, rng: np.random.Generator) -> Signal:
    """Return noise of RMS 1 with the color of a section."""
    frequencies = np.fft.rfftfreq(samples, 1 / RATE)
    octaves = np.log2(np.maximum(frequencies, 20.0))
    shape = np.full(len(frequencies), 0.15)
    for center in _CENTERS[machine, section]:
        shape += np.exp(-0.5 * ((octaves - np.log2(center)) / 0.25) ** 2)
    noise = np.fft.irfft(np.fft.rfft(rng.standard_normal(samples)) * shape, samples)
    colored: Signal = noise / noise.std()
    return colored


def uneven(pool: ClipPool, factors: tuple[float, ...] = STRETCH) -> ClipPool:
    """Return the clips at several lengths, in turn: as they are, or going on for longer."""

    def read(index: int) -> Audio:
        clip = pool.audio(index)
        return np.resize(clip, round(len(clip) * factors[index % len(factors)]))

    return replace(pool, read=read, cached_features=None, _features={})


def recolored(pool: ClipPool) -> ClipPool:
    """Return the clips as they are not: each differentiated, and so of another color and level."""

    def read(index: int) -> Audio:
        clip = pool.audio(index)
        return np.diff(clip, prepend=clip[:1]) / np.float32(2)

    return replace(pool, read=read, cached_features=None, _features={})
