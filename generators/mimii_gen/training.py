"""Training of the U-Net, and of a text encoder that learns with it.

Every step draws its crops, noise, timesteps and dropout from a seed of its own, and the saved
state holds weights, running mean and optimizer, so that a training that was killed goes on to the
same result, bit for bit on the same machine.
"""

from __future__ import annotations

import json
import math
import os
import shutil
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file

from asdbench.api import Condition
from asdbench.errors import DataError, PluginError

from . import diffusion
from .latent_cache import LatentSet
from .latents import pad, padded_frames, to_image
from .model import LatentDiffusion, write_prompt
from .prompt import Prompt
from .training_settings import TrainingSettings
from .unet import denoise

Progress = Callable[[int, int, str], None]
_STATE = "state"
_FINAL_RATE = 0.05  # of the learning rate, at the last step
_VALIDATION_CLIPS = 256
_SHOWN = 200  # steps whose mean loss is shown as progress


@dataclass(frozen=True)
class Batch:
    """Crops of one forward pass."""

    images: torch.Tensor
    """(B, C, H, T), normalized."""
    mask: torch.Tensor
    """(B, 1, 1, T), 1 where not padding."""
    prompts: tuple[Prompt, ...]
    keep: torch.Tensor
    """(B,), False where the caption is dropped."""


