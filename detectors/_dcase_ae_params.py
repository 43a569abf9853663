"""Parameters of the DCASE autoencoder, and what each paper and official code sets them to."""

from __future__ import annotations

from dataclasses import asdict
from typing import Literal

from pydantic import Field

from ._ae_params import Init, ReconstructionParams, Training, Validation

Preset = Literal["dcase2022", "dcase2023", "mimii-dg", "smoothing"]

# learning rate, batch size, epochs, validation, initial weights, epsilon of Adam
PRESETS = {
    "dcase2022": Training(1e-3, 512, 100, "clips", "glorot", 1e-7),
    "dcase2023": Training(1e-3, 256, 100, "vectors", "torch", 1e-8),
    "mimii-dg": Training(1e-4, 128, 100, "none", "glorot", 1e-7),
    "smoothing": Training(
        *(1e-3, 16, 1500, "domains", "torch", 1e-8),
        fmin=50.0,
        fmax=7800.0,
        segment=4.0,
        standardize=True,
    ),
}


class DCASEAutoencoderParams(ReconstructionParams):
    """Parameters of ``dcase-ae``; None means: as the preset has it."""

    preset: Preset = "dcase2023"
    """Whose settings to follow: the official code of 2022 (Keras) or of 2023-2026 (PyTorch), the
    MIMII DG paper (section 4.1), or the neighborhood-smoothing paper (section IV)."""
    fmin: float | None = None
    """Lowest frequency of the mel bands, Hz (0; smoothing: 50)."""
    fmax: float | None = None
    """Highest frequency of the mel bands, Hz (half the sample rate; smoothing: 7800)."""
    learning_rate: float | None = Field(None, gt=0.0)
    """Learning rate of Adam (1e-3; mimii-dg: 1e-4)."""
    batch_size: int | None = Field(None, ge=2)
    """Windows in a mini-batch (dcase2022: 512, dcase2023: 256, mimii-dg: 128), or segments where
    'segment' is set (smoothing: 16)."""
    epochs: int | None = Field(None, ge=1)
    """Passes over the training windows (100), or over the training clips, each giving one random
    segment, where 'segment' is set (smoothing: 1500)."""
    segment: float | None = Field(None, gt=0.0)
    """Mini-batches are made of all windows of random segments of this length, s (smoothing: 4;
    otherwise of random windows)."""
    standardize: bool | None = None
    """Scale the amplitude of all training clips together to variance 1 (smoothing: yes)."""
    validation: Validation | None = None
    """What is withheld from training: a tenth of the windows at random (dcase2023), the last tenth
    of the clips (dcase2022), 15 % of the source and a third of the target clips at random
    (domains: smoothing), or nothing (mimii-dg)."""
    init: Init | None = None
    """Initial weights: Keras' (dcase2022, mimii-dg) or PyTorch's (dcase2023, smoothing)."""
    bn_eps: float | None = Field(None, gt=0.0)
    """Epsilon of batch normalization (1e-3)."""
    adam_eps: float | None = Field(None, gt=0.0)
    """Epsilon of Adam (Keras: 1e-7, PyTorch: 1e-8)."""

    def settings(self) -> Training:
        """Return the preset's training with what the parameters override."""
        fixed = asdict(PRESETS[self.preset])
        return Training(**(fixed | self.model_dump(include=set(fixed), exclude_none=True)))
