"""Loss and gradient of GammaVAE: written out but for the latent variables."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn

from ._ae_gradient import BlockGradient, OutputGradient, flatten
from ._ae_network import blocks, last_layer, linear
from ._gamma_vae_latent import GammaPosterior
from ._gamma_vae_network import GammaVAENetwork


class GammaBackpropagation:
    """Computes the loss of a batch and leaves its gradient in ``flat.grad``.

    The loss is the mean squared error of the reconstruction from a sample of the posterior, and
    the divergence summed over the latent variables, both averaged over the batch.

    Parameters
    ----------
    network
        Trained in place: its parameters become views of :attr:`flat`.
    divergence
        Of the posterior from the prior, (batch, latents).
    generator
        Draws the samples; on the network's device.
    """

    flat: nn.Parameter
    """All trainable parameters."""

    def __init__(
        self,
        network: GammaVAENetwork,
        divergence: Callable[[GammaPosterior], torch.Tensor],
        generator: torch.Generator,
    ) -> None:
        self._posterior, self._divergence = network.posterior, divergence
        self._generator = generator
        self._encoder = BlockGradient(blocks(network.encoder))
        self._decoder = BlockGradient(blocks(network.decoder))
        self._output = OutputGradient(last_layer(network.decoder))
        heads = (network.fc_mu, network.fc_var)
        trained = [head.weight for head in heads] + [head.bias for head in heads]
        inner, outer = len(self._encoder.trained), len(self._decoder.trained)
        self.flat, grads = flatten(
            [*self._encoder.trained, *trained, *self._decoder.trained, *self._output.trained]
        )
        self._encoder.bind(grads[:inner])
        self._head_grads = grads[inner : inner + 4]
        self._decoder.bind(grads[inner + 4 : inner + 4 + outer])
        self._output.bind(grads[-2:])
        self._heads = heads

    @torch.no_grad()
    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        """Return mean squared error and divergence of ``x``, (batch, width), as (2,)."""
        hidden = self._encoder.forward(x)
        # One product for both heads: the first half of its columns is fc_mu's.
        weight = torch.cat([head.weight for head in self._heads])
        bias = torch.cat([head.bias for head in self._heads])
        output = linear(hidden, weight, bias).requires_grad_()
        with torch.enable_grad():
            posterior = self._posterior(*output.chunk(2, 1))
            sample = posterior.sample(self._generator)
            divergence = self._divergence(posterior).sum() / len(x)
        error, grad = self._output(self._decoder.forward(sample.detach()), x)
        grad = self._decoder.backward(grad)
        [grad] = torch.autograd.grad([sample, divergence], [output], [grad, torch.ones_like(error)])
        of_weight, of_bias = linear(grad.t(), hidden.t()), grad.sum(0)
        for kept, value in zip(
            self._head_grads, [*of_weight.chunk(2), *of_bias.chunk(2)], strict=True
        ):
            kept.copy_(value)
        self._encoder.backward(linear(grad, weight.t()), to_input=False)
        return torch.stack([error, divergence.detach()])
