"""Trains a small codec of EnCodec's architecture on machine sound."""

from __future__ import annotations

import json
import os
import platform
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from asdbench.api import Context, LabelledClipSet
from asdbench.errors import DataError

from .codec_crops import Crops, middles
from .codec_run import STATE, CodecRun, check_identity
from .encodec_codec import EncodecCodec

CARD = "card.json"
"""Written last: a folder with a card is finished."""
_FORMAT = "asdbench/codec@1"


@dataclass(frozen=True)
class CodecSettings:
    """What :func:`train_codec` builds and how. Its sample rate is that of the clips.

    Raises
    ------
    ValueError
        When a value is out of range.
    """

    filters: int = 16
    """Of the first convolution; they double with each ratio."""
    ratios: tuple[int, ...] = (8, 5, 4, 2)
    """Of upsampling; their product is the hop, samples."""
    lstm_layers: int = 1
    """At least one: ``transformers`` has no EnCodec without."""
    codebooks: int = 0
    """Of residual vector quantization; with 0 latents are what the encoder returns."""
    codebook_size: int = 1024
    """A power of 2."""
    steps: int = 20_000
    batch: int = 8
    """Crops a step."""
    seconds: float = 0.5
    """Length of a crop."""
    learning_rate: float = 1e-3
    ema: float = 0.99
    """Decay of the running mean of the weights, which is what is saved; 0 saves the weights."""
    adversarial_from: int | None = None
    """The step at which the discriminator joins; None trains without one."""
    discriminator_filters: int = 32
    save_every: int = 500
    """Steps between saved states."""
    validate_every: int = 500
    """Steps between entries of the card's log."""

    def __post_init__(self) -> None:
        counts = ("filters", "lstm_layers", "steps", "batch", "save_every", "validate_every")
        problems = [f"{name} must be >= 1" for name in counts if getattr(self, name) < 1]
        if not self.ratios or min(self.ratios) < 1:
            problems.append("ratios must be >= 1")
        if self.codebooks < 0 or self.codebook_size < 2 or self.codebook_size.bit_count() != 1:
            problems.append("codebooks must be >= 0, codebook_size a power of 2")
        if not (self.seconds > 0 and self.learning_rate > 0 and 0 <= self.ema < 1):
            problems.append("seconds and learning_rate must be > 0, ema in [0, 1)")
        if self.discriminator_filters < 1 or (self.adversarial_from or 0) < 0:
            problems.append("discriminator_filters must be >= 1, adversarial_from >= 0")
        if problems:
            raise ValueError("; ".join(problems))


def train_codec(
    train: LabelledClipSet,
    held_out: LabelledClipSet,
    folder: Path,
    settings: CodecSettings,
    context: Context,
) -> Mapping[str, Any]:
    """Train a codec into ``folder``, going on from what an interrupted call left there.

    The folder then holds ``model.safetensors`` and ``config.json``, as :class:`EncodecCodec`
    loads them, and ``card.json``. The same call gives the same weights on one machine, interrupted
    or not (on a GPU, up to its rounding).

    Parameters
    ----------
    train
        Clips of equal chance, of any labels; crops are cut from them at random.
    held_out
        For validation alone: the middle of up to 32 of them.
    folder
        Made where it does not exist.
    settings
        What to train.
    context
        Seed, device and progress.

    Returns
    -------
    Mapping
        The card: what was trained on what, with which losses.

    Raises
    ------
    DataError
        When a clip is shorter than a crop, ``folder`` holds the work of another call, or the loss
        is no longer finite.

    References
    ----------
    A. Défossez et al., "High Fidelity Neural Audio Compression", 2022, section 3.4; weights of
    the losses and Adam's betas as in Meta's training code.

    Deviations
    ----------
    Spectral losses also have a linear frequency axis and more than one term; there is no
    quantization unless asked for, and then no dropout of codebooks. The network is causal, as
    the original.
    """
    crops = Crops(train, settings.seconds, settings.batch, context.seed)
    identity = {
        "format": _FORMAT,
        "settings": asdict(settings) | {"ratios": list(settings.ratios)},
        "seed": context.seed,
        "data": crops.identity,
    }
    folder.mkdir(parents=True, exist_ok=True)
    if (folder / CARD).exists():
        return _finished(folder / CARD, identity)
    run = CodecRun(settings, train.sample_rate, context)
    run.resume(folder, identity)
    validation = middles(held_out, crops.samples)
    while run.step < settings.steps:
        run.advance(crops.batch(run.step))
        last = run.step == settings.steps
        if last or run.step % settings.validate_every == 0:
            run.validate(validation)
        if last or run.step % settings.save_every == 0:
            run.save(folder, identity)
        context.progress(run.step, settings.steps, "codec training step")
    return _finish(folder, run, identity)


def _finished(path: Path, identity: Mapping[str, Any]) -> Mapping[str, Any]:
    try:
        card = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise DataError(f"{path} is damaged: {error}", "Delete the folder.") from error
    found = {key: card.get(key) for key in identity} if isinstance(card, dict) else card
    check_identity(path, found, identity)
    return dict(card)


def _finish(folder: Path, run: CodecRun, identity: Mapping[str, Any]) -> Mapping[str, Any]:
    """Write weights and configuration, then the card, then drop the state."""
    import transformers

    codec = EncodecCodec(run.average)
    card = {
        **identity,
        "codec": codec.identity(),
        "parameters": sum(value.numel() for value in run.average.parameters()),
        "log": run.log,
        "training_seconds": round(run.seconds, 1),
        "device": run.device.type,
        "versions": {
            "python": platform.python_version(),
            "torch": torch.__version__,
            "transformers": transformers.__version__,
        },
    }
    part = folder / ".part"
    shutil.rmtree(part, ignore_errors=True)  # of a call killed right here
    part.mkdir()
    codec.save(part)
    (part / CARD).write_text(json.dumps(card, indent=2) + "\n", encoding="utf-8")
    for file in sorted(part.iterdir(), key=lambda path: path.name == CARD):
        os.replace(file, folder / file.name)
    part.rmdir()
    (folder / STATE).unlink(missing_ok=True)
    return card
