"""Measures a :class:`.Calibration`: generated clips against the training clips of their kind."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from asdbench.api import Condition

from .by_condition import ByCondition
from .calibration import DIRECTIONS, Calibration, group_name
from .codec import DIMENSIONS
from .latent_cache import LatentSet
from .model import LatentDiffusion
from .moments import Matrix, Moments, covariance_between
from .sampling import Sampling, sample

_GAIN_LIMITS = (0.5, 2.0)
_DIRECTION_LIMITS = (0.25, 4.0)
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
    folder: Path,
    progress: Callable[[int, int, str], None],
) -> Calibration:
    """Measure ``clips`` generated clips of every condition and label that was trained on.

    Generated clips have the lengths of training clips drawn at random. What was measured is kept
    in ``folder``, so that nothing is measured twice of the same weights.
    """
    folder.mkdir(parents=True, exist_ok=True)
    weights = _digest(model)
    members: dict[tuple[Condition, str], list[int]] = {}
    for index, (condition, label) in enumerate(zip(train.conditions, train.labels, strict=True)):
        members.setdefault((replace(condition, domain=None), label), []).append(index)
    cells = []
    for number, key in enumerate(sorted(members, key=str)):
        own = members[key]
        real = Moments.of(_normal(model, train.clip(i), train.conditions[i]) for i in own)
        asked = f"{weights} {key[0]} {key[1]} {how} {clips} {seed} {number}"
        kept = folder / (hashlib.sha256(asked.encode()).hexdigest()[:32] + ".safetensors")
        made = _read(kept)
        if made is None:
            rng = np.random.default_rng([seed, number])
            picks = [int(i) for i in rng.choice(own, clips)]
            made = Moments.of(_made(model, train, picks, rng, how))
            save_file({name: np.ascontiguousarray(part) for name, part in vars(made).items()}, kept)
        cells.append(Cell(*key, real, made))
        progress(number + 1, len(members), "condition calibrated")
    return combine(cells, how, clips)


def combine(cells: Sequence[Cell], how: Sampling, clips: int) -> Calibration:
    """Return the corrections that follow from what was measured."""
    by_group: dict[str, list[Cell]] = {}
    for cell in cells:
        by_group.setdefault(group_name(cell.condition, cell.label), []).append(cell)
    groups = tuple(sorted(by_group))
    rows: dict[str, dict[Condition, Matrix]] = {}
    directions, gains = [], []
    for name in groups:
        own = by_group[name]
        trust = _trust(own)
        for cell in own:
            rows.setdefault(cell.label, {})[cell.condition] = np.stack(
                [
                    cell.made.mean,
                    trust * (cell.real.mean - cell.made.mean),
                    _gain(cell.real.slow, cell.made.slow, _GAIN_LIMITS),
                    _gain(cell.real.fast, cell.made.fast, _GAIN_LIMITS),
                ]
            )
        along, factors = _directions(own)
        directions.append(along)
        gains.append(factors)
    return Calibration(
        {name: getattr(how, name) for name in ("sampler", "steps", "spacing", "guidance")},
        clips,
        {label: _table(found) for label, found in sorted(rows.items())},
        groups,
        torch.from_numpy(np.stack(directions)).float(),
        torch.from_numpy(np.stack(gains)).float(),
    )


def _directions(cells: Sequence[Cell]) -> tuple[Matrix, Matrix]:
    """Return the principal directions (8, 128) of real clip means, and the factors (8,) along."""
    real = covariance_between([cell.real for cell in cells])
    made = covariance_between([cell.made for cell in cells])
    values, vectors = np.linalg.eigh(real)
    along = np.ascontiguousarray(vectors[:, ::-1].T[:DIRECTIONS])
    wanted = np.sqrt(np.maximum(values[::-1][:DIRECTIONS], 0.0))
    found = np.sqrt(np.einsum("kd,de,ke->k", along, made, along).clip(0.0))
    return along, _gain(wanted, found, _DIRECTION_LIMITS)


def _trust(cells: Sequence[Cell]) -> float:
    """Return the share of the differences of means that is no chance of the clips drawn.

    Empirical Bayes: their mean square, less what few clips of this variance explain, over it.
    """
    differences = np.stack([cell.real.mean - cell.made.mean for cell in cells])
    noise = 0.0
    for kind in ("real", "made"):
        own: list[Moments] = [getattr(cell, kind) for cell in cells]
        share = float(np.mean([1 / len(moments.means) for moments in own]))
        noise += share * float(np.trace(covariance_between(own))) / DIMENSIONS
    size = float(np.mean(differences**2))
    return max(0.0, 1 - noise / size) if size > 0 else 0.0


def _gain(real: Matrix, made: Matrix, limits: tuple[float, float]) -> Matrix:
    """Return ``real / made`` within limits, and 1 where nothing varies."""
    gain = np.clip(real / np.maximum(made, _SMALLEST), *limits)
    return np.where((real > _SMALLEST) & (made > _SMALLEST), gain, 1.0)


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


def _digest(model: LatentDiffusion) -> str:
    """Return what tells these weights from others."""
    found = hashlib.sha256()
    for part in (model.unet, model.text):
        for name, value in part.state_dict().items():
            found.update(name.encode() + value.detach().cpu().float().numpy().tobytes())
    return found.hexdigest()


def _read(path: Path) -> Moments | None:
    """Return what was kept; None where there is nothing, or only half a file."""
    try:
        return Moments(**load_file(path))
    except (FileNotFoundError, SafetensorError):
        return None
