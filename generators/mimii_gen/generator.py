"""MIMII-Gen: machine sound from a text-conditioned latent diffusion model.

Captions are written from metadata, embedded, and given to a U-Net that denoises latents of a
neural codec; the codec's decoder makes the audio. One fit covers all machines of a suite.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import ClassVar, Self

import torch

from asdbench.api import (
    ClipSet,
    Context,
    GeneratedBatch,
    Generator,
    GeneratorInfo,
    LabelledClipSet,
    Request,
)
from asdbench.errors import PluginError

from .building import train_generator
from .checkpoint import load_checkpoint, save_checkpoint
from .model import LatentDiffusion
from .params import MIMIIGenParams

SHIPPED = Path(__file__).parent / "checkpoints"
_FIT_SHARE = 0.1  # of the clips lent by a suite, held out for validation


class MIMIIGen(Generator):
    """Generates clips with a shipped or a trained checkpoint, or trains one on the suite's clips."""

    info: ClassVar[GeneratorInfo] = GeneratorInfo(
        id="mimii-gen",
        version="1",
        params=MIMIIGenParams,
        description="Text-conditioned latent diffusion; ships a small checkpoint.",
        paper="Purohit et al., MIMII-Gen, arXiv 2409.18542, 2024",
        scope="suite",
    )
    trainable: ClassVar[dict[str, str]] = {
        "generator": "U-Net and text encoder on latents of a codec",
    }
    params: MIMIIGenParams

    def __init__(self, params: MIMIIGenParams) -> None:
        super().__init__(params)
        self._model: LatentDiffusion | None = None

    def fit(self, train: LabelledClipSet, context: Context) -> None:
        """Load the checkpoint, or train one in the scratch folder."""
        where = self.params.checkpoint
        if where is not None:
            folder = SHIPPED / where if isinstance(where, str) else where
            self._model = load_checkpoint(
                folder, self.params.codec_source, self.params.text_source
            )
            return
        order = context.rng().permutation(len(train))
        count = max(1, round(_FIT_SHARE * len(train)))
        kept, withheld = (sorted(int(i) for i in part) for part in (order[count:], order[:count]))
        self._model = train_generator(
            self.params, train.subset(kept), train.subset(withheld), context.scratch, context
        )

    def train(
        self,
        part: str,
        train: LabelledClipSet,
        held_out: LabelledClipSet,
        folder: Path,
        context: Context,
    ) -> None:
        """Train into ``folder``; the result is a folder for ``checkpoint``."""
        if part != "generator":
            raise PluginError(f"mimii-gen has no part '{part}' to train", "It has: generator.")
        model = train_generator(self.params, train, held_out, folder, context)
        save_checkpoint(model, folder, {})

    def generate(self, requests, train, context):  # type: ignore
        raise NotImplementedError

    def save(self, folder: Path) -> None:
        """Write."""
        save_checkpoint(self._model, folder, {})

    @classmethod
    def load(cls, folder, params, context):  # type: ignore
        """Load."""
        raise NotImplementedError
