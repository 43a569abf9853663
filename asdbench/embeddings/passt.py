"""PaSST, through the hear21passt package where somebody has installed it."""

from __future__ import annotations

import contextlib
import io
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from pydantic import Field

from asdbench.api import ClipSet, Context, EmbeddingInfo, Params
from asdbench.embeddings.classifier import ClassifierEmbedding, Outputs
from asdbench.embeddings.weights import batches, fill, read_safetensors, weights_digest
from asdbench.errors import WeightsError

SAMPLE_RATE = 32_000  # Hz
LONGEST = 10  # seconds
WHERE = (
    "Convert passt-s-f128-p16-s10-ap.476-swa.pt of github.com/kkoutini/PaSST (releases) to "
    "safetensors as docs/quality.md shows."
)


class PaSSTParams(Params):
    """Parameters of :class:`PaSST`."""

    weights: str | None = None
    """Safetensors file, or folder with one; docs/quality.md says how to get it."""
    batch_size: int = Field(4, ge=1)
    """Clips at a time; changes no value beyond rounding."""


class PaSST(ClassifierEmbedding):
    """Vectors (768 numbers a clip) and class posteriors of PaSST-S (swa, ap 47.6).

    Clips are resampled to 32 kHz; what lies beyond 10 s is cut off, shorter ones are padded with
    zeros. The package is no dependency of ours: installing it the usual way replaces torch.
    """

    info: ClassVar[EmbeddingInfo] = EmbeddingInfo(
        id="passt",
        version="1",
        params=PaSSTParams,
        description="PaSST, vectors and AudioSet posteriors; needs the hear21passt package and a "
        "weights file.",
        paper="Koutini et al., Efficient training of audio transformers with Patchout, "
        "Interspeech 2022",
    )
    params: PaSSTParams

    def digest(self) -> str:
        """Return the SHA-256 of the weights."""
        return self._digest

    def refuses(self) -> str | None:
        """Return why the package or the weights cannot be loaded, or None."""
        try:
            _ = self._model
        except WeightsError as error:
            return str(error)
        return None

    def _run(self, clips: ClipSet, context: Context) -> Outputs:
        import torch

        mel, network = (part.to(context.device) for part in self._model)
        vectors, logits = [], []
        for audio in batches(clips, SAMPLE_RATE, self.params.batch_size):
            padded = np.zeros((len(audio), LONGEST * SAMPLE_RATE), np.float32)
            for row, clip in zip(padded, audio, strict=True):
                row[: len(clip)] = clip[: len(row)]
            with torch.inference_mode():
                spectrogram = mel(torch.from_numpy(padded).to(context.device)).unsqueeze(1)
                scores, features = network(spectrogram)
            vectors.append(features.double().cpu().numpy())
            logits.append(scores.double().cpu().numpy())
            context.progress(sum(map(len, vectors)), len(clips), "clip")
        return np.concatenate(vectors), np.concatenate(logits)

    @cached_property
    def _digest(self) -> str:
        return weights_digest(self._model[1])

    @cached_property
    def _model(self) -> tuple[Any, Any]:
        """The spectrogram and the network, both in evaluation mode."""
        try:
            from hear21passt.base import AugmentMelSTFT, get_model_passt
        except (ImportError, OSError, RuntimeError) as error:  # its own imports fail in many ways
            raise WeightsError(
                f"PaSST needs the package hear21passt, which cannot be imported: {error}",
                "Install it in an environment of its own: `pip install hear21passt` brings timm, "
                "torchvision and torchaudio and may replace torch. The embedding `ast` is of the "
                "same kind and needs transformers only.",
            ) from error
        tensors = read_safetensors(self.params.weights, "PaSST", WHERE)
        with contextlib.redirect_stdout(io.StringIO()):  # it prints the whole network
            mel = AugmentMelSTFT(
                n_mels=128, sr=SAMPLE_RATE, win_length=800, hopsize=320, n_fft=1024, freqm=48,
                timem=192, htk=False, fmin=0.0, fmax=None, norm=1, fmin_aug_range=10,
                fmax_aug_range=2000,
            )  # fmt: skip
            network = get_model_passt(arch="passt_s_swa_p16_128_ap476", pretrained=False)
        fill(network, tensors, "PaSST")
        return mel.eval(), network
