from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from asdbench.detectors._ae_gradient import Backpropagation
from asdbench.detectors._ae_network import Autoencoder, linear
from asdbench.detectors._ae_residuals import summarize
from asdbench.detectors._selective_mahalanobis import selective_mahalanobis


def third_party(shared: Path, machine: str) -> tuple[Autoencoder, list[np.ndarray]]:
    with np.load(shared / "oracle" / "fixtures" / "ae" / f"{machine}_weights.npz") as stored:
        tensors = {name: torch.from_numpy(stored[name]) for name in stored.files}
    matrices = [tensors.pop(f"cov_{domain}").double().numpy() for domain in ("source", "target")]
    network = Autoencoder(640)
    network.load_state_dict(tensors)
    return network.eval(), matrices


@pytest.mark.shared
@pytest.mark.parametrize("machine", ["bandsaw", "Vacuum"])
@pytest.mark.parametrize("name", ["noise", "tones", "silence_then_click"])
def test_third_party_weights_give_their_scores(shared: Path, machine: str, name: str) -> None:
    network, matrices = third_party(shared, machine)
    fixtures = shared / "oracle" / "fixtures"
    with np.load(fixtures / "wav" / f"{name}_peer_features.npz") as stored:
        vectors = torch.from_numpy(stored["vectors"])
    with np.load(fixtures / "ae" / f"{machine}_{name}.npz") as stored:
        reconstruction = stored["recon"]
    expected = json.loads((fixtures / "ae" / f"{machine}_scores.json").read_text())[name]

    residual = network.folded(torch.device("cpu")).residual(vectors)

    np.testing.assert_allclose((vectors - residual).numpy(), reconstruction, rtol=1e-4, atol=1e-3)
    mse, mean_row = summarize(residual, 128)
    assert mse == pytest.approx(expected["mse"], rel=1e-5)
    for matrix, domain in zip(matrices, ("source", "target"), strict=True):
        distance = selective_mahalanobis(mean_row[None], matrix, matrix)
        assert distance[0] == pytest.approx(expected[domain], rel=1e-5)
    selected = selective_mahalanobis(mean_row[None], *matrices)
    assert selected[0] == pytest.approx(expected["score"], rel=1e-5)


def test_gradient_is_that_of_autograd() -> None:
    network = Autoencoder(60).double()
    network.initialize("torch", torch.Generator().manual_seed(0))
    x = torch.randn(32, 60, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    loss = torch.nn.functional.mse_loss(network.train()(x), x)
    loss.backward()
    running = {name: value.clone() for name, value in network.named_buffers() if "run" in name}
    expected = {name: p.grad for name, p in network.named_parameters() if p.grad is not None}

    network.initialize("torch", torch.Generator().manual_seed(0))
    gradient = Backpropagation(network)
    assert gradient(x).item() == pytest.approx(loss.item(), rel=1e-12)

    step = torch.optim.SGD([gradient.flat], lr=1.0)
    before = {name: p.detach().clone() for name, p in network.named_parameters()}
    step.step()
    untrained = []
    for name, parameter in network.named_parameters():
        moved = before[name] - parameter.detach()
        if not moved.any():
            untrained.append(name)
        # Biases in front of a batch normalization stay: their gradient is rounding noise.
        torch.testing.assert_close(moved, expected[name], rtol=1e-9, atol=1e-12)
    assert len(untrained) == 9
    assert all(name.endswith("bias") for name in untrained)
    for name, value in network.named_buffers():
        if name in running:
            torch.testing.assert_close(value, running[name])


def test_linear_is_the_ordinary_product() -> None:
    generator = torch.Generator().manual_seed(0)
    x, weight = torch.randn(31, 70, generator=generator), torch.randn(70, 9, generator=generator)
    bias = torch.randn(9, generator=generator)
    torch.testing.assert_close(linear(x, weight.t(), bias), x @ weight + bias)
    torch.testing.assert_close(linear(x.t(), weight.t()[:, :31]), x.t() @ weight[:31])


def test_folded_network_is_the_network() -> None:
    network = Autoencoder(80)
    generator = torch.Generator().manual_seed(0)
    network.initialize("glorot", generator)
    for name, value in network.state_dict().items():
        if "running" in name:
            value.uniform_(0.5, 2.0, generator=generator)
    x = torch.randn(50, 80, generator=generator)
    residual = network.eval().folded(torch.device("cpu")).residual(x)
    torch.testing.assert_close(residual, x - network(x), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("init", "bound"), [("torch", 640**-0.5), ("glorot", (6 / 768) ** 0.5)])
def test_initial_weights_are_uniform_in_their_bound(init: Any, bound: float) -> None:
    network = Autoencoder(640)
    network.initialize(init, torch.Generator().manual_seed(0))
    first = network.blocks()[0][0][0]
    assert first.weight.abs().max().item() == pytest.approx(bound, rel=1e-3)
    assert first.weight.std().item() == pytest.approx(bound / 3**0.5, rel=1e-2)
    assert bool(first.bias.any()) == (init == "torch")
    trainable = sum(p.numel() for p in network.parameters())
    assert trainable == 267_928
