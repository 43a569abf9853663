"""The autoencoder baseline of DCASE Task 2, with its two scores."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file

from asdbench.api import ClipSet, Context, Detector, DetectorInfo
from asdbench.errors import DataError, PluginError
from asdbench.features import Windows

from ._ae_network import Autoencoder, Reconstructor
from ._ae_residuals import summarize, summarize_clips
from ._ae_training import WindowGather, shuffled, train_network
from ._dcase_ae_params import DCASEAutoencoderParams
from ._gamma_threshold import Threshold, gamma_threshold
from ._selective_mahalanobis import Covariance, covariances, selective_mahalanobis


@dataclass(frozen=True)
class _Fitted:
    """What :meth:`DCASEAutoencoder.fit` learns."""

    network: Autoencoder
    source: NDArray[np.float64]  # (n_mels, n_mels)
    target: NDArray[np.float64]
    thresholds: dict[str, Threshold]  # by score


class DCASEAutoencoder(Detector):
    """The fully connected autoencoder that DCASE Task 2 has as its baseline since 2020.

    It learns to reconstruct windows of five log-mel frames of normal sound. The score of a clip
    is the mean squared error of all its windows (``mse``), or the squared Mahalanobis distance
    of its mean residual frame, under the residuals' covariance in the source or in the target
    domain, whichever is smaller (``mahalanobis``). A clip is called anomalous when its score is
    above the 90 % quantile of a gamma distribution fitted to scores of training clips.

    References
    ----------
    K. Dohi et al., "Description and discussion on DCASE 2022 Challenge Task 2", DCASE Workshop
    2022, section 4.1; N. Harada et al., "First-shot anomaly sound detection for machine condition
    monitoring: A domain generalization baseline", EUSIPCO 2023, section III.

    Deviations
    ----------
    From the papers, towards the official code, whose results are the published ones: learning
    rate 1e-3 and batches of 512 or 256 instead of 1e-4 and 128; the Mahalanobis distance of the
    mean residual instead of the mean distance of residuals; ``covariance="batch"``, which
    understates the target covariance where a batch holds few target windows (by about 8 % at 1 %
    target data): the default, because published tables contain it. ``global`` does not depend on
    batch size and order.

    From the official code: clips may have unequal lengths; the threshold of variant 2023 is
    fitted to clips unless ``threshold="batch"``; a singular covariance and a degenerate gamma
    fit are caught (see ``whitening`` and ``gamma_threshold``); biases in front of a batch
    normalization, which cancel out, stay as drawn.
    """

    info: ClassVar[DetectorInfo] = DetectorInfo(
        id="dcase-ae",
        version="1",
        params=DCASEAutoencoderParams,
        description="Autoencoder baseline of DCASE Task 2, scores mse and mahalanobis.",
        paper="Harada et al., EUSIPCO 2023; Dohi et al., DCASE Workshop 2022",
        scope="machine",
        score_params=frozenset({"score"}),
    )
    params: DCASEAutoencoderParams

    def __init__(self, params: DCASEAutoencoderParams) -> None:
        super().__init__(params)
        self._settings = params.settings()
        self._fitted: _Fitted | None = None

    def fit(self, train: ClipSet, context: Context) -> None:
        """Train the network, then gather covariances and thresholds."""
        settings, device = self._settings, torch.device(context.device)
        windows, gather = self._windows(train, device)
        generator = torch.Generator().manual_seed(context.seed)
        network = Autoencoder(gather.width, settings.bn_eps)
        network.initialize(settings.init, generator)
        network.to(device)
        kept, withheld = self._split(windows, len(train), generator)
        if len(kept) < 3:  # of three, two are of one domain: enough for a covariance
            raise DataError(
                f"dcase-ae: {len(windows.starts)} windows of {self.params.frames} frames are too "
                "few to train on",
                "give it more or longer clips",
            )
        starts = torch.from_numpy(windows.starts)
        losses = train_network(network, gather, starts[kept], settings, generator, context.progress)

        reconstruct = Reconstructor(network, device)
        is_target = np.array([condition.domain == "target" for condition in train.conditions])
        target_windows = torch.from_numpy(is_target[windows.clip])
        bands = self.params.n_mels
        domains = [Covariance(bands, self.params.covariance) for _ in range(2)]
        kept_batches = []
        for batch in shuffled(kept, settings.batch_size, generator):
            residual = reconstruct.residual(gather(starts[batch]))
            in_target = target_windows[batch].to(device)
            domains[0].add(residual[~in_target])
            domains[1].add(residual[in_target])
            kept_batches.append(summarize(residual, bands))
        matrices = covariances(*domains)

        if self.params.threshold == "clip":
            mse, mean_residual = summarize_clips(reconstruct, gather, windows, len(train), bands)
        else:
            withheld_batches = [
                summarize(reconstruct.residual(gather(starts[batch])), bands)
                for batch in shuffled(withheld, settings.batch_size, generator)
            ]
            mse = np.append(losses, [error for error, _ in withheld_batches])
            mean_residual = np.stack([row for _, row in kept_batches + withheld_batches])
        distances = selective_mahalanobis(mean_residual, *matrices)
        thresholds = {"mse": gamma_threshold(mse), "mahalanobis": gamma_threshold(distances)}
        self._fitted = _Fitted(network.to("cpu"), *matrices, thresholds)

    def score(self, clips: ClipSet, context: Context) -> NDArray[np.float64]:
        """Return the score that the parameters name. A clip's score depends on that clip alone."""
        fitted = self._require_fitted()
        if len(clips) == 0:
            return np.zeros(0)
        device = torch.device(context.device)
        windows, gather = self._windows(clips, device)
        reconstruct = Reconstructor(fitted.network, device)
        bands = self.params.n_mels
        mse, mean_residual = summarize_clips(reconstruct, gather, windows, len(clips), bands)
        if self.params.score == "mse":
            return mse
        return selective_mahalanobis(mean_residual, fitted.source, fitted.target)

    def decide(self, scores: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Return True where a score is above (not at) the threshold."""
        return scores > self._require_fitted().thresholds[self.params.score].value

    def save(self, folder: Path) -> None:
        """Write ``model.safetensors`` and ``thresholds.json``."""
        fitted = self._require_fitted()
        tensors = {name: value.contiguous() for name, value in fitted.network.state_dict().items()}
        tensors["cov_source"] = torch.from_numpy(fitted.source)
        # Without target clips both are one array, which safetensors refuses to write twice.
        tensors["cov_target"] = torch.from_numpy(fitted.target.copy())
        save_file(tensors, folder / "model.safetensors")
        text = json.dumps({name: asdict(fitted.thresholds[name]) for name in fitted.thresholds})
        (folder / "thresholds.json").write_text(text + "\n", encoding="utf-8")

    @classmethod
    def load(cls, folder: Path, params: DCASEAutoencoderParams, context: Context) -> Self:
        """Return the detector that :meth:`save` wrote."""
        tensors = load_file(folder / "model.safetensors")
        thresholds = json.loads((folder / "thresholds.json").read_text(encoding="utf-8"))
        loaded = cls(params)
        source, target = (tensors.pop(f"cov_{name}").numpy() for name in ("source", "target"))
        network = Autoencoder(params.frames * params.n_mels, loaded._settings.bn_eps)
        network.load_state_dict(tensors)
        network.eval()
        by_score = {name: Threshold(**value) for name, value in thresholds.items()}
        loaded._fitted = _Fitted(network, source, target, by_score)
        return loaded

    def _require_fitted(self) -> _Fitted:
        if self._fitted is None:
            raise PluginError("dcase-ae is not fitted", "call fit() or load() first")
        return self._fitted

    def _windows(self, clips: ClipSet, device: torch.device) -> tuple[Windows, WindowGather]:
        spec = self.params.log_mel()
        frames = clips.features(spec)
        windows = frames.windows(self.params.frames, self.params.n_hop_frames)
        short = np.flatnonzero(np.bincount(windows.clip, minlength=len(clips)) == 0)
        if len(short):
            least = (self.params.frames - 1) * spec.hop_length / clips.sample_rate
            raise DataError(
                f"dcase-ae: {len(short)} of {len(clips)} clips are too short, the first of "
                f"{clips.conditions[short[0]]} with {len(frames.clip(int(short[0])))} frames",
                f"{self.params.frames} frames are needed, that is {least:.3g} s: leave these "
                "clips out, or lower 'frames' or 'hop_length'",
            )
        return windows, WindowGather(frames.values, self.params.frames, device)

    def _split(
        self, windows: Windows, clips: int, generator: torch.Generator
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the indices of windows to train on, and of those withheld."""
        count = len(windows.starts)
        if self._settings.validation == "clips":
            last = torch.from_numpy(windows.clip >= max(1, int(0.9 * clips)))
            return (~last).nonzero()[:, 0], last.nonzero()[:, 0]
        withheld = math.ceil(0.1 * count) if self._settings.validation == "vectors" else 0
        order = torch.randperm(count, generator=generator)
        return order[withheld:], order[:withheld]
