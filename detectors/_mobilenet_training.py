"""Training of the MobileNetV2 classifier."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch.nn import functional

from asdbench.errors import AsdbenchError

from ._ae_batches import WindowBatches, WindowGather
from ._mobilenet_network import MobileNetV2Network
from ._mobilenet_params import Preset

_ADAM_EPS = 1e-7  # Keras


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

    Afterwards one more pass over the windows averages the statistics of batch normalization, with
    the weights as they are then. Keras keeps 0.999 of them at every step of training, which comes
    to the same where there are many small steps; after a few hundred steps its statistics are
    those of networks that had learned less, and most windows are then put into the wrong class.

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
    batches = WindowBatches(torch.arange(len(starts)), plan.batch_size)
    network.train()
    for epoch in range(plan.epochs):
        total = torch.zeros((), device=device)
        for batch in batches(generator):
            if len(batch) < 2:  # batch normalization needs two values
                continue
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
    for norm in network.norms():
        norm.reset_running_stats()
    with torch.no_grad():
        for batch in batches(generator):
            if len(batch) > 1:
                network(gather(starts[batch]).view(len(batch), 1, -1, bands))
    network.eval()
