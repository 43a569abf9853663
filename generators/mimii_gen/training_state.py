"""The state of a training on disk: weights, running mean, optimizer, and how far it is."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import nn

from asdbench.errors import DataError

from .training_settings import TrainingSettings

Parameters = Sequence[tuple[str, nn.Parameter]]
_STATE, _TENSORS, _FACTS = "state", "tensors.safetensors", "state.json"


def write_state(
    folder: Path,
    parameters: Parameters,
    ema: Any,
    optimizer: torch.optim.Optimizer,
    facts: Mapping[str, Any],
) -> None:
    """Write the whole state beside the old one in ``folder``, then put it in its place."""
    target = folder / _STATE
    draft, old = target.with_suffix(".draft"), target.with_suffix(".old")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    tensors: dict[str, torch.Tensor] = {}
    for (name, parameter), mean in zip(parameters, ema.shadow_params, strict=True):
        moments = optimizer.state[parameter]
        tensors[f"weight.{name}"] = parameter.detach()
        tensors[f"mean.{name}"] = mean.detach()
        tensors[f"first.{name}"] = moments["exp_avg"]
        tensors[f"second.{name}"] = moments["exp_avg_sq"]
    ready = {name: value.cpu().contiguous().clone() for name, value in tensors.items()}
    save_file(ready, draft / _TENSORS)
    (draft / _FACTS).write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
    if target.exists():  # otherwise the old one is the last that is whole
        shutil.rmtree(old, ignore_errors=True)
        os.replace(target, old)
    os.replace(draft, target)
    shutil.rmtree(old, ignore_errors=True)


def read_state(folder: Path) -> tuple[dict[str, Any], dict[str, torch.Tensor]] | None:
    """Return facts and tensors of the last whole state in ``folder``, or None."""
    state = folder / _STATE
    if not (state / _FACTS).exists():
        state = state.with_suffix(".old")  # killed between two renames
    if not (state / _FACTS).exists():
        return None
    facts = json.loads((state / _FACTS).read_text(encoding="utf-8"))
    return facts, load_file(state / _TENSORS)


def check_same(facts: Mapping[str, Any], now: TrainingSettings, folder: Path) -> None:
    """Raise unless going on gives what an uninterrupted training gives.

    Another number of steps does, as long as no cool-down had begun.

    Raises
    ------
    DataError
        When the settings differ.
    """
    before = TrainingSettings(**facts["settings"])
    constant = min(before.steps - before.cooldown, now.steps - now.cooldown)
    free = {"steps": now.steps, "cooldown": now.cooldown}
    same = before == now or (
        before.model_copy(update=free) == now and facts["step"] <= max(constant, now.warmup)
    )
    if not same:
        raise DataError(
            f"{folder / _STATE} is the state of a training with other settings, after "
            f"{facts['step']} steps",
            "Give the same settings to go on, or another folder to begin anew.",
        )


def restore_state(
    tensors: Mapping[str, torch.Tensor],
    step: int,
    parameters: Parameters,
    ema: Any,
    optimizer: torch.optim.Optimizer,
) -> None:
    """Put ``tensors`` of :func:`read_state` in their places."""
    for index, (name, parameter) in enumerate(parameters):
        device = parameter.device
        parameter.data.copy_(tensors[f"weight.{name}"])
        ema.shadow_params[index] = tensors[f"mean.{name}"].to(device)
        optimizer.state[parameter] = {
            "step": torch.tensor(float(step)),
            "exp_avg": tensors[f"first.{name}"].to(device),
            "exp_avg_sq": tensors[f"second.{name}"].to(device),
        }
    ema.optimization_step = step
