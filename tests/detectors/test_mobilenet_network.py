from __future__ import annotations

import math

import pytest
import torch
from torch import nn
from torch.nn import functional

from asdbench.detectors._mobilenet_inference import Classifier
from asdbench.detectors._mobilenet_network import (
    FEATURES,
    ConvNorm,
    MobileNetV2Network,
    pad_same,
)
from asdbench.detectors._mobilenet_scores import negative_logits

CPU = torch.device("cpu")


def network(classes: int = 3, seed: int = 0) -> MobileNetV2Network:
    made = MobileNetV2Network(classes)
    made.initialize(torch.Generator().manual_seed(seed))
    return made


def windows(count: int, frames: int = 64, bands: int = 128) -> torch.Tensor:
    generator = torch.Generator().manual_seed(5)
    return 10 * torch.randn(count, 1, frames, bands, generator=generator) - 40


def with_statistics(made: MobileNetV2Network, x: torch.Tensor) -> MobileNetV2Network:
    """Return the network with running statistics that are not those it starts with."""
    generator = torch.Generator().manual_seed(6)
    for norm in made.norms():
        norm.momentum = 0.5
        nn.init.uniform_(norm.weight, 0.5, 1.5, generator=generator)
        nn.init.uniform_(norm.bias, -0.5, 0.5, generator=generator)
    with torch.no_grad():
        made.train()(x)
    return made.eval()


def reference() -> nn.Module:
    from transformers import MobileNetV2Config, MobileNetV2ForImageClassification

    with torch.random.fork_rng():
        return MobileNetV2ForImageClassification(
            MobileNetV2Config(depth_multiplier=0.5, num_labels=3, classifier_dropout_prob=0.0)
        ).eval()


def test_it_has_as_many_parameters_as_keras_network_at_half_width() -> None:
    made = network()
    statistics = sum(norm.running_mean.numel() + norm.running_var.numel() for norm in made.norms())
    trainable = sum(parameter.numel() for parameter in made.parameters())
    assert trainable == 691_523
    assert trainable + statistics == 710_067


def test_layers_have_keras_channels_strides_and_normalization() -> None:
    layers = [module for module in network().modules() if isinstance(module, ConvNorm)]
    assert [layer.conv.out_channels for layer in layers if layer.linear] == (
        [8, 16, 16, 16, 16, 16] + [32] * 4 + [48] * 3 + [80] * 3 + [160]
    )
    assert layers[0].conv.out_channels == 16
    assert layers[-1].conv.out_channels == FEATURES
    assert [layer.conv.stride[0] for layer in layers].count(2) == 5
    for layer in layers:
        assert layer.norm.eps == 1e-3


@pytest.mark.parametrize(("frames", "bands"), [(64, 128), (63, 40)])
def test_it_gives_what_the_network_of_transformers_gives(frames: int, bands: int) -> None:
    x = windows(4, frames, bands)
    made, other = with_statistics(network(), x), reference()
    states = made.state_dict(), other.state_dict()
    assert len(states[0]) == len(states[1])
    for ours, theirs in zip(states[0].values(), states[1].values(), strict=True):
        assert ours.shape == theirs.shape
        theirs.copy_(ours)
    with torch.no_grad():
        expected = other(x.expand(-1, 3, -1, -1)).logits
        assert torch.allclose(made(x), expected, rtol=1e-4, atol=1e-5)
    assert expected.std() > 1e-3


@pytest.mark.parametrize("size", [(64, 128), (7, 12), (1, 1)])
def test_padding_is_tensorflows_same(size: tuple[int, int]) -> None:
    # Out of TensorFlow's documentation: as many zeros in all as the last window lacks, the
    # smaller half before.
    x = torch.randn(1, 2, *size, generator=torch.Generator().manual_seed(1))
    for stride in (1, 2):
        conv = nn.Conv2d(2, 2, 3, stride, bias=False)
        sides: list[int] = []
        for length in reversed(size):
            lacking = max((math.ceil(length / stride) - 1) * stride + 3 - length, 0)
            sides += [lacking // 2, lacking - lacking // 2]
        expected = functional.conv2d(functional.pad(x, sides), conv.weight, stride=stride)
        padded, padding = pad_same(x, conv)
        found = functional.conv2d(padded, conv.weight, stride=stride, padding=padding)
        assert found.shape == expected.shape
        assert torch.allclose(found, expected, atol=1e-6)


def test_initial_weights_are_keras_glorot_uniform() -> None:
    made = network(seed=3)
    deep = made.blocks[-1].layers[1].conv  # depthwise, 480 channels
    for weight, fans in (
        (made.last.conv.weight, 160 + 1280),
        (made.stem.conv.weight, 9 * (3 + 16)),
        (deep.weight, 9 * (480 + 1)),
        (made.classifier.weight, 1280 + 3),
    ):
        bound = math.sqrt(6 / fans)
        assert weight.abs().max() <= bound
        assert weight.std().item() == pytest.approx(bound / math.sqrt(3), rel=0.1)
    assert not made.classifier.bias.any()
    assert torch.equal(network(seed=3).stem.conv.weight, made.stem.conv.weight)
    assert not torch.equal(network(seed=4).stem.conv.weight, made.stem.conv.weight)


def test_building_it_draws_nothing_from_the_global_generator() -> None:
    state = torch.get_rng_state()
    network()
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("fused", [True, False])
def test_the_folded_network_agrees(fused: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    from asdbench.detectors import _mobilenet_inference

    if not fused:
        monkeypatch.setattr(_mobilenet_inference, "_ONEDNN", False)
    x = windows(5)
    made = with_statistics(network(), x)
    classifier = Classifier(made, CPU)
    features = classifier.features(x)
    assert features.shape == (5, FEATURES)
    with torch.no_grad():
        assert torch.allclose(classifier.logits(features), made(x), rtol=1e-4, atol=1e-5)


def test_negative_logits_are_log_odds_against_a_class() -> None:
    logits = torch.tensor([[0.3, -1.2, 2.0], [5.0, 4.0, -3.0]])
    p = logits.double().softmax(1)
    assert torch.allclose(negative_logits(logits), ((1 - p) / p).log(), atol=1e-12)


def test_negative_logits_stay_exact_and_bounded_where_probabilities_round() -> None:
    found = negative_logits(torch.tensor([[25.0, 0.0], [2000.0, 0.0]]))
    assert found[0].tolist() == pytest.approx([-25.0, 25.0])
    assert found[1].tolist() == pytest.approx([-36.0437, 36.0437], abs=1e-4)
