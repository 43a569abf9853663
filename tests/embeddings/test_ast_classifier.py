from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from asdbench.api import Context, SupportsPosteriors
from asdbench.clips import ClipPool
from asdbench.embeddings.ast_classifier import AST, ASTParams
from asdbench.errors import WeightsError


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An ASTForAudioClassification of random weights and its extractor."""
    from transformers import ASTConfig, ASTFeatureExtractor, ASTForAudioClassification

    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("ast")
    config = ASTConfig(
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        max_length=128,
        num_mel_bins=32,
        num_labels=7,
    )
    ASTForAudioClassification(config).save_pretrained(folder)
    ASTFeatureExtractor(num_mel_bins=32, max_length=128).save_pretrained(folder)
    return folder


def test_vectors_and_posteriors(folder: Path, clips: ClipPool, context: Context) -> None:
    embedding = AST(ASTParams(weights=str(folder)))
    assert isinstance(embedding, SupportsPosteriors)
    found, beliefs = embedding.embed(clips, context), embedding.posteriors(clips, context)
    assert found.rows.shape == (3, 16)
    assert beliefs.shape == (3, 7)
    assert beliefs.dtype == np.float64
    assert beliefs.sum(axis=1) == pytest.approx(np.ones(3), abs=1e-12)
    # The posteriors are those of the model as transformers runs it.
    audio = [clips.audio(i) for i in range(3)]
    inputs = embedding._extractor(audio, sampling_rate=16000, return_tensors="pt")
    with torch.inference_mode():
        logits = embedding._model(**inputs).logits
    np.testing.assert_allclose(beliefs, logits.double().softmax(dim=1).numpy(), atol=1e-6)


def test_another_pool_is_run_anew(folder: Path, clips: ClipPool, context: Context) -> None:
    embedding = AST(ASTParams(weights=str(folder), batch_size=2))
    whole = embedding.embed(clips, context).rows
    part = embedding.embed(clips.subset([2, 0]), context).rows
    np.testing.assert_allclose(part, whole[[2, 0]], atol=1e-5)


def test_the_extractor_needs_no_torchaudio(folder: Path) -> None:
    import sys

    _ = AST(ASTParams(weights=str(folder)))._extractor
    assert sys.modules.get("torchaudio") is None


def test_absent_weights_are_a_clear_error(tmp_path: Path) -> None:
    refusal = AST(ASTParams(weights=str(tmp_path / "nowhere"))).refuses()
    assert refusal is not None
    assert "MIT/ast-finetuned-audioset" in refusal
    with pytest.raises(WeightsError, match="no folder"):
        AST(ASTParams(weights="./nowhere")).digest()
