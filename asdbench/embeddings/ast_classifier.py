"""The Audio Spectrogram Transformer: an AudioSet classifier (transformers)."""

from __future__ import annotations

from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from pydantic import Field

from asdbench.api import ClipSet, Context, EmbeddingInfo, Params
from asdbench.embeddings.classifier import ClassifierEmbedding, Outputs
from asdbench.embeddings.weights import (
    batches,
    complete,
    from_hub_or_folder,
    weights_digest,
)
from asdbench.errors import WeightsError

_FILES = (
    "config.json, model.safetensors and preprocessor_config.json of "
    "huggingface.co/MIT/ast-finetuned-audioset-10-10-0.4593"
)


class ASTParams(Params):
    """Parameters of :class:`AST`."""

    weights: str = "MIT/ast-finetuned-audioset-10-10-0.4593"
    """Hub id, or local folder with config.json, model.safetensors and preprocessor_config.json."""
    batch_size: int = Field(4, ge=1)
    """Clips at a time; changes no value beyond rounding."""


class AST(ClassifierEmbedding):
    """Pooled output (768 numbers a clip) and class posteriors of AST.

    Clips are resampled to 16 kHz; what lies beyond 10.24 s is cut off. The posteriors are the
    softmax of the logits, as the KL divergences of the text-to-audio literature have it.
    """

    info: ClassVar[EmbeddingInfo] = EmbeddingInfo(
        id="ast",
        version="1",
        params=ASTParams,
        description="Audio Spectrogram Transformer, vectors and AudioSet posteriors "
        "(transformers); needs weights.",
        paper="Gong et al., AST: Audio Spectrogram Transformer, Interspeech 2021",
    )
    params: ASTParams

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

    def _run(self, clips: ClipSet, context: Context) -> Outputs:
        import torch

        extractor, model = self._extractor, self._model.to(context.device)
        vectors, logits = [], []
        for audio in batches(clips, extractor.sampling_rate, self.params.batch_size):
            inputs = extractor(audio, sampling_rate=extractor.sampling_rate, return_tensors="pt")
            with torch.inference_mode():
                values = inputs["input_values"].to(context.device)
                pooled = model.audio_spectrogram_transformer(values).pooler_output
                vectors.append(pooled.double().cpu().numpy())
                logits.append(model.classifier(pooled).double().cpu().numpy())
            context.progress(sum(map(len, vectors)), len(clips), "clip")
        return np.concatenate(vectors), np.concatenate(logits)

    @cached_property
    def _digest(self) -> str:
        return weights_digest(self._model)

    @cached_property
    def _model(self) -> Any:
        from transformers import ASTForAudioClassification

        def load(source: str, local_files_only: bool) -> Any:
            return ASTForAudioClassification.from_pretrained(
                source,
                local_files_only=local_files_only,
                use_safetensors=True,
                output_loading_info=True,
            )

        loaded = from_hub_or_folder(load, self.params.weights, "AST", _FILES)
        return complete(loaded, "AST", self.params.weights)

    @cached_property
    def _extractor(self) -> Any:
        from transformers import ASTFeatureExtractor

        return from_hub_or_folder(
            ASTFeatureExtractor.from_pretrained, self.params.weights, "AST", _FILES
        )
