"""The autoencoder baseline of DCASE Task 2, with its two scores."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import torch

from asdbench.api import DetectorInfo

from ._ae_detector import ReconstructionDetector
from ._ae_gradient import Backpropagation
from ._ae_network import Autoencoder
from ._dcase_ae_params import DCASEAutoencoderParams


class DCASEAutoencoder(ReconstructionDetector[Autoencoder]):
    """The fully connected autoencoder that DCASE Task 2 has as its baseline since 2020.

    It learns to reconstruct windows of five log-mel frames of normal sound. The score of a clip
    is the mean squared error of all its windows (``mse``), or the squared Mahalanobis distance
    of its mean residual frame, under the residuals' covariance in the source or in the target
    domain, whichever is smaller (``mahalanobis``). A clip is called anomalous when its score is
    above the 90 % quantile of a gamma distribution fitted to scores of training clips. Its
    embedding is the bottleneck, averaged over a clip's windows, (8,).

    References
    ----------
    K. Dohi et al., "Description and discussion on DCASE 2022 Challenge Task 2", DCASE Workshop
    2022, section 4.1; N. Harada et al., "First-shot anomaly sound detection for machine condition
    monitoring: A domain generalization baseline", EUSIPCO 2023, section III. Preset ``mimii-dg``:
    K. Dohi et al., "MIMII DG", DCASE Workshop 2022, section 4.1. Preset ``smoothing``: T. Fujimura,
    K. Imoto and T. Toda, "Discriminative neighborhood smoothing for generative anomalous sound
    detection", section IV.

    Deviations
    ----------
    Of the presets ``dcase2022`` and ``dcase2023`` from the papers, towards the official code,
    whose results are the published ones: learning rate 1e-3 and batches of 512 or 256 instead of
    1e-4 and 128; the Mahalanobis distance of the mean residual instead of the mean distance of
    residuals; ``covariance="batch"``, which understates the target covariance where a batch holds
    few target windows (by about 8 % at 1 % target data): the default, because published tables
    contain it. ``global`` does not depend on batch size and order.

    From the official code: clips may have unequal lengths; the threshold of preset ``dcase2023``
    is fitted to clips unless ``threshold="batch"``; a singular covariance and a degenerate gamma
    fit are caught (see ``whitening`` and ``gamma_threshold``); biases in front of a batch
    normalization, which cancel out, stay as drawn.

    Where the papers are silent, ``mimii-dg`` takes initial weights and epsilons from the official
    code of 2022 and withholds nothing; ``smoothing`` takes them from that of 2023. An epoch of
    ``smoothing`` takes one random segment of every clip; segments are cut from the frames of the
    clip, so that their first and last frame hear beyond them; amplitude is standardized as an
    offset of the log-mel values (see ``standardizing_offset``).
    """

    info: ClassVar[DetectorInfo] = DetectorInfo(
        id="dcase-ae",
        version="2",
        params=DCASEAutoencoderParams,
        description="Autoencoder baseline of DCASE Task 2, scores mse and mahalanobis.",
        paper="Harada et al., EUSIPCO 2023; Dohi et al., DCASE Workshop 2022",
        scope="machine",
        score_params=frozenset({"score"}),
    )
    check_params: ClassVar[Mapping[str, Any]] = {"epochs": 10, "batch_size": 64, "n_mels": 32}
    params: DCASEAutoencoderParams

    def _network(self) -> Autoencoder:
        return Autoencoder(self.params.frames * self.params.n_mels, self._settings.bn_eps)

    def _gradient(self, network: Autoencoder, generator: torch.Generator) -> Backpropagation:
        return Backpropagation(network)
