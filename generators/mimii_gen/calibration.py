"""Calibration: makes the second-order statistics of generated latents those of training clips.

A small network, briefly trained, gets the means and the texture of a machine's sound nearly right;
an autoencoder hears the rest. What can be measured on training clips is corrected: for every
machine, section and label, with normalized latents split into clip mean, slow part (a moving
average over nine frames) and fast part,

- the mean over all frames is shifted to that of the training clips;
- deviations of the clip means, and of the slow part, are scaled row by row;
- the fast part goes through the linear map that gives it the training clips' covariance over the
  128 rows and moves it least: the optimal transport between two Gaussians.

No test clip enters, and nothing depends on a detector.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from asdbench.api import Condition, Label

from .codec import DIMENSIONS
from .latent_cache import LatentSet
from .latents import Statistics
from .model import LatentDiffusion
from .prompt import Prompt
from .sampling import Sampling, sample

_LOCAL = 9  # frames of the moving average
_SHRINK = 0.02  # of a covariance towards its diagonal
_GAIN_LIMITS = (0.5, 2.0)
_BATCH = 8
Matrix = NDArray[np.float64]


@dataclass(frozen=True)
class Moments:
    """First and second moments of a group's latents."""

    mean: Matrix
    """(128,), of all frames."""
    between: Matrix
    """(128,), deviation of clip means."""
    slow: Matrix
    """(128,), deviation of the slow part."""
    fast: Matrix
    """(128, 128), covariance of the fast part."""

    @classmethod
    def of(cls, clips: Iterable[torch.Tensor]) -> Moments:
        """Measure clips (128, T)."""
        means, slows, fasts, frames = [], [], np.zeros((DIMENSIONS, DIMENSIONS)), 0
        for clip in clips:
            mean, slow, fast = (part[0].double().numpy() for part in _split(clip[None]))
            means.append(mean[:, 0])
            slows.append(np.mean(slow**2, axis=1))
            fasts += fast @ fast.T
            frames += clip.shape[-1]
        return cls(
            np.mean(means, axis=0),
            np.std(means, axis=0),
            np.sqrt(np.mean(slows, axis=0)),
            fasts / frames,
        )


@dataclass(frozen=True)
class Calibration:
    """Corrections of every group; tensors have groups first."""

    groups: tuple[str, ...]
    sampling: Mapping[str, Any]
    """The sampler it was measured with."""
    clips: int
    """Generated clips a group."""
    center: torch.Tensor
    """(G, 128): mean of generated clips."""
    shift: torch.Tensor
    """(G, 128): added to it."""
    between: torch.Tensor
    """(G, 128): factor of the clip means' deviations."""
    slow: torch.Tensor
    """(G, 128): factor of the slow part."""
    fast: torch.Tensor
    """(G, 128, 128): map of the fast part."""

    def fits(self, how: Sampling) -> bool:
        """Return whether it was measured with this sampler and at most as many steps."""
        same = (how.sampler, how.spacing) == (self.sampling["sampler"], self.sampling["spacing"])
        return bool(same and how.steps >= self.sampling["steps"])

    def apply(
        self, latents: torch.Tensor, prompts: Sequence[Prompt], statistics: Statistics
    ) -> torch.Tensor:
        """Return calibrated latents (B, 128, T); groups that were not measured are left alone."""
        conditions = [prompt.condition for prompt in prompts]
        normal = statistics.normalize(latents, conditions)
        made = statistics.denormalize(self._corrected(normal, prompts), conditions)
        for index, prompt in enumerate(prompts):
            if group_name(prompt.condition, prompt.label) not in self.groups:
                made[index] = latents[index]
        return made

    def _corrected(self, normal: torch.Tensor, prompts: Sequence[Prompt]) -> torch.Tensor:
        made = normal.clone()
        for index, prompt in enumerate(prompts):
            name = group_name(prompt.condition, prompt.label)
            if name not in self.groups:
                continue
            group = self.groups.index(name)
            mean, slow, fast = (part[0] for part in _split(normal[index : index + 1]))
            center = self.center[group][:, None]
            around = center + self.shift[group][:, None]
            made[index] = (
                around
                + self.between[group][:, None] * (mean - center)
                + self.slow[group][:, None] * slow
                + self.fast[group] @ fast
            )
        return made

    def tensors(self) -> dict[str, torch.Tensor]:
        """Return what a checkpoint stores; the maps as float16, as their distance from identity."""
        eye = torch.eye(DIMENSIONS)
        return {
            "center": self.center,
            "shift": self.shift,
            "between": self.between,
            "slow": self.slow,
            "fast": (self.fast - eye).half(),
        }

    def facts(self) -> dict[str, Any]:
        """Return the rest, as JSON values."""
        return {
            "groups": list(self.groups),
            "sampling": dict(self.sampling),
            "clips": self.clips,
        }

    @staticmethod
    def shapes(groups: int) -> dict[str, torch.Size]:
        """Return the shapes of :meth:`tensors`."""
        rows = torch.Size((groups, DIMENSIONS))
        names = ("center", "shift", "between", "slow")
        return dict.fromkeys(names, rows) | {"fast": torch.Size((*rows, DIMENSIONS))}

    @classmethod
    def of(cls, facts: Mapping[str, Any], tensors: Mapping[str, torch.Tensor]) -> Calibration:
        """Return what was stored; ``tensors`` are of :meth:`shapes`."""
        sampling = facts["sampling"]
        return cls(
            tuple(facts["groups"]),
            {
                "sampler": str(sampling["sampler"]),
                "steps": int(sampling["steps"]),
                "spacing": float(sampling["spacing"]),
            },
            int(facts["clips"]),
            tensors["center"],
            tensors["shift"],
            tensors["between"],
            tensors["slow"],
            tensors["fast"].float() + torch.eye(DIMENSIONS),
        )


