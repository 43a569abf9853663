"""HiFi-GAN (Kong et al. 2020) in the form that AudioLDM's pipelines bring: SpeechT5HifiGan."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import torch
from torch import nn

from asdbench.errors import WeightsError

_FILES = (
    "The folder must hold config.json and model.safetensors of a SpeechT5HifiGan for 64 mel bands "
    "at 16 kHz with a hop of 160 samples: e.g. vocoder/ of `hf download cvssp/audioldm2 "
    "--include 'vocoder/*' --local-dir FOLDER`. Leave 'vocoder' out to do without one."
)


class HiFiGAN:
    """Log-mel spectrograms to audio.

    Parameters
    ----------
    folder
        See the error's hint.
    bands, hop, sample_rate
        What the spectrograms are like.

    Raises
    ------
    WeightsError
        When the weights are missing, pickled, damaged or for other spectrograms.
    """

    def __init__(self, folder: Path, bands: int, hop: int, sample_rate: int) -> None:
        import transformers

        vocoder: Any = transformers.SpeechT5HifiGan  # typed in some versions only
        place = folder.expanduser()
        if not place.is_dir():
            raise WeightsError(f"mel-ldm: there is no folder {folder} with a vocoder", _FILES)
        try:
            model, found = vocoder.from_pretrained(
                str(place),
                local_files_only=True,
                use_safetensors=True,
                dtype=torch.float32,
                output_loading_info=True,
            )
        except Exception as problem:  # transformers raises whatever its parsers raise
            reason = str(problem).strip().partition("\n")[0]
            raise WeightsError(f"mel-ldm: no usable vocoder in {folder}: {reason}", _FILES) from (
                problem
            )
        absent = sorted(found["missing_keys"])
        if absent:
            raise WeightsError(f"mel-ldm: the vocoder in {folder} lacks {absent[0]}", _FILES)
        config = model.config
        is_for = (config.model_in_dim, math.prod(config.upsample_rates), config.sampling_rate)
        if is_for != (bands, hop, sample_rate):
            raise WeightsError(
                f"mel-ldm: the vocoder in {folder} is for {is_for[0]} bands, a hop of {is_for[1]} "
                f"and {is_for[2]} Hz, not {bands}, {hop} and {sample_rate}",
                _FILES,
            )
        self._model: Any = model.eval().requires_grad_(False)
        self._hop = hop

    @torch.no_grad()
    def audio(self, mel: torch.Tensor, samples: int) -> torch.Tensor:
        """Return (batch, samples) for natural log-mel frames (batch, bands, 1 + samples // hop).

        Frames are centered at multiples of the hop; the vocoder was trained with frames centered
        half a hop later. One clip at a time, so that no clip depends on another.
        """
        late = self._hop // 2
        longer = nn.functional.pad(mel.to(self._model.device), (0, 1), mode="replicate")
        waves = [self._model(frames.T[None]) for frames in longer]
        return torch.cat(waves)[:, late : late + samples]

    def to(self, device: str | torch.device) -> HiFiGAN:
        """Move to ``device``."""
        self._model.to(device)
        return self
