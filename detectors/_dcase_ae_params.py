"""Parameters of the DCASE autoencoder, and what the official variants set them to."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Literal, Self

from pydantic import Field, model_validator

from asdbench.api import Params
from asdbench.features import LogMelSpec

Score = Literal["mse", "mahalanobis"]
Init = Literal["glorot", "torch"]
Validation = Literal["vectors", "clips", "none"]


@dataclass(frozen=True)
class Variant:
    """How one year's baseline is trained."""

    learning_rate: float
    batch_size: int
    epochs: int
    validation: Validation
    init: Init
    bn_eps: float
    adam_eps: float


VARIANTS = {
    "2022": Variant(1e-3, 512, 100, "clips", "glorot", 1e-3, 1e-7),
    "2023": Variant(1e-3, 256, 100, "vectors", "torch", 1e-3, 1e-8),
}


class DCASEAutoencoderParams(Params):
    """Parameters of ``dcase-ae``; None means: as the variant has it."""

    score: Score = "mse"
    """Anomaly score: reconstruction error, or selective Mahalanobis distance of the residual."""
    variant: Literal["2022", "2023"] = "2023"
    """Whose training to follow: the 2022 (Keras) or the 2023-2026 (PyTorch) baseline."""
    threshold: Literal["clip", "batch"] = "clip"
    """What the decision threshold is fitted to: scores of training clips (2022), or of shuffled
    mini-batches (official 2023 code; it flags most normal clips)."""
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
    fmin: float = 0.0
    """Lowest frequency of the mel bands, Hz."""
    fmax: float | None = None
    """Highest frequency of the mel bands, Hz; None is half the sample rate."""
    power: float = 2.0
    """Exponent of the magnitude spectrum."""
    learning_rate: float | None = Field(None, gt=0.0)
    """Learning rate of Adam (1e-3)."""
    batch_size: int | None = Field(None, ge=2)
    """Windows in a mini-batch (2022: 512, 2023: 256)."""
    epochs: int | None = Field(None, ge=1)
    """Passes over the training windows (100)."""
    validation: Validation | None = None
    """What a tenth is withheld of: random windows (2023), the last clips (2022), or nothing."""
    init: Init | None = None
    """Initial weights: Keras' (2022) or PyTorch's (2023)."""
    bn_eps: float | None = Field(None, gt=0.0)
    """Epsilon of batch normalization (1e-3)."""
    adam_eps: float | None = Field(None, gt=0.0)
    """Epsilon of Adam (2022: 1e-7, 2023: 1e-8)."""

    @model_validator(mode="after")
    def _check_features(self) -> Self:
        self.log_mel()
        return self

    def settings(self) -> Variant:
        """Return the variant's training with what the parameters override."""
        fixed = asdict(VARIANTS[self.variant])
        return Variant(**(fixed | self.model_dump(include=set(fixed), exclude_none=True)))

    def log_mel(self) -> LogMelSpec:
        """Return the features that these parameters ask for."""
        return LogMelSpec(
            self.n_fft, self.hop_length, self.n_mels, self.fmin, self.fmax, self.power
        )