def group_name(condition: Condition, label: Label) -> str:
    """Return the name of the group that clips of ``condition`` and ``label`` belong to."""
    return f"{condition.machine}/{condition.section}/{label}"


def calibrate(
    model: LatentDiffusion,
    train: LatentSet,
    how: Sampling,
    clips: int,
    seed: int,
    progress: Callable[[int, int, str], None],
) -> Calibration:
    """Measure ``clips`` generated clips of every group against the training clips.

    The generated clips copy the conditions and lengths of training clips drawn at random. All is
    measured on normalized latents, so that it matters little which conditions were drawn.
    """
    members: dict[str, list[int]] = {}
    for index, (condition, label) in enumerate(zip(train.conditions, train.labels, strict=True)):
        members.setdefault(group_name(condition, label), []).append(index)
    groups = tuple(sorted(members))
    rows = []
    for number, name in enumerate(groups):
        rng = np.random.default_rng([seed, number])
        picks = sorted(int(i) for i in rng.choice(members[name], clips))
        made = _made(model, train, picks, rng, how)
        real = (_normal(model, train.clip(i), train.conditions[i]) for i in members[name])
        rows.append(_correction(Moments.of(real), Moments.of(made)))
        progress(number + 1, len(groups), "group calibrated")
    center, shift, between, slow, fast = (
        torch.from_numpy(np.stack(part)).float() for part in zip(*rows, strict=True)
    )
    sampling = {"sampler": how.sampler, "steps": how.steps, "spacing": how.spacing}
    found = Calibration(groups, sampling, clips, center, shift, between, slow, fast)
    return Calibration.of(found.facts(), found.tensors())  # rounded as it will be stored


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


def _correction(real: Moments, made: Moments) -> tuple[Matrix, Matrix, Matrix, Matrix, Matrix]:
    low, high = _GAIN_LIMITS
    between = np.clip(real.between / np.maximum(made.between, 1e-6), low, high)
    slow = np.clip(real.slow / np.maximum(made.slow, 1e-6), low, high)
    return made.mean, real.mean - made.mean, between, slow, _transport(made.fast, real.fast)


def _transport(source: Matrix, target: Matrix) -> Matrix:
    """Return the symmetric matrix A with ``A source A = target`` (optimal transport)."""
    source, target = _shrunk(source), _shrunk(target)
    root = _power(source, 0.5)
    inverse = _power(source, -0.5)
    return inverse @ _power(root @ target @ root, 0.5) @ inverse


def _shrunk(covariance: Matrix) -> Matrix:
    return (1 - _SHRINK) * covariance + _SHRINK * np.diag(np.diag(covariance))


def _power(matrix: Matrix, exponent: float) -> Matrix:
    values, vectors = np.linalg.eigh((matrix + matrix.T) / 2)
    kept = np.maximum(values, 1e-9 * values.max())
    return np.asarray((vectors * kept**exponent) @ vectors.T)


def _split(latents: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return clip mean (B, 128, 1), slow and fast part (B, 128, T) of latents."""
    mean = latents.mean(-1, keepdim=True)
    side = _LOCAL // 2
    around = latents - mean
    slow = nn.functional.avg_pool1d(
        nn.functional.pad(around, (side, side), mode="replicate"), _LOCAL, 1
    )
    return mean, slow, around - slow
