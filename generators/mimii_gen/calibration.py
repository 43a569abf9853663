"""Calibration: makes first and second moments of generated latents those of training clips.

A small network, briefly trained, gets the means and the texture of a machine's sound nearly right;
an autoencoder hears the rest. What can be measured on training clips is corrected. Normalized
latents are split into clip mean, slow part and fast part (:mod:`.moments`), and

- the mean is shifted to that of the training clips of the condition and label;
- the slow and the fast part are scaled to their deviations, row by row;
- clip means deviate from it as they do in training clips of the machine, section and label, along
  the main directions of these (level first, then color).

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

ROWS = ("center", "shift", "slow", "fast")
"""What is stored for every condition and label, 128 values each: mean of generated clips, what is
added to it, and factors of the slow and of the fast part."""
DIRECTIONS = 8
"""Of the clip means' deviations that are scaled."""


@dataclass(frozen=True)
class Calibration:
    """Corrections of what a sampler makes; a group is a machine, section and label."""

    sampling: Mapping[str, Any]
    """The sampler it was measured with."""
    clips: int
    """Generated clips of every condition and label."""
    rows: Mapping[str, ByCondition]
    """By label: (4, 128), see :data:`ROWS`."""
    groups: tuple[str, ...]
    directions: torch.Tensor
    """(G, 8, 128): of length 1, orthogonal."""
    gains: torch.Tensor
    """(G, 8): factors of the clip means' deviations along them."""

    def fits(self, how: Sampling) -> bool:
        """Return whether it was measured with this sampler, in at most as many steps."""
        asked = {"sampler": how.sampler, "spacing": how.spacing, "guidance": how.guidance}
        same = asked == {name: self.sampling[name] for name in asked}
        return bool(same and how.steps >= self.sampling["steps"])

    def apply(
        self,
        latents: torch.Tensor,
        prompts: Sequence[Prompt],
        statistics: Statistics,
        texture_only: bool = False,
    ) -> torch.Tensor:
        """Return calibrated latents (B, 128, T); groups that were not measured are left alone.

        With ``texture_only`` clip means stay: those of clips made from a normal are the normal's.
        """
        made = latents.clone()
        for index, prompt in enumerate(prompts):
            condition = prompt.condition
            if group_name(condition, prompt.label) in self.groups:
                normal = statistics.normalize(latents[index : index + 1], [condition])
                corrected = self._corrected(normal, condition, prompt.label, texture_only)
                made[index] = statistics.denormalize(corrected, [condition])[0]
        return made

    def _corrected(
        self, latents: torch.Tensor, condition: Condition, label: Label, texture_only: bool
    ) -> torch.Tensor:
        """Return corrected normalized latents (1, 128, T)."""
        group = self.groups.index(group_name(condition, label))
        directions, gains = self.directions[group], self.gains[group]
        center, shift, slow, fast = self.rows[label].of(condition)[:, :, None]
        mean, slowly, quickly = split(latents)
        texture: torch.Tensor = slow * slowly + fast * quickly
        if texture_only:
            return mean + texture
        apart = mean[0] - center
        apart = apart + directions.T @ ((gains[:, None] - 1) * (directions @ apart))
        level: torch.Tensor = center + shift + apart
        return level + texture

    def tensors(self) -> dict[str, torch.Tensor]:
        """Return what a checkpoint stores."""
        named = {f"rows_{label}": rows.values for label, rows in self.rows.items()}
        return {**named, "directions": self.directions, "gains": self.gains}

    def facts(self) -> dict[str, Any]:
        """Return the rest, as JSON values."""
        return {
            "sampling": dict(self.sampling),
            "clips": self.clips,
            "groups": list(self.groups),
            "conditions": {
                label: [format_condition(condition) for condition in rows.conditions]
                for label, rows in self.rows.items()
            },
        }

    @staticmethod
    def shapes(facts: Mapping[str, Any]) -> dict[str, torch.Size]:
        """Return the shapes of :meth:`tensors` that belong to ``facts``."""
        groups = len(facts["groups"])
        named = {
            f"rows_{label}": torch.Size((len(conditions), len(ROWS), DIMENSIONS))
            for label, conditions in facts["conditions"].items()
        }
        directions = torch.Size((groups, DIRECTIONS, DIMENSIONS))
        return {**named, "directions": directions, "gains": directions[:2]}

    @classmethod
    def of(cls, facts: Mapping[str, Any], tensors: Mapping[str, torch.Tensor]) -> Calibration:
        """Return what was stored; ``tensors`` are of :meth:`shapes`.

        Raises
        ------
        ValueError
            When groups are not those of the conditions.
        """
        sampling = facts["sampling"]
        rows = {
            str(label): ByCondition(
                tuple(parse_condition(text) for text in conditions), tensors[f"rows_{label}"]
            )
            for label, conditions in facts["conditions"].items()
        }
        groups = tuple(str(name) for name in facts["groups"])
        measured = {group_name(c, label) for label, own in rows.items() for c in own.conditions}
        if set(groups) != measured or len(groups) != len(measured):
            raise ValueError("the calibration's groups are not those of its conditions")
        return cls(
            {
                "sampler": str(sampling["sampler"]),
                "steps": int(sampling["steps"]),
                "spacing": float(sampling["spacing"]),
                "guidance": float(sampling["guidance"]),
            },
            int(facts["clips"]),
            rows,
            groups,
            tensors["directions"],
            tensors["gains"],
        )


def group_name(condition: Condition, label: str) -> str:
    """Return the name of the group that clips of ``condition`` and ``label`` belong to."""
    return f"{condition.machine}/{condition.section}/{label}"
