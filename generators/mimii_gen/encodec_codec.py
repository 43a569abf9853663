"""EnCodec: a convolutional encoder, residual vector quantization, a convolutional decoder."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import torch

from asdbench.api import Audio
from asdbench.audio import resample
from asdbench.errors import DataError, WeightsError

from .codec import DIMENSIONS, Codec
from .encodec_meta import META_FILE, filled, load_meta_checkpoint, new_model, weights_digest

if TYPE_CHECKING:
    from transformers import EncodecModel

HUB_ID = "facebook/encodec_24khz"
"""The model of the paper: 24 kHz, 75 frames a second, 32 codebooks of 10 bits."""

_CONFIG, _WEIGHTS = "config.json", "model.safetensors"
_SOURCES = (
    f"Name a local folder with {_CONFIG} and {_WEIGHTS}, Meta's file {META_FILE}, or the id of a "
    f"model in the hub's local cache. `hf download {HUB_ID} {_CONFIG} {_WEIGHTS}` fills the cache "
    "where a network is, with `--local-dir FOLDER` a folder."
)
_BATCH = {"cpu": 1, "cuda": 32}
"""Clips coded at once. One on a CPU, where that is fast and no clip then depends on another."""
_SETTINGS = (  # of the configuration: what the weights do not tell
    "sampling_rate",
    "upsampling_ratios",
    "num_filters",
    "num_residual_layers",
    "num_lstm_layers",
    "kernel_size",
    "last_kernel_size",
    "residual_kernel_size",
    "dilation_growth_rate",
    "compress",
    "use_causal_conv",
    "use_conv_shortcut",
    "pad_mode",
    "norm_type",
    "trim_right_ratio",
    "codebook_size",
)


class EncodecCodec(Codec):
    """EnCodec with its latents behind the quantizer, or the same network without codebooks.

    A latent is the sum of the code vectors, one a codebook, that stand for a frame: (128,). It
    goes to the decoder as it is, so latents need not be sums of code vectors. A model without
    codebooks hands over what its encoder returns.

    Parameters
    ----------
    model
        A mono ``transformers.EncodecModel`` with latents of 128 rows.
    bandwidth
        In kbit/s, one of the model's, e.g. 1.5, 3, 6, 12 or 24: how many codebooks are used.
        None is its highest, or no quantization where the model has no codebooks.

    Raises
    ------
    WeightsError
        When the model is not mono or has other than 128 rows.
    DataError
        When it does not have that bandwidth.

    References
    ----------
    A. Défossez et al., "High Fidelity Neural Audio Compression", 2022, section 3;
    H. Purohit et al., "MIMII-Gen", 2024, section III-B.
    """

    def __init__(self, model: EncodecModel, bandwidth: float | None = None) -> None:
        config = model.config
        _check(config)
        if bandwidth is None and config.num_quantizers:
            bandwidth = max(config.target_bandwidths)
        allowed = config.target_bandwidths if config.num_quantizers else ()
        if bandwidth is not None and bandwidth not in allowed:
            raise DataError(
                f"this EnCodec has no bandwidth of {bandwidth:g} kbit/s",
                f"It has {', '.join(f'{value:g}' for value in allowed)}."
                if allowed
                else "It has no codebooks: leave the bandwidth out.",
            )
        self.model: Any = model  # typed in some versions of transformers only
        self.model.train(False).requires_grad_(False)
        self.bandwidth = bandwidth
        self.sample_rate = int(config.sampling_rate)
        self.hop = int(math.prod(config.upsampling_ratios))
        self._digest: str | None = None

    @classmethod
    def load(
        cls,
        source: str | Path = HUB_ID,
        bandwidth: float | None = None,
        device: str | torch.device = "cpu",
    ) -> Self:
        """Return the codec whose weights are at ``source``.

        Parameters
        ----------
        source
            A local folder with ``config.json`` and ``model.safetensors``, e.g. what training
            writes; Meta's own file ``encodec_24khz-d7cc33bc.th``; or the id of a model on the
            hub whose files are in the hub's local cache. Nothing is downloaded.
        bandwidth
            See the class.
        device
            Where to compute.

        Raises
        ------
        WeightsError
            When there are no weights, they are pickled, damaged, or not those of a mono EnCodec
            with 128 rows.
        DataError
            When the model does not have that bandwidth.
        """
        path = Path(source).expanduser()
        if path.is_file() and path.suffix == ".th":
            model = load_meta_checkpoint(path)
        elif path.is_file():
            raise WeightsError(f"{path} is a file, and not one of Meta's (.th)", _SOURCES)
        else:
            model = _load_folder(path if path.is_dir() else _cached(str(source)))
        return cls(model, bandwidth).to(device)

    def save(self, folder: Path) -> None:
        """Write ``config.json`` and ``model.safetensors`` into ``folder``, for :meth:`load`."""
        from safetensors.torch import save_file

        state = {  # copies: some recurrent layers keep their weights in one storage
            name: tensor.detach().cpu().clone() for name, tensor in self.model.state_dict().items()
        }
        save_file(state, folder / _WEIGHTS, {"format": "pt"})
        self.model.config.save_pretrained(folder)

    def to(self, device: str | torch.device) -> Self:
        """Move to ``device`` and return itself."""
        self.model.to(device)
        return self

    def frames(self, samples: int) -> int:
        """Return the frames of a clip of ``samples`` samples: one for every hop begun."""
        return -(-samples // self.hop)

    @torch.no_grad()
    def encode(self, audio: torch.Tensor) -> torch.Tensor:
        """Return latents, float32 (batch, 128, frames), of ``audio``, float32 (batch, samples).

        They lie on the codec's device. On a CPU a clip's latents do not depend on the others of
        its batch; elsewhere they may by rounding.

        Raises
        ------
        DataError
            When ``audio`` is empty, or not (batch, samples).
        """
        if audio.ndim != 2 or 0 in audio.shape:
            raise DataError(f"audio must be (batch, samples), not empty; got {tuple(audio.shape)}")
        starts = range(0, len(audio), self._batch)
        return torch.cat([self._encode(audio[start : start + self._batch]) for start in starts])

    def _encode(self, audio: torch.Tensor) -> torch.Tensor:
        waves = audio.to(self._device, torch.float32)[:, None]  # (batch, 1, samples)
        latents: torch.Tensor  # (batch, 128, frames)
        if self.bandwidth is None:
            latents = self.model.encoder(waves)
            return latents
        # (1, batch, codebooks, frames): the leading 1 is for models that code in chunks.
        codes = self.model.encode(waves, bandwidth=self.bandwidth).audio_codes[0]
        latents = self.model.quantizer.decode(codes.transpose(0, 1))
        return latents

    @torch.no_grad()
    def decode(self, latents: torch.Tensor, samples: int, seeds: Sequence[int]) -> torch.Tensor:
        """Return audio, float32 (batch, samples), on the codec's device. ``seeds`` is not used.

        Raises
        ------
        DataError
            When ``latents`` are not (batch, 128, frames), or too short for ``samples``.
        """
        if latents.ndim != 3 or latents.shape[1] != DIMENSIONS or 0 in latents.shape:
            raise DataError(
                f"latents must be (batch, {DIMENSIONS}, frames); got {tuple(latents.shape)}"
            )
        if latents.shape[2] < self.frames(samples):
            raise DataError(
                f"{latents.shape[2]} frames cannot give {samples} samples: "
                f"{self.frames(samples)} frames of {self.hop} samples are needed"
            )
        latents = latents.to(self._device, torch.float32)
        starts = range(0, len(latents), self._batch)
        waves = [self.model.decoder(latents[start : start + self._batch]) for start in starts]
        return torch.cat(waves)[:, 0, :samples]

    def identity(self) -> Mapping[str, Any]:
        """Return bandwidth, the settings of the network and the digest of its weights."""
        if self._digest is None:
            self._digest = weights_digest(self.model)
        settings = {name: getattr(self.model.config, name) for name in _SETTINGS}
        settings["upsampling_ratios"] = list(settings["upsampling_ratios"])
        return {
            "codec": "encodec",
            "bandwidth": self.bandwidth,
            "network": settings,
            "weights": self._digest,
        }

    @property
    def _device(self) -> torch.device:
        device: torch.device = next(self.model.parameters()).device
        return device

    @property
    def _batch(self) -> int:
        return _BATCH["cpu" if self._device.type == "cpu" else "cuda"]


def to_codec_rate(audio: Audio, sample_rate: int, codec_rate: int) -> Audio:
    """Return ``audio`` (samples,) of ``sample_rate`` Hz at ``codec_rate`` Hz, its level kept.

    It has ``ceil(samples * codec_rate / sample_rate)`` samples.
    """
    return from_codec_rate(
        audio, sample_rate, codec_rate, -(-len(audio) * codec_rate // sample_rate)
    )


def from_codec_rate(audio: Audio, codec_rate: int, sample_rate: int, samples: int) -> Audio:
    """Return ``audio`` of ``codec_rate`` Hz as (samples,) at ``sample_rate`` Hz, its level kept.

    What the resampler gives too few is filled with its last sample, what it gives too many is
    cut; after :func:`to_codec_rate` that is one sample at most.
    """
    converted = audio if codec_rate == sample_rate else resample(audio, codec_rate, sample_rate)
    missing = samples - len(converted)
    return np.pad(converted, (0, missing), mode="edge") if missing > 0 else converted[:samples]


def _check(config: Any) -> None:
    """Refuse what is not mono, codes in chunks, or has other than 128 rows."""
    if config.hidden_size != DIMENSIONS or (config.codebook_dim or DIMENSIONS) != DIMENSIONS:
        raise WeightsError(
            f"this EnCodec has latents of {config.hidden_size} rows, not {DIMENSIONS}",
            f"Take {HUB_ID}, or train one with {DIMENSIONS} rows.",
        )
    if config.audio_channels != 1 or config.normalize or config.chunk_length_s is not None:
        raise WeightsError(
            "this EnCodec is for several channels or codes normalized chunks",
            f"Take a mono model that codes clips whole, such as {HUB_ID}.",
        )


def _cached(source: str) -> Path:
    """Return the folder of a hub id in the hub's local cache. Nothing is downloaded."""
    from huggingface_hub import snapshot_download

    if re.fullmatch(r"[\w-][\w.-]*/[\w.-]+", source) is None:
        raise WeightsError(f"there is no EnCodec at {source}: no such folder or file", _SOURCES)
    try:
        return Path(snapshot_download(source, local_files_only=True))
    except (OSError, ValueError) as error:
        raise WeightsError(
            f"no EnCodec weights: {source} is neither a local folder nor in the hub's local cache",
            _SOURCES,
        ) from error


