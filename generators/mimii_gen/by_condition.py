"""What was measured at operating conditions, and at conditions between them.

Where level and color follow the condition (a bearing at 2 or 26 krpm), a network would have to
learn them from noise levels at which it hears next to nothing. Means of conditions are measured
instead, and the network learns what is left: how clips differ, what a fault changes, texture. What
it gets wrong at each condition is measured too (:mod:`.calibration`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch

from asdbench.api import Condition

from .text_features import as_number


@dataclass(frozen=True)
class ByCondition:
    """A tensor for every condition, (conditions, ...); conditions have no domain."""

    conditions: tuple[Condition, ...]
    values: torch.Tensor

    @classmethod
    def average(
        cls, of_clips: Sequence[torch.Tensor], conditions: Sequence[Condition]
    ) -> ByCondition:
        """Average what was measured on the clips of each condition."""
        members: dict[Condition, list[torch.Tensor]] = {}
        for value, condition in zip(of_clips, conditions, strict=True):
            members.setdefault(replace(condition, domain=None), []).append(value)
        keys = tuple(sorted(members, key=str))
        return cls(keys, torch.stack([torch.stack(members[key]).mean(0) for key in keys]).float())

    def of(self, condition: Condition) -> torch.Tensor:
        """Return the tensor for ``condition``.

        That of the condition itself; else, where one number differs from measured conditions,
        on the line between the nearest below and above, or the nearest where there is but one;
        else the mean over the conditions that share most attributes with it.
        """
        inside = [
            i
            for i, known in enumerate(self.conditions)
            if (known.machine, known.section) == (condition.machine, condition.section)
        ]
        wanted = set(condition.attributes)
        shared = [len(wanted & set(self.conditions[i].attributes)) for i in inside]
        nearest = [i for i, count in zip(inside, shared, strict=True) if count == max(shared)]
        missing = wanted - set(self.conditions[nearest[0]].attributes)
        if len(missing) == 1:
            name, value = missing.pop()
            line = self._line(nearest, name, as_number(value))
            if line is not None:
                return line
        return self.values[nearest].mean(0)

    def _line(self, among: Sequence[int], name: str, wanted: float | None) -> torch.Tensor | None:
        """Return the tensor at ``wanted`` between conditions that differ in ``name``, or None."""
        numbers = [as_number(dict(self.conditions[i].attributes).get(name, "")) for i in among]
        points = sorted(
            (number, index)
            for number, index in zip(numbers, among, strict=True)
            if number is not None
        )
        if wanted is None or len(points) < len(among):
            return None
        below = [point for point in points if point[0] <= wanted]
        above = [point for point in points if point[0] > wanted]
        if not below or not above:
            return self.values[(below or above)[-1 if below else 0][1]]
        (low, first), (high, second) = below[-1], above[0]
        share = (wanted - low) / (high - low)
        return (1 - share) * self.values[first] + share * self.values[second]