class Trainer:
    """Trains ``model`` on ``train``, keeping its state in ``folder``.

    Parameters
    ----------
    model
        With untrained or pre-trained weights; its U-Net and text encoder are trained in place and
        hold the running mean of the weights in the end.
    train, held_out
        Latents. Machines, sections and labels are drawn equally often, whatever their numbers.
        ``held_out`` may be empty.
    settings
        How.
    folder
        Where ``state/`` and ``losses.csv`` are kept.
    device
        ``cpu``, ``cuda`` or ``cuda:N``.
    progress
        Called with (steps done, steps, what).
    review
        Called with the step every ``review_every`` steps, while the model holds the running mean.
    """

    def __init__(
        self,
        model: LatentDiffusion,
        train: LatentSet,
        held_out: LatentSet | None,
        settings: TrainingSettings,
        folder: Path,
        device: str,
        progress: Progress,
        review: Callable[[int], None] | None = None,
    ) -> None:
        from diffusers.training_utils import EMAModel

        self._model = model
        self._train = train
        self._held_out = held_out
        self._settings = settings
        self._folder = folder
        self._device = torch.device(device)
        self._progress = progress
        self._review = review
        self._levels = diffusion.alphas_cumprod().to(self._device)
        self._frames = self._crop_frames()
        self._members = _members(train)
        model.unet.to(self._device).train()
        model.text.to(self._device).train(model.text.trained)
        self._parameters = list(model.unet.named_parameters(prefix="unet"))
        if model.text.trained:
            self._parameters += list(model.text.named_parameters(prefix="text"))
        weights = [parameter for _, parameter in self._parameters]
        self._optimizer = torch.optim.AdamW(
            weights,
            lr=settings.learning_rate,
            betas=(0.9, 0.99),
            weight_decay=settings.weight_decay,
        )
        self._ema = EMAModel(weights, decay=settings.ema)
        self._step = 0
        self._losses: list[dict[str, float | None]] = []
        self._recent: deque[float] = deque(maxlen=max(_SHOWN, settings.validate_every))
        self._seconds = 0.0

    def run(self) -> dict[str, Any]:
        """Train to the end and return facts about it, as JSON values."""
        self._resume()
        settings, begun, recent = self._settings, time.monotonic(), self._recent
        while self._step < settings.steps:
            recent.append(self._one_step())
            self._step += 1
            last = self._step == settings.steps
            self._progress(self._step, settings.steps, f"step, loss {_mean(recent, _SHOWN):.3f}")
            if self._step % settings.validate_every == 0 or last:
                train = _mean(recent, settings.validate_every)
                with self._running_mean():
                    held_out = self._validate()
                self._losses.append({"step": self._step, "train": train, "held_out": held_out})
            if self._review and (self._step % settings.review_every == 0 or last):
                with self._running_mean():
                    self._review(self._step)
            if self._step % settings.save_every == 0 or last:
                self._save(self._seconds + time.monotonic() - begun)
        self._ema.copy_to([parameter for _, parameter in self._parameters])
        self._model.unet.eval()
        self._model.text.eval()
        return {
            "steps": self._step,
            "settings": settings.model_dump(mode="json"),
            "losses": self._losses,
            "seconds": round(self._seconds + time.monotonic() - begun),
        }

    def _crop_frames(self) -> int:
        longest = int(self._train.lengths.max())
        wanted = self._settings.crop_seconds
        if wanted is None:
            return padded_frames(longest)
        codec = self._model.codec
        return min(
            padded_frames(round(wanted * codec.sample_rate / codec.hop)), padded_frames(longest)
        )

    def _one_step(self) -> float:
        settings = self._settings
        for group in self._optimizer.param_groups:
            group["lr"] = settings.learning_rate * _rate(self._step, settings)
        total = 0.0
        for part in range(settings.accumulate):
            rng = np.random.default_rng([settings.seed, self._step, part])
            generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
            batch = self._draw(rng)
            loss = self._loss(batch, generator) / settings.accumulate
            torch.autograd.backward(loss)
            total += float(loss.detach())
        if not math.isfinite(total):
            raise PluginError(
                f"mimii-gen: the loss is {total} at step {self._step}",
                "Lower 'learning_rate', or set 'precision: fp32'.",
            )
        weights = [parameter for _, parameter in self._parameters]
        torch.nn.utils.clip_grad_norm_(weights, settings.clip_norm)
        self._optimizer.step()
        self._optimizer.zero_grad(set_to_none=True)
        self._ema.step(weights)
        return total

    def _loss(self, batch: Batch, generator: torch.Generator) -> torch.Tensor:
        model, device = self._model, self._device
        noise = torch.randn(batch.images.shape, generator=generator).to(device)
        steps = diffusion.stratified_timesteps(len(batch.images), generator).to(device)
        level = self._levels[steps]
        prediction = model.settings.prediction
        text = model.text(batch.prompts) * batch.keep.to(device)[:, None, None]
        noisy = diffusion.add_noise(batch.images, noise, level)
        with torch.autocast(device.type, torch.bfloat16, enabled=self._bf16):
            said = denoise(model.unet, noisy, steps, text)
        wanted = diffusion.target(batch.images, noise, level, prediction)
        error = ((said.float() - wanted) ** 2 * batch.mask).sum((1, 2, 3))
        rows = batch.images.shape[1] * batch.images.shape[2]
        error = error / (rows * batch.mask.sum((1, 2, 3)))
        weight = diffusion.weights(level, prediction, self._settings.min_snr)
        return (weight * error).mean()

    @property
    def _bf16(self) -> bool:
        if self._settings.precision != "auto":
            return self._settings.precision == "bf16"
        if self._device.type == "cuda":
            return bool(torch.cuda.is_bf16_supported())
        return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())

    def _draw(self, rng: np.random.Generator) -> Batch:
        """Draw crops: machine, section and label first, then the clip, then where in it."""
        groups = rng.integers(len(self._members), size=self._settings.batch_size)
        picks = [int(rng.choice(self._members[group])) for group in groups]
        prompts = []
        for pick in picks:
            condition = self._train.conditions[pick]
            kept = rng.random(len(condition.attributes)) >= self._settings.attribute_dropout
            shown = tuple(a for a, keep in zip(condition.attributes, kept, strict=True) if keep)
            detail = self._model.settings.detail
            label = self._train.labels[pick]
            prompts.append(write_prompt(replace(condition, attributes=shown), label, detail))
        keep = torch.from_numpy(rng.random(len(picks)) >= self._settings.caption_dropout)
        return self._batch(self._train, picks, tuple(prompts), keep, rng)

    def _batch(
        self,
        clips: LatentSet,
        picks: Sequence[int],
        prompts: tuple[Prompt, ...],
        keep: torch.Tensor,
        rng: np.random.Generator,
    ) -> Batch:
        crops, masks = [], []
        for pick in picks:
            latent = clips.clip(pick)
            start = int(rng.integers(max(1, latent.shape[-1] - self._frames + 1)))
            crop = latent[None, :, start : start + self._frames]
            crop, mask = pad(crop, self._frames)
            crops.append(crop)
            masks.append(mask)
        conditions = [clips.conditions[pick] for pick in picks]
        normal = self._model.statistics.normalize(torch.cat(crops), conditions)
        images = to_image(normal, self._model.settings.layout)
        mask = torch.cat(masks)[:, :, None]
        return Batch(images.to(self._device), mask.to(self._device), prompts, keep)

    @contextmanager
    def _running_mean(self) -> Iterator[None]:
        """Let the model hold the running mean of its weights for a while."""
        weights = [parameter for _, parameter in self._parameters]
        self._ema.store(weights)
        self._ema.copy_to(weights)
        self._model.unet.eval()
        try:
            yield
        finally:
            self._ema.restore(weights)
            self._model.unet.train()
            self._model.text.train(self._model.text.trained)

    @torch.no_grad()
    def _validate(self) -> float | None:
        """Return the loss on the same held-out crops and noise every time."""
        clips = self._held_out
        if clips is None or not len(clips):
            return None
        rng = np.random.default_rng([self._settings.seed, 2**32])
        order = rng.permutation(len(clips))[:_VALIDATION_CLIPS]
        size, losses, detail = self._settings.batch_size, [], self._model.settings.detail
        for start in range(0, len(order), size):
            picks = [int(i) for i in order[start : start + size]]
            prompts = tuple(
                write_prompt(clips.conditions[i], clips.labels[i], detail) for i in picks
            )
            keep = torch.ones(len(picks), dtype=torch.bool)
            batch = self._batch(clips, picks, prompts, keep, rng)
            generator = torch.Generator().manual_seed(start)
            losses += [float(self._loss(batch, generator))] * len(picks)
        return float(np.mean(losses))

    def _save(self, seconds: float) -> None:
        """Write the whole state beside the old one, then put it in its place."""
        target = self._folder / _STATE
        draft, old = target.with_suffix(".draft"), target.with_suffix(".old")
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(parents=True)
        tensors: dict[str, torch.Tensor] = {}
        for (name, parameter), mean in zip(self._parameters, self._ema.shadow_params, strict=True):
            tensors[f"weight.{name}"] = parameter.detach()
            tensors[f"mean.{name}"] = mean.detach()
            moments = self._optimizer.state[parameter]
            tensors[f"first.{name}"] = moments["exp_avg"]
            tensors[f"second.{name}"] = moments["exp_avg_sq"]
        ready = {name: value.cpu().contiguous().clone() for name, value in tensors.items()}
        save_file(ready, draft / "tensors.safetensors")
        facts = {
            "step": self._step,
            "losses": self._losses,
            "recent": list(self._recent),
            "seconds": seconds,
            "settings": self._settings.model_dump(mode="json"),
        }
        (draft / "state.json").write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
        if target.exists():  # otherwise the old one is the last that is whole
            shutil.rmtree(old, ignore_errors=True)
            os.replace(target, old)
        os.replace(draft, target)
        shutil.rmtree(old, ignore_errors=True)

    def _check_same(self, facts: dict[str, Any], folder: Path) -> None:
        """Raise unless going on gives what an uninterrupted training gives.

        Another number of steps does, as long as no cool-down had begun.
        """
        before, now = TrainingSettings(**facts["settings"]), self._settings
        constant = min(before.steps - before.cooldown, now.steps - now.cooldown)
        free = {"steps": now.steps, "cooldown": now.cooldown}
        same = before == now or (
            before.model_copy(update=free) == now and facts["step"] <= max(constant, now.warmup)
        )
        if not same:
            raise DataError(
                f"{folder} is the state of a training with other settings, after "
                f"{facts['step']} steps",
                "Give the same settings to go on, or another folder to begin anew.",
            )

    def _resume(self) -> None:
        folder = self._folder / _STATE
        if not (folder / "state.json").exists():
            folder = folder.with_suffix(".old")  # killed between two renames
        if not (folder / "state.json").exists():
            return
        facts = json.loads((folder / "state.json").read_text(encoding="utf-8"))
        self._check_same(facts, folder)
        tensors = load_file(folder / "tensors.safetensors")
        for index, (name, parameter) in enumerate(self._parameters):
            parameter.data.copy_(tensors[f"weight.{name}"])
            self._ema.shadow_params[index] = tensors[f"mean.{name}"].to(self._device)
            self._optimizer.state[parameter] = {
                "step": torch.tensor(float(facts["step"])),
                "exp_avg": tensors[f"first.{name}"].to(self._device),
                "exp_avg_sq": tensors[f"second.{name}"].to(self._device),
            }
        self._ema.optimization_step = facts["step"]
        self._step, self._losses = facts["step"], facts["losses"]
        self._recent.extend(facts.get("recent", ()))
        self._seconds = facts["seconds"]


def _members(clips: LatentSet) -> list[np.ndarray[Any, np.dtype[np.int64]]]:
    """Return the clips of each machine, section and label."""
    names = [
        (condition.machine, condition.section, label)
        for condition, label in zip(clips.conditions, clips.labels, strict=True)
    ]
    return [
        np.array([i for i, other in enumerate(names) if other == name])
        for name in sorted(set(names))
    ]


def _mean(losses: Iterable[float], count: int) -> float:
    """Return the mean of the last ``count``."""
    return float(np.mean([*losses][-count:]))


def _rate(step: int, settings: TrainingSettings) -> float:
    """Return the share of the learning rate at ``step``."""
    if step < settings.warmup:
        return (step + 1) / settings.warmup
    left = (settings.steps - step) / max(1, settings.cooldown)
    return _FINAL_RATE + (1 - _FINAL_RATE) * min(1.0, left)


def seen_conditions(clips: LatentSet) -> tuple[Condition, ...]:
    """Return the distinct conditions, sorted."""
    return tuple(sorted(set(clips.conditions), key=str))
