"""What a suite may say about ``mimii-gen``."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self

from pydantic import ConfigDict, Field, model_validator

from asdbench.api import Params

from .captions import Detail
from .codec_factory import CodecName
from .codec_training import CodecSettings
from .diffusion import Prediction, SamplerName
from .latents import Layout, Normalization
from .text_factory import TextEncoderName
from .training_settings import TrainingSettings
from .unet import PresetName


class ArchitectureParams(Params):
    """What is trained; read only where a generator is trained."""

    codec: CodecName = "mel"
    """`mel` needs no weights; `encodec` is EnCodec 24 kHz, as in the paper, or a small one."""
    bandwidth: float | None = None
    """Of EnCodec, kbit/s: 1.5, 3, 6, 12 or 24; null is the highest."""
    text_encoder: TextEncoderName = "attributes"
    """`flan-t5` as in the paper; `attributes` and `bytes` are trained with the U-Net."""
    text_dim: int = Field(128, ge=8, le=4096)
    """Size of an embedding of `attributes` and `bytes`."""
    detail: Detail = "full"
    """How much of the condition the caption tells."""
    layout: Layout = "16x8"
    """16 channels of 8 rows as in the paper, or one channel of 128."""
    normalization: Normalization = "section"
    """What shares a mean and a deviation: each latent `dimension` over all clips, each of 16
    `channel`s (the literal reading of the paper), or each dimension within a `section`."""
    prediction: Prediction = "v"
    """What the U-Net predicts; the paper's is `epsilon`."""
    training: TrainingSettings = TrainingSettings()
    """How."""
    calibration_clips: int = Field(24, ge=0)
    """Clips of every machine, section and label that are made after training to calibrate the
    statistics of the output; 0 leaves it out."""


class MIMIIGenParams(Params):
    """What can be chosen."""

    model_config = ConfigDict(populate_by_name=True)

    checkpoint: Literal["mini"] | Path | None = "mini"
    """The shipped checkpoint, a folder made by `asdbench train generator mimii-gen`, or null: train
    on the clips that the suite lends to generators."""
    codec_source: str | None = None
    """Hub id, local folder or Meta's `.th` file of EnCodec, where it is used."""
    text_source: str | None = None
    """Hub id or local folder of Flan-T5, where it is used."""
    preset: PresetName = "mini"
    """Size of the U-Net to train: 5, 18 or 141 M parameters."""
    architecture: ArchitectureParams = ArchitectureParams()
    """What to train; a checkpoint brings its own."""
    codec_training: CodecSettings = CodecSettings()
    """For `asdbench train codec mimii-gen`."""
    sampler: SamplerName = "unipc"
    """The paper's is `ddpm` with 1000 steps."""
    steps: int = Field(16, ge=2, le=1000)
    """Of the sampler."""
    guidance: float = Field(1.0, ge=0.0, le=20.0)
    """Classifier-free guidance; 1 is none and costs half."""
    start: Literal["noise", "normal"] = Field("noise", alias="from")
    """`noise` as in the paper; `normal`: a training normal of the condition is noised to
    `strength` and denoised as what is asked for."""
    strength: float = Field(0.8, gt=0.0, le=1.0)
    """Of the noise, with `from: normal`."""
    severity: float = Field(1.0, ge=0.0, le=4.0)
    """Of anomalies: 0 is normal, 1 as in training, more is exaggerated."""
    calibrate: bool = True
    """Whether a checkpoint's calibration of output statistics is applied."""

    @model_validator(mode="after")
    def _steps_of_ddpm(self) -> Self:
        if self.start == "normal" and round(self.steps * self.strength) < 1:
            raise ValueError("steps * strength must be at least 1")
        return self
