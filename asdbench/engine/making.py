"""Ask a generator for clips, or for a round trip, and hold it to its contract."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np

from asdbench.api import (
    Audio,
    ClipSet,
    Context,
    GeneratedBatch,
    Generator,
    LabelledClipSet,
    Request,
    SupportsRoundtrip,
)
from asdbench.audio import resample
from asdbench.errors import PluginError


@dataclass(frozen=True)
class MadeClip:
    """A generated clip, ready to be written."""

    audio: Audio
    """At the wanted rate, as long as asked for, within full scale."""
    notes: dict[str, str]
    """How it was made."""


def make_clips(
    generator: Generator,
    requests: Sequence[Request],
    train: LabelledClipSet,
    sample_rate: int,
    context: Context,
) -> Iterator[MadeClip]:
    """Yield a clip at ``sample_rate`` for every request, in order, as soon as it is made.

    Raises
    ------
    PluginError
        When the generator refuses a request, before any clip is made; or when what it makes is
        no clip, silent, of another length, or not one for every request.
    """
    name = generator.info.id
    for request in requests:
        reason = generator.refuses(request)
        if reason is not None:
            raise PluginError(f"'{name}' refuses {request.condition}: {reason}")
    yield from _checked(generator.generate(requests, train, context), requests, sample_rate, name)


def roundtrip_clips(
    codec: SupportsRoundtrip,
    clips: ClipSet,
    requests: Sequence[Request],
    sample_rate: int,
    name: str,
    context: Context,
) -> Iterator[MadeClip]:
    """Yield every clip at ``sample_rate`` after encoding and decoding, in order.

    ``requests`` say what each clip has to be; ``name`` is the plug-in's, for messages.

    Raises
    ------
    PluginError
        When what the codec returns is no clip, silent, of another length, or not one for every
        clip.
    """
    batches = codec.roundtrip(clips, [request.seed for request in requests], context)
    yield from _checked(batches, requests, sample_rate, name)


def _checked(
    batches: Iterable[GeneratedBatch], requests: Sequence[Request], sample_rate: int, name: str
) -> Iterator[MadeClip]:
    one_each = "It must yield exactly one clip for every one asked for, in order."
    count = 0
    for batch in batches:
        batch_notes = list(batch.notes) or [{}] * len(batch.audio)
        if count + len(batch.audio) > len(requests) or len(batch_notes) != len(batch.audio):
            raise PluginError(
                f"'{name}' made a batch of {len(batch.audio)} clips and "
                f"{len(batch_notes)} notes after {count} of {len(requests)} requests",
                one_each,
            )
        for audio, note in zip(batch.audio, batch_notes, strict=True):
            ready, change = _ready(audio, batch.sample_rate, requests[count], sample_rate, name)
            count += 1
            yield MadeClip(ready, {**note, **change})
    if count != len(requests):
        raise PluginError(f"'{name}' made {count} clips for {len(requests)} requests", one_each)


def _ready(
    audio: Any, rate: int, request: Request, wanted: int, plugin_id: str
) -> tuple[Audio, dict[str, str]]:
    """Return a generated clip at the wanted rate, length and scale, and what that changed.

    Raises
    ------
    PluginError
        When it is no clip, silent, or of another length than was asked for.
    """

    def refuse(problem: str) -> NoReturn:
        raise PluginError(
            f"'{plugin_id}' made an unusable clip for {request.condition}: {problem}",
            "A clip is a float32 array (samples,), as long as asked for, every value finite.",
        )

    if getattr(audio, "ndim", 0) != 1 or audio.dtype.kind != "f":
        refuse(f"{getattr(audio, 'dtype', type(audio))} {getattr(audio, 'shape', '')}")
    if not np.isfinite(audio).all():
        refuse("it holds NaN or infinity")
    clip = np.asarray(audio, dtype=np.float32)
    if rate != wanted and len(clip):
        clip = resample(clip, rate, wanted)
    if abs(len(clip) - request.samples) > 1:  # one sample is the rounding of another rate
        refuse(f"{len(clip)} samples at {wanted} Hz instead of {request.samples}")
    clip = np.pad(clip, (0, max(0, request.samples - len(clip))))[: request.samples]
    peak = float(np.abs(clip).max())
    if peak == 0.0:
        refuse("it is silent")
    if peak <= 1.0:
        return clip, {}
    scaled = clip / np.float32(peak * (1 + 1e-6))
    return scaled, {"scaled_to_full_scale_db": f"{-20 * math.log10(peak):.2f}"}
