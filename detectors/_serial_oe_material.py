"""Which clips SerialOE's extractors learn from, and which classes they tell apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from asdbench.api import Condition
from asdbench.errors import DataError

from ._serial_oe_params import Domains


@dataclass(frozen=True)
class Material:
    """What one machine's extractor learns from: indices of clips, and the positives' classes."""

    positives: NDArray[np.int64]
    classes: NDArray[np.int64]  # one a positive
    outliers: NDArray[np.int64]


def learned_from(
    conditions: Sequence[Condition], held_out: float, domain: Domains, rng: np.random.Generator
) -> NDArray[np.bool_]:
    """Return which clips are learned from, bool (clips,).

    A share of ``held_out`` of each section's clips of each domain is not, nor are target clips
    where ``domain`` is ``source``; of each group at least one is.

    Raises
    ------
    DataError
        When there is nothing to learn from for a machine.
    """
    groups: dict[tuple[str, str, bool], list[int]] = {}
    for i, c in enumerate(conditions):
        groups.setdefault((c.machine, c.section, c.domain == "target"), []).append(i)
    learned = np.zeros(len(conditions), dtype=np.bool_)
    for (_, _, is_target), indices in sorted(groups.items()):
        if is_target and domain == "source":
            continue
        kept = max(1, len(indices) - round(held_out * len(indices)))
        learned[rng.permutation(indices)[:kept]] = True
    idle = {c.machine for c in conditions} - {
        c.machine for c, used in zip(conditions, learned, strict=True) if used
    }
    if idle:
        raise DataError(
            f"serial-oe: there are only target clips of {', '.join(sorted(idle))}",
            "set 'train_domain: all' to learn from them",
        )
    return learned


def class_numbers(conditions: Sequence[Condition], with_attributes: bool) -> NDArray[np.int64]:
    """Return each clip's class, numbered from 0: its section, or section and attributes."""
    keys = [(c.section, c.attributes if with_attributes else ()) for c in conditions]
    number = {key: i for i, key in enumerate(sorted(set(keys)))}
    return np.array([number[key] for key in keys], dtype=np.int64)
