"""Training of a reconstruction network, with its gradient written out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from asdbench.errors import AsdbenchError

from ._ae_batches import Batches, WindowGather
from ._ae_params import Training


class Gradient(Protocol):
    """Computes the loss of a batch and leaves its gradient in ``flat.grad``."""

    @property
    def flat(self) -> nn.Parameter:
        """All trainable parameters."""
        ...

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        """Return the terms of the loss of ``x``, (terms,), the mean squared error first."""
        ...


def train_network(
    gradient: Gradient,
    gather: WindowGather,
    starts: torch.Tensor,
    batches: Batches,
    plan: Training,
    generator: torch.Generator,
    progress: Callable[[int, int, str], None],
    name: str,
) -> NDArray[np.float64]:
    """Minimize the loss by Adam.

    Parameters
    ----------
    gradient
        Of the network to train.
    gather
        Returns the windows that start at given frames.
    starts
        Frames that windows start with, int64; ``batches`` are indices of these.
    batches
        Splits an epoch.
    plan
        Learning rate and number of epochs.
    generator
        Draws the batches.
    progress
        Called with (epochs done, epochs, "epoch").
    name
        What an error calls the detector.

    Returns
    -------
    ndarray
        The mean squared error of each batch of the last epoch, taken before its step.

    Raises
    ------
    AsdbenchError
        When the loss or a weight is not finite.
    """
    optimizer = torch.optim.Adam(
        [gradient.flat], lr=plan.learning_rate, eps=plan.adam_eps, fused=True
    )
    losses: list[torch.Tensor] = []
    for epoch in range(plan.epochs):
        losses = []
        for batch in batches(generator):
            if len(batch) < 2:  # batch normalization needs two; the official code skips it too
                continue
            losses.append(gradient(gather(starts[batch])))
            optimizer.step()
        if not torch.isfinite(torch.cat([*losses, gradient.flat.detach()])).all():
            raise AsdbenchError(
                f"{name}: the loss is not finite after epoch {epoch + 1} of {plan.epochs}",
                f"lower learning_rate (it is {plan.learning_rate:g}) or check the clips' level",
            )
        progress(epoch + 1, plan.epochs, "epoch")
    return torch.stack(losses)[:, 0].double().cpu().numpy()
