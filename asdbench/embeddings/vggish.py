"""VGGish: network and front end, with weights from a local safetensors file.

Source: S. Hershey et al., "CNN architectures for large-scale audio classification", ICASSP 2017;
the front end's numbers are those that Google published with the checkpoint (16 kHz, 25 ms
windows every 10 ms, 64 mel bands from 125 to 7500 Hz, log(mel + 0.01), examples of 96 frames).

Names of the weights are those of the PyTorch port of that checkpoint (torchvggish)::

    features.{0,3,6,8,11,13}.{weight,bias}   3 x 3 convolutions, 64 128 256 256 512 512 channels
    embeddings.{0,2,4}.{weight,bias}         12288 -> 4096 -> 4096 -> 128; columns of the first
                                             in the order (time, band, channel)

Deviations: the last ReLU is left out, and there is no PCA, as in the published FAD programs.
"""

from __future__ import annotations

from functools import cached_property
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from asdbench.api import Audio, ClipSet, Context, Embedded, Embedding, EmbeddingInfo, Params
from asdbench.embeddings.weights import batches, fill, read_safetensors, weights_digest
from asdbench.errors import DataError, WeightsError

SAMPLE_RATE = 16_000  # Hz
WINDOW, HOP, N_FFT = 400, 160, 512  # 25 ms and 10 ms
BANDS, LOW, HIGH = 64, 125.0, 7500.0  # mel bands, Hz
EXAMPLE = 96  # frames: 0.96 s
OFFSET = 0.01  # added before the logarithm
CHANNELS = (64, "pool", 128, "pool", 256, 256, "pool", 512, 512, "pool")
HIDDEN = 4096
WHERE = (
    "Convert vggish-10086976.pth of github.com/harritaylor/torchvggish (release v0.1) to "
    "safetensors as docs/quality.md shows."
)


class VGGishParams(Params):
    """Parameters of :class:`VGGish`."""

    weights: str | None = None
    """Safetensors file, or folder with one; docs/quality.md says how to get it."""


class VGGishNetwork(nn.Module):
    """Log-mel examples (n, 1, 96, 64) to vectors (n, 128)."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        channels = 1
        for width in CHANNELS:
            if isinstance(width, int):
                layers += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU()]
                channels = width
            else:
                layers.append(nn.MaxPool2d(2))
        self.features = nn.Sequential(*layers)
        flat = channels * (EXAMPLE // 16) * (BANDS // 16)
        self.embeddings = nn.Sequential(
            nn.Linear(flat, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, HIDDEN), nn.ReLU(),
            nn.Linear(HIDDEN, 128),
        )  # fmt: skip

    def forward(self, examples: torch.Tensor) -> torch.Tensor:
        """Return the vectors."""
        maps = self.features(examples)  # (n, 512, 6, 4)
        flat = maps.permute(0, 2, 3, 1).flatten(1)  # time, band, channel: TensorFlow's order
        return self.embeddings(flat)  # type: ignore[no-any-return]


class VGGish(Embedding):
    """VGGish vectors, 128 numbers for each 0.96 s of a clip; an incomplete rest is dropped."""

    info: ClassVar[EmbeddingInfo] = EmbeddingInfo(
        id="vggish",
        version="1",
        params=VGGishParams,
        description="VGGish, the embedding of the first FAD; a row for each 0.96 s; needs a "
        "weights file.",
        paper="Hershey et al., CNN architectures for large-scale audio classification, ICASSP 2017",
    )
    params: VGGishParams

    def embed(self, clips: ClipSet, context: Context) -> Embedded:
        """Return one vector for each 0.96 s of every clip.

        Raises
        ------
        WeightsError
            When there are no weights, or they are of another model.
        DataError
            When a clip is shorter than 0.975 s.
        """
        network = self._network.to(context.device)
        rows, owners = [], []
        for index, audio in enumerate(
            clip for batch in batches(clips, SAMPLE_RATE, 1) for clip in batch
        ):
            examples = log_mel_examples(audio)
            if not len(examples):
                raise DataError(
                    f"clip {index} has {len(audio)} samples at 16 kHz; VGGish needs 15600 (0.975 s)"
                )
            with torch.inference_mode():
                inputs = torch.from_numpy(examples).float().unsqueeze(1).to(context.device)
                rows.append(network(inputs).double().cpu().numpy())
            owners += [index] * len(examples)
            context.progress(index + 1, len(clips), "clip")
        return Embedded(np.concatenate(rows), np.asarray(owners, dtype=np.int64))

    def digest(self) -> str:
        """Return the SHA-256 of the weights."""
        return self._digest

    def refuses(self) -> str | None:
        """Return why the weights cannot be loaded, or None."""
        try:
            _ = self._network
        except WeightsError as error:
            return str(error)
        return None

    @cached_property
    def _digest(self) -> str:
        return weights_digest(self._network)

    @cached_property
    def _network(self) -> VGGishNetwork:
        network = VGGishNetwork()
        fill(network, read_safetensors(self.params.weights, "VGGish", WHERE), "VGGish")
        return network


def log_mel_examples(audio: Audio) -> NDArray[np.float64]:
    """Return the examples of a clip at 16 kHz, (n, 96, 64); none where it is too short."""
    if len(audio) < WINDOW:
        return np.empty((0, EXAMPLE, BANDS))
    frames = np.lib.stride_tricks.sliding_window_view(audio.astype(np.float64), WINDOW)[::HOP]
    window = 0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(WINDOW) / WINDOW)  # periodic Hann
    magnitudes = np.abs(np.fft.rfft(frames * window, N_FFT))  # (frames, 257)
    mel = np.log(magnitudes @ mel_matrix() + OFFSET)
    count = len(mel) // EXAMPLE
    return mel[: count * EXAMPLE].reshape(count, EXAMPLE, BANDS)


def mel_matrix() -> NDArray[np.float64]:
    """Return triangles in mel = 1127 ln(1 + f / 700), of height 1, (257, 64); none at 0 Hz."""
    mel = 1127.0 * np.log1p(np.linspace(0.0, SAMPLE_RATE / 2, N_FFT // 2 + 1) / 700.0)
    lowest, highest = 1127.0 * np.log1p(np.array([LOW, HIGH]) / 700.0)
    edges = np.linspace(lowest, highest, BANDS + 2)
    low, center, high = edges[:-2], edges[1:-1], edges[2:]
    rising = (mel[:, None] - low) / (center - low)
    falling = (high - mel[:, None]) / (high - center)
    weights = np.maximum(0.0, np.minimum(rising, falling))
    weights[0] = 0.0
    return np.asarray(weights)
