"""Calibration: makes first and second moments of generated latents those of training clips.

A small network, briefly trained, gets the means and the texture of a machine's sound nearly right;
an autoencoder hears the rest. What can be measured on training clips is corrected. Normalized
latents are split into clip mean, slow part and fast part (:mod:`.moments`), and, row by row,

- the mean is shifted to that of the training clips of the condition and label;
- the slow and the fast part are scaled to their deviations;
- deviations of clip means are scaled to those of the machine, section and label.

For conditions between those of training, corrections are interpolated (:mod:`.by_condition`).
No test clip enters, and nothing depends on a detector. :mod:`.calibrating` measures.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from asdbench.api import Condition, Label
from asdbench.conditions import format_condition, parse_condition

from .by_condition import ByCondition
from .codec import DIMENSIONS
from .latents import Statistics
from .moments import split
from .prompt import Prompt
from .sampling import Sampling

ROWS = ("center", "shift", "between", "slow", "fast")
"""What is stored for every condition and label, 128 values each: mean of generated clips, what is
added to it, and factors of the clip means' deviations, of the slow and of the fast part."""


@dataclass(frozen=True)
class Calibration:
    """Corrections of what a sampler makes."""

    sampling: Mapping[str, Any]
    """The sampler it was measured with."""
    clips: int
    """Generated clips of every condition and label."""
    rows: Mapping[str, ByCondition]
    """By label: (5, 128), see :data:`ROWS`."""

    def fits(self, how: Sampling) -> bool:
        """Return whether it was measured with this sampler and at most as many steps."""
        same = (how.sampler, how.spacing) == (self.sampling["sampler"], self.sampling["spacing"])
        return bool(same and how.steps >= self.sampling["steps"])

    def knows(self, condition: Condition, label: Label) -> bool:
        """Return whether clips of this machine, section and label were measured."""
        group = (condition.machine, condition.section)
        measured = self.rows[label].conditions if label in self.rows else ()
        return any((other.machine, other.section) == group for other in measured)

    def apply(
        self, latents: torch.Tensor, prompts: Sequence[Prompt], statistics: Statistics
    ) -> torch.Tensor:
        """Return calibrated latents (B, 128, T); those of unknown machines are left alone."""
        made = latents.clone()
        for index, prompt in enumerate(prompts):
            condition = prompt.condition
            if self.knows(condition, prompt.label):
                normal = statistics.normalize(latents[index : index + 1], [condition])
                rows = self.rows[prompt.label].of(condition)
                made[index] = statistics.denormalize(_corrected(normal, rows), [condition])[0]
        return made

    def tensors(self) -> dict[str, torch.Tensor]:
        """Return what a checkpoint stores."""
        return {label: rows.values for label, rows in self.rows.items()}

    def facts(self) -> dict[str, Any]:
        """Return the rest, as JSON values."""
        return {
            "sampling": dict(self.sampling),
            "clips": self.clips,
            "conditions": {
                label: [format_condition(condition) for condition in rows.conditions]
                for label, rows in self.rows.items()
            },
        }

    @staticmethod
    def shapes(facts: Mapping[str, Any]) -> dict[str, torch.Size]:
        """Return the shapes of :meth:`tensors` that belong to ``facts``."""
        return {
            label: torch.Size((len(conditions), len(ROWS), DIMENSIONS))
            for label, conditions in facts["conditions"].items()
        }

    @classmethod
    def of(cls, facts: Mapping[str, Any], tensors: Mapping[str, torch.Tensor]) -> Calibration:
        """Return what was stored; ``tensors`` are of :meth:`shapes`."""
        sampling = facts["sampling"]
        return cls(
            {
                "sampler": str(sampling["sampler"]),
                "steps": int(sampling["steps"]),
                "spacing": float(sampling["spacing"]),
            },
            int(facts["clips"]),
            {
                str(label): ByCondition(tuple(map(parse_condition, conditions)), tensors[label])
                for label, conditions in facts["conditions"].items()
            },
        )


def _corrected(latents: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
    """Return corrected normalized latents (1, 128, T)."""
    center, shift, between, slow, fast = rows[:, :, None]
    mean, slowly, quickly = split(latents)
    level = center + shift + between * (mean - center)
    made: torch.Tensor = level + slow * slowly + fast * quickly
    return made
