"""Training of the MobileNetV2 classifier."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch.nn import functional

from asdbench.errors import AsdbenchError

from ._ae_batches import WindowBatches, WindowGather
from ._mobilenet_network import BN_KEEP, MobileNetV2Network
from ._mobilenet_params import Preset

_ADAM_EPS = 1e-7  # Keras
_BN_EPOCHS = 3
"""Running statistics average over no more epochs than these."""


def train_classifier(
    network: MobileNetV2Network,
    gather: WindowGather,
    bands: int,
    starts: torch.Tensor,
    labels: torch.Tensor,
    plan: Preset,
    generator: torch.Generator,
    progress: Callable[[int, int, str], None],
) -> None:
    """Train ``network`` to tell the classes of windows, by Adam on the cross-entropy.

    Running statistics of batch normalization average over the last 1,000 steps, as Keras' do, but
    never over more than three epochs, and are bias-corrected like Adam's moments. At 3,000 clips
    and 20 epochs both make no difference; with a tenth of the clips, Keras' statistics would be
    those that it starts with and those of a network that had learned nothing yet.

    Parameters
    ----------
    gather, bands
        Gives windows; mel bands of a frame.
    starts, labels
        int64 (windows,): where each window starts, and its class.

    Raises
    ------
    AsdbenchError
        When the loss or a weight is not finite.
    """
    device = gather.view.device
    labels = labels.to(device)
    weights = list(network.parameters())
    optimizer = torch.optim.Adam(weights, lr=plan.learning_rate, eps=_ADAM_EPS, fused=True)
    norms = list(network.norms())
    batches = WindowBatches(torch.arange(len(starts)), plan.batch_size)
    keep = min(BN_KEEP, 1 - 1 / (_BN_EPOCHS * math.ceil(len(starts) / plan.batch_size)))
    network.train()
    steps = 0
    for epoch in range(plan.epochs):
        total = torch.zeros((), device=device)
        for batch in batches(generator):
            if len(batch) < 2:  # batch normalization needs two values
                continue
            steps += 1
            for norm in norms:
                norm.momentum = (1 - keep) / (1 - keep**steps)
            logits = network(gather(starts[batch]).view(len(batch), 1, -1, bands))
            loss = functional.cross_entropy(logits, labels[batch.to(device)])
            optimizer.zero_grad()
            torch.autograd.backward(loss)
            optimizer.step()
            total += loss.detach()
        finite = torch.stack([weight.detach().sum() for weight in weights] + [total]).isfinite()
        if not finite.all():
            raise AsdbenchError(
                f"mobilenet-v2: the loss is not finite after epoch {epoch + 1} of {plan.epochs}",
                f"lower learning_rate (it is {plan.learning_rate:g}) or check the clips' level",
            )
        progress(epoch + 1, plan.epochs, "epoch")
    network.eval()
