"""Parameters that the detectors share whose score is a reconstruction error."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Literal, Self

from pydantic import Field, model_validator

from asdbench.api import Params
from asdbench.features import LogMelSpec

Score = Literal["mse", "mahalanobis"]
Init = Literal["glorot", "torch"]
Validation = Literal["vectors", "clips", "domains", "none"]


@dataclass(frozen=True)
class Training:
    """How a network is trained.

    ``batch_size`` counts windows, or, where ``segment`` (s) is given, segments of that length.
    ``standardize`` scales the amplitude of all training clips together to variance 1.
    """

    learning_rate: float
    batch_size: int
    epochs: int
    validation: Validation
    init: Init
    adam_eps: float
    bn_eps: float = 1e-3
    fmin: float = 0.0
    fmax: float | None = None
    segment: float | None = None
    standardize: bool = False


class ReconstructionParams(Params):
    """Score, threshold and features."""

    score: Score = "mse"
    """Anomaly score: reconstruction error, or selective Mahalanobis distance of the residual."""
    threshold: Literal["clip", "batch"] = "clip"
    """What the decision threshold is fitted to: scores of training clips (official 2022 code), or
    of shuffled mini-batches (official 2023 code; it flags most normal clips)."""
    covariance: Literal["batch", "global"] = "batch"
    """Residuals are centered on the mean of each batch and domain (official code) or of all."""
    frames: int = Field(5, ge=1)
    """Consecutive frames of an input window."""
    n_hop_frames: int = Field(1, ge=1)
    """Step between windows, frames."""
    n_fft: int = 1024
    """Window of the Fourier transform, samples."""
    hop_length: int = 512
    """Step of the Fourier transform, samples."""
    n_mels: int = 128
    """Mel bands."""
    power: float = 2.0
    """Exponent of the magnitude spectrum."""

    @model_validator(mode="after")
    def _check_features(self) -> Self:
        self.log_mel()
        return self

    @abstractmethod
    def settings(self) -> Training:
        """Return how to train."""

    def log_mel(self) -> LogMelSpec:
        """Return the features that these parameters ask for."""
        settings = self.settings()
        band = (settings.fmin, settings.fmax)
        return LogMelSpec(self.n_fft, self.hop_length, self.n_mels, *band, self.power)
