"""GammaVAE: the DCASE autoencoder with gamma-distributed latent variables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

import torch
from pydantic import Field

from asdbench.api import DetectorInfo

from ._ae_detector import ReconstructionDetector
from ._ae_params import ReconstructionParams, Training
from ._dcase_ae_params import PRESETS
from ._gamma_vae_gradient import GammaBackpropagation
from ._gamma_vae_latent import kl_divergence, printed_divergence
from ._gamma_vae_network import GammaVAENetwork


class GammaVAEParams(ReconstructionParams):
    """Parameters of ``gamma-vae``; training is the DCASE 2023 baseline's, as in the paper."""

    paper: bool = False
    """Take Table 1 and equation 2 of the paper to the letter: softmax heads, and a divergence that
    is none. Otherwise softplus heads and the KL divergence of gamma distributions."""
    fmin: float = 0.0
    """Lowest frequency of the mel bands, Hz."""
    fmax: float | None = None
    """Highest frequency of the mel bands, Hz; None is half the sample rate."""
    learning_rate: float = Field(1e-3, gt=0.0)
    """Learning rate of Adam."""
    batch_size: int = Field(256, ge=2)
    """Windows in a mini-batch."""
    epochs: int = Field(100, ge=1)
    """Passes over the training windows."""

    def settings(self) -> Training:
        """Return the baseline's training with what the parameters override."""
        return replace(
            PRESETS["dcase2023"],
            learning_rate=self.learning_rate,
            batch_size=self.batch_size,
            epochs=self.epochs,
            fmin=self.fmin,
            fmax=self.fmax,
        )


class GammaVAE(ReconstructionDetector[GammaVAENetwork]):
    """A variational autoencoder whose posterior and prior are gamma distributions.

    Network, training, scores and thresholds are those of ``dcase-ae``, but for the bottleneck:
    two heads give shape and rate of a gamma distribution for each of eight latent variables. In
    training a sample of it is decoded, and its KL divergence from the prior, Gamma(2, 1), is
    added to the mean squared error. Clips are scored with the posterior mean, so that scores are
    no matter of chance. Its embedding is the posterior mean, averaged over a clip's windows, (8,).

    References
    ----------
    S. Huang and Y. Zhang, "Unsupervised anomaly sound detection based on GammaVAE", technical
    report, DCASE Challenge 2024 Task 2.

    Deviations
    ----------
    From the paper, unless ``paper=True``: the heads are softplus, not softmax, under which the
    shapes (and the scales) of all eight variables sum to 1 and cannot reach a prior of shape 2;
    the divergence is KL(Q||P) in place of equation 2, which lacks the terms in log-gamma and does
    not vanish where Q equals P.

    The paper does not say what the prior is, how samples are drawn, or what is decoded at test
    time: Gamma(2, 1), implicit reparameterization of the gamma distribution that equation 2
    speaks of, and the posterior mean are taken in both modes. Weight of the divergence 1, as the
    text has it.
    """

    info: ClassVar[DetectorInfo] = DetectorInfo(
        id="gamma-vae",
        version="1",
        params=GammaVAEParams,
        description="Autoencoder with gamma-distributed latent variables, scores as dcase-ae.",
        paper="Huang and Zhang, DCASE Challenge 2024 (technical report)",
        scope="machine",
        score_params=frozenset({"score"}),
    )
    check_params: ClassVar[Mapping[str, Any]] = {"epochs": 10, "batch_size": 64, "n_mels": 32}
    params: GammaVAEParams

    def _network(self) -> GammaVAENetwork:
        width = self.params.frames * self.params.n_mels
        return GammaVAENetwork(width, self.params.paper, self._settings.bn_eps)

    def _gradient(
        self, network: GammaVAENetwork, generator: torch.Generator
    ) -> GammaBackpropagation:
        seed = int(torch.randint(2**62, (), generator=generator))
        samples = torch.Generator(network.fc_mu.weight.device).manual_seed(seed)
        divergence = printed_divergence if self.params.paper else kl_divergence
        return GammaBackpropagation(network, divergence, samples)
