"""Perturb: pseudo-anomalies made from normal clips by signal processing.

The usual cheap alternative to a trained generator: a normal clip with a few of the changes that
faults are known to make. It knows nothing of the anomalies that the machine really has.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from pydantic import Field, field_validator

from asdbench.api import GeneratorInfo, Label, Params

from ._looping import Signal
from ._operations import OPERATIONS, Kind
from ._sourced import SourcedGenerator


class PerturbParams(Params):
    """What can be chosen."""

    kinds: tuple[Kind, ...] = Field(
        ("speed", "modulation", "resonance", "impacts", "noise"), min_length=1
    )
    """The operations to draw from."""
    strength: float = Field(1.0, gt=0.0, le=2.0)
    """Severity: 0.5 halves speed changes, depths, gains in dB and the amplitude of added sound."""
    max_operations: int = Field(2, ge=1, le=3)
    """Most operations in one clip; each clip has from one to this many, all of different kinds."""
    max_shift_ms: float = Field(100.0, ge=0.0, allow_inf_nan=False)
    """Largest circular time shift of the normal clip either way, ms."""

    @field_validator("kinds")
    @classmethod
    def _different(cls, kinds: tuple[Kind, ...]) -> tuple[Kind, ...]:
        if len(set(kinds)) < len(kinds):
            raise ValueError("a kind is named twice")
        return kinds


class Perturb(SourcedGenerator):
    """Alters normal clips of the condition, or of the nearest one that has any.

    Asked for a normal clip it shifts one in time and does nothing else.
    """

    info: ClassVar[GeneratorInfo] = GeneratorInfo(
        id="perturb",
        version="1",
        params=PerturbParams,
        description="Alters normal clips: speed, modulation, resonance, impacts, noise, level.",
    )

    def source_label(self, wanted: Label) -> Label:
        """Return ``normal``, whatever is wanted."""
        return "normal"

    def alter(
        self, audio: Signal, sample_rate: int, label: Label, rng: np.random.Generator
    ) -> tuple[Signal, str]:
        """Apply one to ``max_operations`` operations of different kinds to an anomaly."""
        if label == "normal":
            return super().alter(audio, sample_rate, label, rng)
        kinds = self.params.kinds
        most = min(self.params.max_operations, len(kinds))
        chosen = rng.choice(len(kinds), size=int(rng.integers(1, most + 1)), replace=False)
        names = {kinds[i] for i in chosen}
        done = []
        for kind, operation in OPERATIONS.items():
            if kind in names:
                drawn = operation.draw(rng, sample_rate, self.params.strength)
                audio = drawn.apply(audio, sample_rate, rng)
                done.append(str(drawn))
        return audio, "; ".join(done)
