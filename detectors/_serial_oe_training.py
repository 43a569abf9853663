"""Training of SerialOE's extractor: a machine's normal clips against outliers."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain, islice

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits

from asdbench.errors import AsdbenchError

from ._serial_oe_crops import Crops
from ._serial_oe_material import Material
from ._serial_oe_network import Extractor
from ._serial_oe_outliers import draw_shifts, shift_pitch


@dataclass(frozen=True)
class Plan:
    """How one machine's extractor is trained.

    ``centers`` (bands,), Hz, is given where outliers are the machine's own clips, shifted in
    pitch; None where ``outliers`` are other machines' clips.
    """

    epochs: int
    batch_size: int
    learning_rate: float
    lambda_section: float
    mixup: float
    centers: NDArray[np.float64] | None


def train_extractor(
    extractor: Extractor,
    crops: Crops,
    material: Material,
    plan: Plan,
    seed: int,
    device: torch.device,
    progress: Callable[[int], None],
) -> None:
    """Train ``extractor``, which is on ``device``; leave it in evaluation mode.

    ``progress`` is called with the number of epochs done.

    Raises
    ------
    AsdbenchError
        When the loss is not finite.
    """
    rng = np.random.default_rng(seed)
    steps = training_steps(extractor, crops, material, plan, rng, device)
    for epoch in range(plan.epochs):
        losses = list(islice(steps, steps_per_epoch(material, plan)))
        if not torch.isfinite(torch.stack(losses)).all():
            raise AsdbenchError(
                f"serial-oe: the loss is not finite in epoch {epoch + 1} of {plan.epochs}",
                f"lower learning_rate (it is {plan.learning_rate:g}) or check the clips' level",
            )
        progress(epoch + 1)
    with torch.no_grad(), _averaging(extractor):
        for positives, outliers in _halves(material, plan, rng):
            extractor(_batch(crops, material, plan, positives, outliers, rng, device)[0])
    extractor.eval()


def steps_per_epoch(material: Material, plan: Plan) -> int:
    """Return how many batches hold every positive once."""
    return -(-len(material.positives) // (plan.batch_size // 2))


def training_steps(
    extractor: Extractor,
    crops: Crops,
    material: Material,
    plan: Plan,
    rng: np.random.Generator,
    device: torch.device,
) -> Iterator[torch.Tensor]:
    """Train step by step for all epochs; yield each step's loss, taken before it."""
    generator = torch.Generator().manual_seed(int(rng.integers(2**63)))
    optimizer = torch.optim.AdamW(
        extractor.parameters(), lr=plan.learning_rate, weight_decay=0.0, fused=True
    )
    total = plan.epochs * steps_per_epoch(material, plan)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, plan.learning_rate, total)
    epochs = (_halves(material, plan, rng) for _ in range(plan.epochs))
    extractor.train()
    for step, (positives, outliers) in enumerate(chain.from_iterable(epochs)):
        mel, machine, section = _batch(crops, material, plan, positives, outliers, rng, device)
        if plan.mixup and rng.random() < math.cos(math.pi / 2 * step / total):
            mel, machine, section = _mix(mel, machine, section, plan.mixup, rng)
        keep = extractor.dropout_mask(len(mel), generator).to(device)
        logits = extractor(mel, keep)
        loss = _loss(logits, machine, section, plan.lambda_section)
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        optimizer.step()
        schedule.step()
        yield loss.detach()


@contextmanager
def _averaging(extractor: Extractor) -> Iterator[None]:
    """Let the running statistics of batch normalization be plain means over what now passes.

    Running averages remember earlier weights, and after a short training their own start.
    """
    norms = [m for m in extractor.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]
    momentum = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None
    yield
    for norm, value in zip(norms, momentum, strict=True):
        norm.momentum = value


def _halves(
    material: Material, plan: Plan, rng: np.random.Generator
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Yield places of positives, every one once in batches of like size, with as many outliers."""
    count = len(material.positives)
    places = rng.permutation(count)
    rounds = -(-count // len(material.outliers))
    outliers = np.concatenate([rng.permutation(material.outliers) for _ in range(rounds)])[:count]
    parts = steps_per_epoch(material, plan)
    yield from zip(np.array_split(places, parts), np.array_split(outliers, parts), strict=True)


def _batch(
    crops: Crops,
    material: Material,
    plan: Plan,
    positives: NDArray[np.int64],
    outliers: NDArray[np.int64],
    rng: np.random.Generator,
    device: torch.device,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return crops (batch, bands, frames), machine labels (batch,), classes (batch, C)."""
    clips = np.concatenate([material.positives[positives], outliers])
    mel = crops(clips, crops.random_starts(clips, rng), device)
    if plan.centers is not None:
        factors = draw_shifts(len(outliers), rng)
        mel[len(positives) :] = shift_pitch(mel[len(positives) :], plan.centers, factors)
    machine = torch.zeros(len(clips))
    machine[: len(positives)] = 1.0
    section = torch.zeros(len(clips), int(material.classes.max()) + 1)
    section[torch.arange(len(positives)), torch.from_numpy(material.classes[positives])] = 1.0
    return mel, machine.to(device), section.to(device)


def _mix(
    mel: torch.Tensor,
    machine: torch.Tensor,
    section: torch.Tensor,
    alpha: float,
    rng: np.random.Generator,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Mix every crop and its labels with another's, in shares drawn from Beta(alpha, alpha)."""
    share = rng.beta(alpha, alpha, len(mel)).astype(np.float32)
    kept = torch.from_numpy(share).to(mel.device)
    other = torch.from_numpy(rng.permutation(len(mel))).to(mel.device)
    return (
        torch.lerp(mel[other], mel, kept[:, None, None]),
        torch.lerp(machine[other], machine, kept),
        torch.lerp(section[other], section, kept[:, None]),
    )


def _loss(
    logits: tuple[torch.Tensor, torch.Tensor],
    machine: torch.Tensor,
    section: torch.Tensor,
    weight: float,
) -> torch.Tensor:
    """Return equation 3: binary cross-entropy of the machine plus ``weight`` times the classes'.

    The second term is over what holds some of the machine, and vanishes with one class.
    """
    machine_logit, section_logits = logits
    loss = binary_cross_entropy_with_logits(machine_logit, machine)
    if section.shape[1] < 2:
        return loss
    some = machine > 0
    return loss + weight * binary_cross_entropy_with_logits(section_logits[some], section[some])
