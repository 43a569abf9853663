from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from asdbench.detectors._gamma_vae_gradient import GammaBackpropagation
from asdbench.detectors._gamma_vae_latent import (
    GammaPosterior,
    kl_divergence,
    printed_divergence,
)
from asdbench.detectors._gamma_vae_network import GammaVAENetwork

Divergence = Callable[[GammaPosterior], torch.Tensor]


def made(paper: bool) -> GammaVAENetwork:
    network = GammaVAENetwork(60, paper)
    network.double().initialize("torch", torch.Generator().manual_seed(0))
    return network


@pytest.mark.parametrize(
    ("paper", "divergence"), [(False, kl_divergence), (True, printed_divergence)]
)
def test_gradient_is_that_of_autograd(paper: bool, divergence: Divergence) -> None:
    x = torch.randn(32, 60, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    plain = made(paper).train()
    posterior = plain.encode(x)
    sample = posterior.sample(torch.Generator().manual_seed(2))
    error = torch.nn.functional.mse_loss(plain.decoder(sample), x)
    penalty = divergence(posterior).sum(1).mean()
    (error + penalty).backward()

    network = made(paper)
    gradient = GammaBackpropagation(network, divergence, torch.Generator().manual_seed(2))
    before = {name: p.detach().clone() for name, p in network.named_parameters()}
    losses = gradient(x)
    torch.testing.assert_close(losses, torch.stack([error, penalty]).detach())
    torch.optim.SGD([gradient.flat], lr=1.0).step()
    untrained = []
    for (name, parameter), (_, expected) in zip(
        network.named_parameters(), plain.named_parameters(), strict=True
    ):
        moved = before[name] - parameter.detach()
        if not moved.any():
            untrained.append(name)
        torch.testing.assert_close(moved, expected.grad, rtol=1e-9, atol=1e-12)
    assert len(untrained) == 8  # biases in front of a batch normalization
    for (_, value), (_, expected_value) in zip(
        network.named_buffers(), plain.named_buffers(), strict=True
    ):
        if value.dtype == torch.float64:
            torch.testing.assert_close(value, expected_value)


@pytest.mark.parametrize("paper", [False, True])
def test_folded_network_is_the_network(paper: bool) -> None:
    network = GammaVAENetwork(80, paper)
    generator = torch.Generator().manual_seed(0)
    network.initialize("torch", generator)
    for name, value in network.state_dict().items():
        if "running" in name:
            value.uniform_(0.5, 2.0, generator=generator)
    x = torch.randn(50, 80, generator=generator)
    folded = network.eval().folded(torch.device("cpu"))
    torch.testing.assert_close(folded.residual(x), x - network(x), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(folded.latent(x), network.encode(x).mean(), rtol=1e-4, atol=1e-5)


def test_layers_are_those_of_table_1() -> None:
    shapes = {name: tuple(p.shape) for name, p in GammaVAENetwork(640, True).named_parameters()}
    weights = [shape for name, shape in shapes.items() if len(shape) == 2]
    encoder, decoder = [(128, 640)] + [(128, 128)] * 3, [(128, 8)] + [(128, 128)] * 3
    assert weights == [*encoder, (8, 128), (8, 128), *decoder, (640, 128)]
    assert shapes["fc_mu.weight"] == shapes["fc_var.weight"] == (8, 128)
