"""CLAP: one space for sound and text (transformers' ClapModel)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from asdbench.api import ClipSet, Context, Embedded, Embedding, EmbeddingInfo, Params
from asdbench.embeddings.weights import batches, complete, from_hub_or_folder, weights_digest
from asdbench.errors import WeightsError

_FILES = (
    "config.json, model.safetensors, preprocessor_config.json and the tokenizer's files of "
    "huggingface.co/laion/clap-htsat-unfused"
)


class CLAPParams(Params):
    """Parameters of :class:`CLAP`."""

    weights: str = "laion/clap-htsat-unfused"
    """Hub id, or local folder with config.json, model.safetensors, preprocessor_config.json and
    the tokenizer's files. An unfused checkpoint."""
    batch_size: int = Field(8, ge=1)
    """Clips at a time; changes no value beyond rounding."""


class CLAP(Embedding):
    """The projected, normalized audio vector of CLAP, 512 numbers a clip.

    Clips are resampled to 48 kHz; what lies beyond 10 s is cut off, shorter clips are repeated.
    (The checkpoint's own way is a random cut: another value at every call.)
    """

    info: ClassVar[EmbeddingInfo] = EmbeddingInfo(
        id="clap",
        version="1",
        params=CLAPParams,
        description="CLAP, sound and text in one space (transformers); needs weights.",
        paper="Wu et al., Large-scale contrastive language-audio pretraining, ICASSP 2023",
    )
    params: CLAPParams

    def embed(self, clips: ClipSet, context: Context) -> Embedded:
        """Return one vector of length 1 a clip, (clips, 512)."""
        import torch

        extractor, model = self._extractor, self._model.to(context.device)
        rows: list[NDArray[np.float64]] = []
        for audio in batches(clips, extractor.sampling_rate, self.params.batch_size):
            cut = [clip[: extractor.nb_max_samples] for clip in audio]
            inputs = extractor(cut, sampling_rate=extractor.sampling_rate, return_tensors="pt")
            features = inputs["input_features"].to(context.device)
            with torch.inference_mode():
                rows.append(_vectors(model.get_audio_features(input_features=features)))
            context.progress(sum(map(len, rows)), len(clips), "clip")
        return Embedded.one_per_clip(np.concatenate(rows))

    def embed_text(self, texts: Sequence[str], context: Context) -> NDArray[np.float64]:
        """Return one vector of length 1 a text, (texts, 512)."""
        import torch

        model, tokenizer = self._model.to(context.device), self._tokenizer
        rows = []
        for start in range(0, len(texts), 64):
            part = list(texts[start : start + 64])
            tokens = tokenizer(part, padding=True, truncation=True, return_tensors="pt")
            chosen = {name: tokens[name].to(context.device) for name in _TEXT_INPUTS}
            with torch.inference_mode():
                rows.append(_vectors(model.get_text_features(**chosen)))
        return np.concatenate(rows)

    def digest(self) -> str:
        """Return the SHA-256 of the weights."""
        return self._digest

    def refuses(self) -> str | None:
        """Return why the weights cannot be loaded, or None."""
        try:
            _ = self._extractor, self._model
        except WeightsError as error:
            return str(error)
        return None

    @cached_property
    def _digest(self) -> str:
        return weights_digest(self._model)

    @cached_property
    def _model(self) -> Any:
        from transformers import ClapModel

        def load(source: str, local_files_only: bool) -> Any:
            return ClapModel.from_pretrained(
                source,
                local_files_only=local_files_only,
                use_safetensors=True,
                output_loading_info=True,
            )

        loaded = from_hub_or_folder(load, self.params.weights, "CLAP", _FILES)
        model = complete(loaded, "CLAP", self.params.weights)
        if model.config.audio_config.enable_fusion:
            raise WeightsError(
                f"CLAP: '{self.params.weights}' is a fused checkpoint, which cuts clips at random",
                "Use an unfused one, such as laion/clap-htsat-unfused.",
            )
        return model

    @cached_property
    def _extractor(self) -> Any:
        from transformers import ClapFeatureExtractor

        def load(source: str, local_files_only: bool) -> Any:
            return ClapFeatureExtractor.from_pretrained(
                source,
                local_files_only=local_files_only,
                truncation="rand_trunc",  # the path of unfused checkpoints; nothing is left to cut
                padding="repeatpad",
            )

        return from_hub_or_folder(load, self.params.weights, "CLAP", _FILES)

    @cached_property
    def _tokenizer(self) -> Any:
        from transformers import AutoTokenizer

        return from_hub_or_folder(
            AutoTokenizer.from_pretrained, self.params.weights, "CLAP's tokenizer", _FILES
        )


_TEXT_INPUTS = ("input_ids", "attention_mask")


def _vectors(output: Any) -> NDArray[np.float64]:
    """Return vectors of length 1. transformers 5 wraps what transformers 4 returns bare."""
    rows = getattr(output, "pooler_output", output).double().cpu().numpy()
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True))
