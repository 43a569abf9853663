"""Prompts of the simulated twin, and tiny random T5 models with a tokenizer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from asdbench.api import Condition, Label
from asdbench.datasets.simulated.plan import SECTIONS
from asdbench.generators.mimii_gen.captions import caption
from asdbench.generators.mimii_gen.prompt import Prompt


def prompt(
    machine: str = "bearing", section: str = "00", label: Label = "normal", **attributes: str
) -> Prompt:
    where = Condition(machine, section, None, tuple(sorted(attributes.items())))
    return Prompt(where, label, caption(where, label))


TWIN = [
    prompt(row.machine, row.section, label, **dict(setting))
    for row in SECTIONS.values()
    for setting in dict.fromkeys((*row.source, *row.target))
    for label in ("normal", "anomaly")
]


def save_t5(folder: Path, model_class: Any, seed: int = 0) -> str:
    """Write a random T5 of 16 dimensions and a tokenizer of the characters of all captions."""
    from tokenizers import Tokenizer
    from tokenizers.decoders import Fuse
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import Split
    from tokenizers.processors import TemplateProcessing
    from transformers import PreTrainedTokenizerFast, T5Config

    letters = sorted({letter for each in TWIN for letter in each.caption} | set(":"))
    words = ["<pad>", "</s>", "<unk>", *letters]
    tokenizer = Tokenizer(WordLevel({word: i for i, word in enumerate(words)}, unk_token="<unk>"))
    tokenizer.pre_tokenizer = Split("", "isolated")
    tokenizer.decoder = Fuse()
    tokenizer.post_processor = TemplateProcessing(
        single="$A </s>", special_tokens=[("</s>", words.index("</s>"))]
    )
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="<pad>", eos_token="</s>", unk_token="<unk>"
    ).save_pretrained(folder)
    config = T5Config(
        vocab_size=len(words),
        d_model=16,
        d_kv=8,
        d_ff=32,
        num_layers=2,
        num_heads=2,
        feed_forward_proj="gated-gelu",
        pad_token_id=0,
        eos_token_id=1,
        decoder_start_token_id=0,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model_class(config).save_pretrained(folder)
    return str(folder)
