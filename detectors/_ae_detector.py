"""Fitting, scores, thresholds and saving of a detector whose score is a residual."""

from __future__ import annotations

import json
from abc import abstractmethod
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Generic, Self, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file

from asdbench.api import ClipSet, Context, Detector, Embedded
from asdbench.errors import DataError, PluginError
from asdbench.features import Windows

from ._ae_batches import Batches, SegmentBatches, WindowBatches, WindowGather
from ._ae_level import standardizing_offset
from ._ae_network import BOTTLENECK, ReconstructionNetwork
from ._ae_params import ReconstructionParams
from ._ae_residuals import mean_latents, summarize, summarize_clips
from ._ae_split import split_windows
from ._ae_training import Gradient, train_network
from ._gamma_threshold import Threshold, gamma_threshold
from ._selective_mahalanobis import Covariance, covariances, selective_mahalanobis
from ._windows import windows_of

N = TypeVar("N", bound=ReconstructionNetwork)
_LEAST = 3
"""Windows to train on: of three, two are of one domain, which is enough for a covariance."""


@dataclass(frozen=True)
class _Fitted(Generic[N]):
    """What :meth:`ReconstructionDetector.fit` learns."""

    network: N
    source: NDArray[np.float64]  # (n_mels, n_mels)
    target: NDArray[np.float64]
    thresholds: dict[str, Threshold]  # by score
    offset: float  # dB, added to the log-mel frames


