"""A latent diffusion baseline of AudioLDM's and Tango's kind, trained on the same clips.

MIMII-Gen's Table III compares with Tango. What a comparison with published weights mixes is here
apart: U-Net, text encoders, objective, samplers, calibration and training command are those of
``mimii-gen``; the representation is theirs.

Shared with Tango and AudioLDM: the log-mel spectrogram (64 bands, 16 kHz, hop 160), its latents an
image over frequency and time, scaled by one number for all (here its mean is subtracted too),
cross-attention to text (``text_encoder: flan-t5`` for theirs), v-prediction as in Tango (AudioLDM:
``prediction: epsilon``), the vocoder where one is given.

Not shared: no variational autoencoder (patches of the spectrogram itself, see
:mod:`.mel_patches`), so the latents are larger and hold no learned texture; no pretrained weights
and no AudioSet; a U-Net of 5 to 145 M parameters in place of Tango's 866 M; the cosine schedule;
without a vocoder, phase found by iteration. Its figures are not those of Tango.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal

from asdbench.api import GeneratorInfo
from asdbench.errors import WeightsError

from ..mimii_gen.codec import Codec
from ..mimii_gen.generator import LatentDiffusionGenerator
from ..mimii_gen.latents import Normalization
from ..mimii_gen.params import DenoiserParams, LatentDiffusionParams
from .mel_patches import BANDS, HOP, SAMPLE_RATE, MelPatchCodec
from .vocoder import HiFiGAN


class MelDenoiserParams(DenoiserParams):
    """What is trained; read only where a generator is trained."""

    layout: Literal["16x8"] = "16x8"
    """Of the image: patches of 8 bands by 2 frames as 16 channels of 8 rows."""
    normalization: Normalization = "global"
    """One mean and deviation as in AudioLDM; mimii-gen's choices serve too."""


class MelLDMParams(LatentDiffusionParams):
    """What can be chosen."""

    checkpoint: Path | None = None
    """A folder made by `asdbench train generator mel-ldm`, or null: train on the clips that the
    suite lends to generators."""
    vocoder: Path | None = None
    """Local folder of a HiFi-GAN (AudioLDM's `vocoder`); null finds the phase by iteration."""
    architecture: MelDenoiserParams = MelDenoiserParams()
    """What to train; a checkpoint brings its own."""

    def new_codec(self, sample_rate: int) -> Codec:
        """Return the codec, at 16 kHz whatever ``sample_rate``."""
        return _codec(self.codec_weights())

    def codec_weights(self) -> str | None:
        """Return where the vocoder lies."""
        return None if self.vocoder is None else str(self.vocoder)


class MelLDM(LatentDiffusionGenerator):
    """``mimii-gen`` on patches of AudioLDM's log-mel spectrogram."""

    info: ClassVar[GeneratorInfo] = GeneratorInfo(
        id="mel-ldm",
        version="1",
        params=MelLDMParams,
        description="Latent diffusion on log-mel spectrograms, a baseline for mimii-gen.",
        paper="after Liu et al., AudioLDM, 2023, and Ghosal et al., Tango, 2023",
        scope="suite",
    )
    check_params: ClassVar[Mapping[str, Any]] = {
        "steps": 2,
        "architecture": {
            "text_dim": 16,
            "calibration_clips": 0,
            "training": {
                "steps": 2,
                "batch_size": 2,
                "warmup": 1,
                "cooldown": 0,
                "precision": "fp32",
                "validate_every": 2,
            },
        },
    }
    params: MelLDMParams

    @staticmethod
    def codec_of(settings: Mapping[str, Any], source: str | None) -> Codec:
        """Return the codec of a checkpoint; ``source`` is the folder of a vocoder.

        Raises
        ------
        WeightsError
            When the checkpoint is another generator's, or the vocoder cannot be used.
        """
        codec = _codec(source)
        if dict(settings) != dict(codec.identity()):
            raise WeightsError(
                f"the checkpoint was trained on latents of codec '{settings.get('codec')}', not on "
                "the spectrograms of mel-ldm",
                "Is it one of mimii-gen? Use that generator, or train one of mel-ldm.",
            )
        return codec


def _codec(vocoder: str | None) -> MelPatchCodec:
    if vocoder is None:
        return MelPatchCodec()
    return MelPatchCodec(HiFiGAN(Path(vocoder), BANDS, HOP, SAMPLE_RATE))
