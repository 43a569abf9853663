"""Captions in other words, by T5 (MIMII-Gen, section III.B: "the T5-large model"). Optional."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from asdbench.errors import DataError

from .text_hub import load_language_model, weights_digest

DEFAULT_SOURCE = "t5-large"
_TASK = "paraphrase: "
_BEAMS = 4
_TOKENS = 64


class Paraphraser:
    """Caption to caption through ``T5ForConditionalGeneration``, by beam search: no randomness.

    The paper does not say what T5 was asked; here it is given ``paraphrase: <caption>``. T5 as
    published was not trained for this task, so look at its sentences before using them: nothing
    makes sure that they keep every number, or differ where the captions do.

    Parameters
    ----------
    source
        Hub id or local folder.

    Raises
    ------
    WeightsError
        When the weights are missing.
    """

    def __init__(self, source: str = DEFAULT_SOURCE) -> None:
        from transformers import T5ForConditionalGeneration

        self._model, self._tokenizer = load_language_model(
            T5ForConditionalGeneration, source, "the T5 paraphraser"
        )
        self._digest = weights_digest(self._model, self._tokenizer)
        self._known: dict[str, str] = {}

    def identity(self) -> Mapping[str, Any]:
        """Return what its sentences depend on, as JSON values."""
        return {"task": _TASK, "beams": _BEAMS, "tokens": _TOKENS, "digest": self._digest}

    def __call__(self, caption: str) -> str:
        """Return ``caption`` in other words, always the same.

        Raises
        ------
        DataError
            When the model answers with an empty sentence.
        """
        if caption not in self._known:
            self._known[caption] = self._paraphrase(caption)
        return self._known[caption]

    @torch.no_grad()
    def _paraphrase(self, caption: str) -> str:
        ids = self._tokenizer(_TASK + caption, return_tensors="pt")["input_ids"]
        answer = self._model.generate(
            input_ids=ids,
            attention_mask=torch.ones_like(ids),
            do_sample=False,
            num_beams=_BEAMS,
            max_new_tokens=_TOKENS,
        )
        sentence = str(self._tokenizer.decode(answer[0], skip_special_tokens=True)).strip()
        if not sentence:
            raise DataError(
                f"the T5 paraphraser has no words for '{caption}'",
                "Use captions without paraphrasing, or another model.",
            )
        return sentence
