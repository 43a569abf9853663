"""Training of the autoencoder: epochs as permutations of window starts, no Python per sample."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator

import numpy as np
import torch
from numpy.typing import NDArray

from asdbench.errors import AsdbenchError

from ._ae_gradient import Backpropagation
from ._ae_network import Autoencoder
from ._dcase_ae_params import Variant


class WindowGather:
    """Picks windows of consecutive frames by the frame they start with.

    Parameters
    ----------
    frames
        float32 (frames, bands), C-contiguous; only read.
    length
        Frames of a window.
    device
        Where the frames are kept and the windows come from.
    """

    def __init__(self, frames: NDArray[np.float32], length: int, device: torch.device) -> None:
        count, bands = frames.shape
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # memory-mapped frames are read-only
            values = torch.from_numpy(frames).to(device)
        self.width = length * bands
        self.view = values.as_strided((count - length + 1, self.width), (bands, 1))

    def __call__(self, starts: torch.Tensor) -> torch.Tensor:
        """Return the windows that start at ``starts``, (batch, width)."""
        return self.view.index_select(0, starts.to(self.view.device))


def shuffled(
    starts: torch.Tensor, batch_size: int, generator: torch.Generator
) -> Iterator[torch.Tensor]:
    """Yield ``starts`` in random order in batches; the last may be smaller."""
    order = torch.randperm(len(starts), generator=generator)
    yield from torch.split(starts[order], batch_size)


def train_network(
    network: Autoencoder,
    gather: WindowGather,
    starts: torch.Tensor,
    plan: Variant,
    generator: torch.Generator,
    progress: Callable[[int, int, str], None],
) -> NDArray[np.float64]:
    """Train ``network`` to reconstruct windows, by Adam on the mean squared error.

    Returns
    -------
    ndarray
        The loss of each batch of the last epoch, taken before its step.

    Raises
    ------
    AsdbenchError
        When the loss or a weight is not finite.
    """
    gradient = Backpropagation(network)
    optimizer = torch.optim.Adam(
        [gradient.flat], lr=plan.learning_rate, eps=plan.adam_eps, fused=True
    )
    losses: list[torch.Tensor] = []
    for epoch in range(plan.epochs):
        losses = []
        for batch in shuffled(starts, plan.batch_size, generator):
            if len(batch) < 2:  # batch normalization needs two; the official code skips it too
                continue
            losses.append(gradient(gather(batch)))
            optimizer.step()
        if not torch.isfinite(torch.cat([torch.stack(losses), gradient.flat.detach()])).all():
            raise AsdbenchError(
                f"dcase-ae: the loss is not finite after epoch {epoch + 1} of {plan.epochs}",
                f"lower learning_rate (it is {plan.learning_rate:g}) or check the clips' level",
            )
        progress(epoch + 1, plan.epochs, "epoch")
    network.eval()
    return torch.stack(losses).double().cpu().numpy()