class ReconstructionDetector(Detector, Generic[N]):
    """Learns to reconstruct windows of log-mel frames of normal sound.

    The score of a clip is the mean squared error of all its windows (``mse``), or the squared
    Mahalanobis distance of its mean residual frame, under the residuals' covariance in the source
    or in the target domain, whichever is smaller (``mahalanobis``).
    """

    params: ReconstructionParams

    def __init__(self, params: ReconstructionParams) -> None:
        super().__init__(params)
        self._settings = params.settings()
        self._fitted: _Fitted[N] | None = None

    @abstractmethod
    def _network(self) -> N:
        """Return the network, its weights not set."""

    @abstractmethod
    def _gradient(self, network: N, generator: torch.Generator) -> Gradient:
        """Return the gradient of the loss; ``generator`` draws what the loss needs at random."""

    def fit(self, train: ClipSet, context: Context) -> None:
        """Train the network, then gather covariances and thresholds."""
        settings, device = self._settings, torch.device(context.device)
        windows, gather = self._windows(train, device, self._offset(train))
        generator = torch.Generator().manual_seed(context.seed)
        network = self._network()
        network.initialize(settings.init, generator)
        network.to(device)
        is_target = np.array([condition.domain == "target" for condition in train.conditions])
        kept, withheld = split_windows(settings.validation, windows, is_target, generator)
        if len(kept) < _LEAST:
            raise DataError(
                f"{self.info.id}: {len(windows.starts)} windows of {self.params.frames} frames "
                "are too few to train on",
                "give it more or longer clips",
            )
        starts = torch.from_numpy(windows.starts)
        gradient = self._gradient(network, generator)
        batches = self._batches(kept, windows, train.sample_rate)
        losses = train_network(
            gradient, gather, starts, batches, settings, generator, context.progress, self.info.id
        )

        network.eval()
        folded = network.folded(device)
        target_windows = torch.from_numpy(is_target[windows.clip])
        bands = self.params.n_mels
        domains = [Covariance(bands, self.params.covariance) for _ in range(2)]
        kept_batches = []
        for batch in batches(generator):
            residual = folded.residual(gather(starts[batch]))
            in_target = target_windows[batch].to(device)
            domains[0].add(residual[~in_target])
            domains[1].add(residual[in_target])
            kept_batches.append(summarize(residual, bands))
        matrices = covariances(*domains)

        if self.params.threshold == "clip":
            mse, mean_residual = summarize_clips(folded, gather, windows, len(train), bands)
        else:
            withheld_batches = [
                summarize(folded.residual(gather(starts[batch])), bands)
                for batch in self._batches(withheld, windows, train.sample_rate)(generator)
            ]
            mse = np.append(losses, [error for error, _ in withheld_batches])
            mean_residual = np.stack([row for _, row in kept_batches + withheld_batches])
        distances = selective_mahalanobis(mean_residual, *matrices)
        thresholds = {"mse": gamma_threshold(mse), "mahalanobis": gamma_threshold(distances)}
        self._fitted = _Fitted(network.to("cpu"), *matrices, thresholds, gather.offset)

    def score(self, clips: ClipSet, context: Context) -> NDArray[np.float64]:
        """Return the score that the parameters name. A clip's score depends on that clip alone."""
        fitted = self._require_fitted()
        if len(clips) == 0:
            return np.zeros(0)
        device = torch.device(context.device)
        windows, gather = self._windows(clips, device, fitted.offset)
        folded = fitted.network.folded(device)
        bands = self.params.n_mels
        mse, mean_residual = summarize_clips(folded, gather, windows, len(clips), bands)
        if self.params.score == "mse":
            return mse
        return selective_mahalanobis(mean_residual, fitted.source, fitted.target)

    def decide(self, scores: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Return True where a score is above (not at) the threshold."""
        return scores > self._require_fitted().thresholds[self.params.score].value

    def embed(self, clips: ClipSet, context: Context) -> Embedded:
        """Return one vector a clip: what its windows are reconstructed from, averaged."""
        fitted = self._require_fitted()
        if len(clips) == 0:
            return Embedded.one_per_clip(np.zeros((0, BOTTLENECK)))
        device = torch.device(context.device)
        windows, gather = self._windows(clips, device, fitted.offset)
        folded = fitted.network.folded(device)
        return Embedded.one_per_clip(mean_latents(folded, gather, windows, len(clips)))

    def save(self, folder: Path) -> None:
        """Write ``model.safetensors`` and ``thresholds.json``."""
        fitted = self._require_fitted()
        tensors = {name: value.contiguous() for name, value in fitted.network.state_dict().items()}
        tensors["cov_source"] = torch.from_numpy(fitted.source)
        # Without target clips both are one array, which safetensors refuses to write twice.
        tensors["cov_target"] = torch.from_numpy(fitted.target.copy())
        tensors["offset"] = torch.tensor(fitted.offset, dtype=torch.float64)
        save_file(tensors, folder / "model.safetensors")
        text = json.dumps({name: asdict(fitted.thresholds[name]) for name in fitted.thresholds})
        (folder / "thresholds.json").write_text(text + "\n", encoding="utf-8")

    @classmethod
    def load(cls, folder: Path, params: ReconstructionParams, context: Context) -> Self:
        """Return the detector that :meth:`save` wrote."""
        tensors = load_file(folder / "model.safetensors")
        thresholds = json.loads((folder / "thresholds.json").read_text(encoding="utf-8"))
        loaded = cls(params)
        source, target = (tensors.pop(f"cov_{name}").numpy() for name in ("source", "target"))
        offset = float(tensors.pop("offset"))
        network = loaded._network()
        network.load_state_dict(tensors)
        network.eval()
        by_score = {name: Threshold(**value) for name, value in thresholds.items()}
        loaded._fitted = _Fitted(network, source, target, by_score, offset)
        return loaded

    def _require_fitted(self) -> _Fitted[N]:
        if self._fitted is None:
            raise PluginError(f"{self.info.id} is not fitted", "call fit() or load() first")
        return self._fitted

    def _offset(self, train: ClipSet) -> float:
        return standardizing_offset(train) if self._settings.standardize else 0.0

    def _batches(self, chosen: torch.Tensor, windows: Windows, sample_rate: int) -> Batches:
        batch_size, segment = self._settings.batch_size, self._settings.segment
        if segment is None:
            return WindowBatches(chosen, batch_size)
        frames = round(segment * sample_rate / self.params.hop_length)
        length = (frames - self.params.frames) // self.params.n_hop_frames + 1
        if length < _LEAST:
            raise DataError(
                f"{self.info.id}: a segment of {segment:g} s holds {max(length, 0)} windows of "
                f"{self.params.frames} frames",
                f"{_LEAST} are needed: raise 'segment', or lower 'frames' or 'n_hop_frames'",
            )
        return SegmentBatches(chosen, windows, length, batch_size)

    def _windows(
        self, clips: ClipSet, device: torch.device, offset: float
    ) -> tuple[Windows, WindowGather]:
        params = self.params
        frames, windows = windows_of(
            self.info.id, clips, params.log_mel(), params.frames, params.n_hop_frames
        )
        return windows, WindowGather(frames.values, params.frames, device, offset)
