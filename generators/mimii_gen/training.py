"""Training of the U-Net, and of a text encoder that learns with it.

Every step draws its crops, noise, timesteps and dropout from a seed of its own, and the saved
state holds weights, running mean and optimizer, so that a training that was killed goes on to the
same result, bit for bit on the same machine with as many threads.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch

from asdbench.api import Condition
from asdbench.errors import PluginError

from . import diffusion
from .crops import Batch, Crops
from .latent_cache import LatentSet
from .model import LatentDiffusion
from .training_settings import TrainingSettings
from .training_state import check_same, read_state, restore_state, write_state
from .unet import denoise

Progress = Callable[[int, int, str], None]
_FINAL_RATE = 0.05  # of the learning rate, at the last step
_VALIDATION_CLIPS = 256
_SHOWN = 200  # steps whose mean loss is shown as progress


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
        self._held_out = held_out
        self._settings = settings
        self._seed = settings.seed or 0
        self._folder = folder
        self._device = torch.device(device)
        self._progress = progress
        self._review = review
        self._levels = diffusion.alphas_cumprod().to(self._device)
        self._crops = Crops(train, model, settings, self._device)
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

    def _one_step(self) -> float:
        settings = self._settings
        for group in self._optimizer.param_groups:
            group["lr"] = settings.learning_rate * _rate(self._step, settings)
        total = 0.0
        for part in range(settings.accumulate):
            rng = np.random.default_rng([self._seed, self._step, part])
            generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
            batch = self._crops.draw(rng)
            loss = self._loss(batch, generator) / settings.accumulate
            torch.autograd.backward(loss)
            total += float(loss.detach())
        if not math.isfinite(total):
            raise PluginError(
                f"the loss is {total} at step {self._step}",
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
        weight = diffusion.weights(
            level, prediction, self._settings.min_snr, self._settings.weight_floor
        )
        return (weight * error).mean()

    @property
    def _bf16(self) -> bool:
        if self._settings.precision != "auto":
            return self._settings.precision == "bf16"
        if self._device.type == "cuda":
            return bool(torch.cuda.is_bf16_supported())
        return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())

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
        rng = np.random.default_rng([self._seed, 2**32])
        order = rng.permutation(len(clips))[:_VALIDATION_CLIPS]
        size, losses = self._settings.batch_size, []
        for start in range(0, len(order), size):
            picks = [int(i) for i in order[start : start + size]]
            batch = self._crops.of(clips, picks, rng)
            generator = torch.Generator().manual_seed(start)
            losses += [float(self._loss(batch, generator))] * len(picks)
        return float(np.mean(losses))

    def _save(self, seconds: float) -> None:
        facts = {
            "step": self._step,
            "losses": self._losses,
            "recent": list(self._recent),
            "seconds": seconds,
            "settings": self._settings.model_dump(mode="json"),
        }
        write_state(self._folder, self._parameters, self._ema, self._optimizer, facts)

    def _resume(self) -> None:
        state = read_state(self._folder)
        if state is None:
            return
        facts, tensors = state
        check_same(facts, self._settings, self._folder)
        restore_state(tensors, facts["step"], self._parameters, self._ema, self._optimizer)
        self._step, self._losses = facts["step"], facts["losses"]
        self._recent.extend(facts.get("recent", ()))
        self._seconds = facts["seconds"]


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
