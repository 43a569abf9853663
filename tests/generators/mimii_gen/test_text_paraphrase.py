"""The paraphraser, with a tiny random T5."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from text_models import TWIN, save_t5
from transformers import T5ForConditionalGeneration

from asdbench.errors import DataError, WeightsError
from asdbench.generators.mimii_gen.paraphrase import Paraphraser


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> str:
    return save_t5(tmp_path_factory.mktemp("t5"), T5ForConditionalGeneration)


def test_a_caption_has_one_paraphrase(source: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked, again = Paraphraser(source), Paraphraser(source)
    calls: list[int] = []
    generate = asked._model.generate
    monkeypatch.setattr(asked._model, "generate", lambda **k: calls.append(1) or generate(**k))
    torch.manual_seed(1)
    sentence = asked(TWIN[0].caption)
    torch.manual_seed(2)
    assert asked(TWIN[0].caption) == sentence == again(TWIN[0].caption)
    assert sentence
    assert "<pad>" not in sentence
    assert len(calls) == 1
    assert asked.identity() == again.identity()


def test_identity_holds_the_weights(source: str, tmp_path: Path) -> None:
    other = Paraphraser(save_t5(tmp_path, T5ForConditionalGeneration, seed=1))
    assert other.identity() != Paraphraser(source).identity()


def test_an_empty_answer_is_an_error(source: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = Paraphraser(source)
    monkeypatch.setattr(asked._model, "generate", lambda **_: torch.tensor([[0, 1]]))
    with pytest.raises(DataError, match="no words"):
        asked(TWIN[0].caption)


def test_missing_weights_are_an_error() -> None:
    with pytest.raises(WeightsError, match="neither a folder") as caught:
        Paraphraser("t5-none")
    assert "hf download t5-none" in str(caught.value.hint)
