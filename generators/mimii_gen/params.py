"""What a suite may say about ``mimii-gen``, and about any generator of its kind."""

from __future__ import annotations

from abc import abstractmethod
from pathlib import Path
from typing import Literal

from pydantic import ConfigDict, Field

from asdbench.api import Params

from .captions import Detail
from .codec import Codec
from .codec_factory import CodecName, make_codec
from .codec_training import CodecSettings
from .diffusion import Prediction, SamplerName
from .latents import Layout, Normalization
from .text_factory import TextEncoderName
from .training_settings import TrainingSettings
from .unet import PresetName


class DenoiserParams(Params):
    """What is trained on latents of any codec; read only where a generator is trained."""

    text_encoder: TextEncoderName = "attributes"
    """`flan-t5` as in the paper; `attributes` and `bytes` are trained with the U-Net."""
    text_dim: int = Field(128, ge=8, le=4096)
    """Size of an embedding of `attributes` and `bytes`."""
    detail: Detail = "full"
    """How much of the condition the caption tells."""
    layout: Layout = "16x8"
    """16 channels of 8 rows as in the paper, or one channel of 128."""
    normalization: Normalization = "condition"
    """What shares a mean and a deviation: each latent `dimension` over all clips, each of 16
    `channel`s (the literal reading of the paper), each dimension within a `section` or, its mean,
    within a `condition`; or, with `global`, everything."""
    prediction: Prediction = "v"
    """What the U-Net predicts; the paper's is `epsilon`."""
    training: TrainingSettings = TrainingSettings()
    """How."""
    store_as: Literal["float16", "float32"] = "float16"
    """Type of the stored weights."""
    calibration_clips: int = Field(12, ge=0)
    """Clips of every condition and label that are made after training to calibrate the statistics
    of the output; 0 leaves it out."""


class ArchitectureParams(DenoiserParams):
    """What is trained; read only where a generator is trained."""

    codec: CodecName = "mel"
    """`mel` needs no weights; `encodec` is EnCodec 24 kHz, as in the paper, or a small one."""
    bandwidth: float | None = None
    """Of EnCodec, kbit/s: 1.5, 3, 6, 12 or 24; null is the highest."""


class LatentDiffusionParams(Params):
    """What can be chosen of any latent diffusion generator."""

    model_config = ConfigDict(populate_by_name=True)

    checkpoint: str | Path | None = None
    """A folder made by `asdbench train generator`, or null: train on the clips that the suite
    lends to generators."""
    text_source: str | None = None
    """Hub id or local folder of Flan-T5, where it is used."""
    preset: PresetName = "mini"
    """Size of the U-Net to train: 5, 17 or 145 M parameters."""
    architecture: DenoiserParams = DenoiserParams()
    """What to train; a checkpoint brings its own."""
    sampler: SamplerName = "unipc"
    """The paper's is `ddpm` with 1000 steps."""
    steps: int = Field(20, ge=2, le=1000)
    """Of the sampler."""
    spacing: float = Field(2.0, ge=1.0, le=3.0)
    """Of UniPC: 1 spaces steps evenly, more puts them where there is more noise and where level
    and color of a clip are decided. Other samplers have even steps."""
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

    @abstractmethod
    def new_codec(self, sample_rate: int) -> Codec:
        """Return the codec to train with, for clips of ``sample_rate`` Hz."""

    def codec_weights(self) -> str | None:
        """Return where weights of the codec lie on this machine, where it has any."""
        return None


class MIMIIGenParams(LatentDiffusionParams):
    """What can be chosen."""

    checkpoint: Literal["mini"] | Path | None = "mini"
    """The package's own, trained on simulated machines; a folder made by `asdbench train generator
    mimii-gen`; or null: train on the clips that the suite lends to generators."""
    codec_source: str | None = None
    """Hub id, local folder or Meta's `.th` file of EnCodec, where it is used."""
    architecture: ArchitectureParams = ArchitectureParams()
    """What to train; a checkpoint brings its own."""
    codec_training: CodecSettings = CodecSettings()
    """For `asdbench train codec mimii-gen`."""

    def new_codec(self, sample_rate: int) -> Codec:
        """Return the codec to train with, for clips of ``sample_rate`` Hz."""
        plan = self.architecture
        return make_codec(plan.codec, self.codec_source, plan.bandwidth, sample_rate)

    def codec_weights(self) -> str | None:
        """Return where weights of the codec lie on this machine, where it has any."""
        return self.codec_source
