"""Parameters of the MobileNetV2 classifier, and what paper and official code set them to."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Literal, Self

from pydantic import Field, model_validator

from asdbench.api import Params
from asdbench.features import LogMelSpec

Classes = Literal["section", "attributes", "machine-section"]
Validation = Literal["clips", "none"]


@dataclass(frozen=True)
class Preset:
    """How one source trains and scores."""

    learning_rate: float
    batch_size: int
    epochs: int
    train_hop: int
    test_hop: int
    validation: Validation


PRESETS = {
    "mimii-dg": Preset(1e-4, 128, 20, 16, 16, "none"),
    "dcase2022": Preset(1e-5, 32, 20, 8, 1, "clips"),
}


class MobileNetV2Params(Params):
    """Parameters of ``mobilenet-v2``; None means: as the preset has it."""

    preset: Literal["mimii-dg", "dcase2022"] = "mimii-dg"
    """Whose settings to follow: the MIMII DG paper's, or the DCASE 2022 baseline's code."""
    classes: Classes = "section"
    """What it learns to tell apart: sections; combinations of section and attributes; or machine
    and section, where one fit covers several machines."""
    frames: int = Field(64, ge=1)
    """Consecutive frames of an input window."""
    train_hop: int | None = Field(None, ge=1)
    """Step between windows in training, frames (mimii-dg: 16, dcase2022: 8)."""
    test_hop: int | None = Field(None, ge=1)
    """Step between windows when scoring, frames (mimii-dg: 16, dcase2022: 1). The time that
    scoring takes falls in proportion."""
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
    """Learning rate of Adam (mimii-dg: 1e-4, dcase2022: 1e-5)."""
    batch_size: int | None = Field(None, ge=2)
    """Windows in a mini-batch (mimii-dg: 128, dcase2022: 32)."""
    epochs: int | None = Field(None, ge=1)
    """Passes over the training windows (20)."""
    validation: Validation | None = None
    """What is withheld from training: the last tenth of the clips (dcase2022) or nothing."""

    @model_validator(mode="after")
    def _check_features(self) -> Self:
        self.log_mel()
        return self

    def settings(self) -> Preset:
        """Return the preset with what the parameters override."""
        fixed = asdict(PRESETS[self.preset])
        return Preset(**(fixed | self.model_dump(include=set(fixed), exclude_none=True)))

    def log_mel(self) -> LogMelSpec:
        """Return the features that these parameters ask for."""
        return LogMelSpec(
            self.n_fft, self.hop_length, self.n_mels, self.fmin, self.fmax, self.power
        )