def _load_folder(folder: Path) -> EncodecModel:
    from safetensors import SafetensorError
    from safetensors.torch import load_file
    from transformers import EncodecConfig

    try:
        fields = json.loads((folder / _CONFIG).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise WeightsError(f"{folder / _CONFIG} cannot be read: {error}", _SOURCES) from error
    if not isinstance(fields, dict) or fields.get("model_type") != "encodec":
        raise WeightsError(
            f"{folder} is no EnCodec folder: {_CONFIG} does not say `model_type: encodec`", _SOURCES
        )
    weights = folder / _WEIGHTS
    if not weights.is_file():
        pickled = sorted(path.name for path in folder.glob("*.bin"))
        reason = f"; {pickled[0]} is a pickle, which is never read" if pickled else ""
        raise WeightsError(f"{folder} holds no {_WEIGHTS}{reason}", _SOURCES)
    try:
        config = EncodecConfig.from_dict(fields)
        _check(config)
        model = new_model(config)
    except WeightsError as error:
        raise WeightsError(f"{folder}: {error.message}", error.hint) from error
    except Exception as error:  # each version of the configuration objects in its own way
        raise WeightsError(f"{folder / _CONFIG} describes no EnCodec: {error}", _SOURCES) from error
    try:
        state = load_file(weights)
    except (SafetensorError, OSError) as error:
        raise WeightsError(
            f"{weights} is truncated or damaged: {error}", "Download or copy it again."
        ) from error
    return filled(model, state, weights)
