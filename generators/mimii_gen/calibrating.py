"""Measures a :class:`.Calibration`: generated clips against the training clips of their kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from asdbench.api import Condition

from .by_condition import ByCondition
from .calibration import Calibration
from .latent_cache import LatentSet
from .model import LatentDiffusion
from .moments import Matrix, Moments, variance_between
from .sampling import Sampling, sample

_GAIN_LIMITS = (0.5, 2.0)
_SMALLEST = 1e-6
_BATCH = 8


@dataclass(frozen=True)
class Cell:
    """What was measured of one condition and label, on normalized latents."""

    condition: Condition
    label: str
    real: Moments
    made: Moments


def calibrate(
    model: LatentDiffusion,
    train: LatentSet,
    how: Sampling,
    clips: int,
    seed: int,
    progress: Callable[[int, int, str], None],
) -> Calibration:
    """Measure ``clips`` generated clips of every condition and label that was trained on.

    Generated clips have the lengths of training clips drawn at random.
    """
    members: dict[tuple[Condition, str], list[int]] = {}
    for index, (condition, label) in enumerate(zip(train.conditions, train.labels, strict=True)):
        members.setdefault((replace(condition, domain=None), label), []).append(index)
    cells = []
    for number, key in enumerate(sorted(members, key=str)):
        own = members[key]
        rng = np.random.default_rng([seed, number])
        picks = [int(i) for i in rng.choice(own, clips)]
        real = (_normal(model, train.clip(i), train.conditions[i]) for i in own)
        made = _made(model, train, picks, rng, how)
        cells.append(Cell(*key, Moments.of(real), Moments.of(made)))
        progress(number + 1, len(members), "condition calibrated")
    return combine(cells, how, clips)


def combine(cells: Sequence[Cell], how: Sampling, clips: int) -> Calibration:
    """Return the corrections that follow from what was measured."""
    groups: dict[tuple[str, str, str], list[Cell]] = {}
    for cell in cells:
        where = cell.condition
        groups.setdefault((where.machine, where.section, cell.label), []).append(cell)
    rows: dict[str, dict[Condition, Matrix]] = {}
    for own in groups.values():
        trust = _trust(own)
        real, made = (
            variance_between([getattr(c, kind) for c in own]) for kind in ("real", "made")
        )
        between = _gain(np.sqrt(real), np.sqrt(made))
        for cell in own:
            rows.setdefault(cell.label, {})[cell.condition] = np.stack(
                [
                    cell.made.mean,
                    trust * (cell.real.mean - cell.made.mean),
                    between,
                    _gain(cell.real.slow, cell.made.slow),
                    _gain(cell.real.fast, cell.made.fast),
                ]
            )
    return Calibration(
        {"sampler": how.sampler, "steps": how.steps, "spacing": how.spacing},
        clips,
        {label: _table(found) for label, found in sorted(rows.items())},
    )


def _trust(cells: Sequence[Cell]) -> float:
    """Return the share of the differences of means that is no chance of the clips drawn.

    Empirical Bayes: their mean square, less what few clips of this variance explain, over it.
    """
    differences = np.stack([cell.real.mean - cell.made.mean for cell in cells])
    noise = np.zeros(())
    for kind in ("real", "made"):
        own: list[Moments] = [getattr(cell, kind) for cell in cells]
        share = float(np.mean([1 / moments.clips for moments in own]))
        noise = noise + share * variance_between(own).mean()
    size = float(np.mean(differences**2))
    return max(0.0, 1 - float(noise) / size) if size > 0 else 0.0


def _gain(real: Matrix, made: Matrix) -> Matrix:
    """Return ``real / made`` within limits, and 1 where nothing varies."""
    gain = np.clip(real / np.maximum(made, _SMALLEST), *_GAIN_LIMITS)
    return np.where((real > 0) & (made > 0), gain, 1.0)


def _table(found: Mapping[Condition, Matrix]) -> ByCondition:
    conditions = tuple(sorted(found, key=str))
    values = torch.from_numpy(np.stack([found[condition] for condition in conditions]))
    return ByCondition(conditions, values.float())


def _made(
    model: LatentDiffusion,
    train: LatentSet,
    picks: Sequence[int],
    rng: np.random.Generator,
    how: Sampling,
) -> list[torch.Tensor]:
    made: list[torch.Tensor] = []
    frames = int(train.lengths[list(picks)].max())
    for start in range(0, len(picks), _BATCH):
        batch = picks[start : start + _BATCH]
        prompts = [model.prompt(train.conditions[i], train.labels[i]) for i in batch]
        seeds = [int(value) for value in rng.integers(2**62, size=len(batch))]
        latents = sample(model, prompts, frames, seeds, how)
        made += list(model.statistics.normalize(latents, [p.condition for p in prompts]))
    return made


def _normal(model: LatentDiffusion, clip: torch.Tensor, condition: Condition) -> torch.Tensor:
    return model.statistics.normalize(clip[None], [condition])[0]
