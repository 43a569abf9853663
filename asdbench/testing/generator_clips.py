"""Checks of the clips that a generator makes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from asdbench.api import GeneratedBatch, Request, SupportsRoundtrip
from asdbench.testing.bench import SEED, fail_unless, without_domains
from asdbench.testing.check import Check
from asdbench.testing.generator_bench import (
    GeneratorBench,
    MadeClip,
    other_label,
    unlike,
    unpacked,
    unseen,
)
from asdbench.testing.material import uneven
from asdbench.testing.state import preserved
from asdbench.testing.watched import WatchedClips

_AUDIO = "return float32 arrays (samples,), every value finite, not silent."


def clip_checks(bench: GeneratorBench) -> list[Check]:
    """Return the checks of what clips are, and of what they depend on."""
    checks = [
        Check(
            "clips",
            "generate() yields one clip for every request: float32 (samples,), finite, not silent.",
            lambda: _check_clips(bench),
        ),
        Check(
            "length",
            "A clip has the length that was asked for, at the sample rate of the training clips.",
            lambda: _check_length(bench),
        ),
        Check(
            "full-scale",
            "No sample is above full scale, 1.0.",
            lambda: _check_full_scale(bench),
        ),
        Check(
            "request-seed",
            "The seed of a request, and nothing else that is random, decides the clip.",
            lambda: _check_request_seed(bench),
        ),
        Check(
            "order",
            "Clips come in the order of their requests, and do not depend on it.",
            lambda: _check_order(bench),
        ),
        Check(
            "batch-composition",
            "A clip does not depend on the requests made with it, nor on how many they are.",
            lambda: _check_company(bench),
        ),
        Check("no-requests", "No requests give no clips.", lambda: _check_none(bench)),
        Check(
            "unequal-lengths",
            "Clips may have unequal lengths, in training and when asked for.",
            lambda: _check_lengths(bench),
        ),
        Check(
            "labels",
            "A normal clip and an anomaly of one condition and seed are not the same clip.",
            lambda: _check_labels(bench),
        ),
        Check(
            "notes",
            "Notes are one mapping of text to text for every clip, or none.",
            lambda: _check_notes(bench),
        ),
        Check(
            "refuses",
            "refuses() returns why a request cannot be made, or None; it raises nothing.",
            lambda: _check_refuses(bench),
        ),
        Check(
            "unseen-conditions",
            "What was never seen is made or refused, and what is not refused can be made.",
            lambda: _check_unseen(bench),
        ),
    ]
    if issubclass(bench.cls, SupportsRoundtrip):
        checks.append(
            Check(
                "roundtrip",
                "roundtrip() yields every clip after coding, in order, as long as it was.",
                lambda: _check_roundtrip(bench),
            )
        )
    return checks


def _check_clips(bench: GeneratorBench) -> None:
    requests = bench.requests()
    clips = bench.make(bench.fitted(), requests)
    required = "float32 (samples,)"
    for clip in clips:
        kind = f"{getattr(clip.audio, 'dtype', type(clip.audio).__name__)} {np.shape(clip.audio)}"
        right = isinstance(clip.audio, np.ndarray) and clip.audio.dtype == np.float32
        fail_unless(right and clip.audio.ndim == 1, f"a clip is {kind}", required, _AUDIO)
        check_audio(clip)


def check_audio(clip: MadeClip) -> None:
    """Check that a clip is finite, not silent, and has a sample rate.

    Raises
    ------
    CheckFailure
        When it is not.
    """
    audio, required = np.asarray(clip.audio), "every value finite, not silent"
    fail_unless(bool(np.isfinite(audio).all()), "a clip holds NaN or infinity", required, _AUDIO)
    fail_unless(bool(np.any(audio)), "a clip is silent", required, _AUDIO)
    rate: Any = clip.sample_rate
    fail_unless(
        isinstance(rate, int) and rate > 0,
        f"sample_rate {rate!r}",
        "a whole number of Hz",
        "set GeneratedBatch.sample_rate to that of the audio.",
    )


def _check_length(bench: GeneratorBench) -> None:
    rate = bench.train().sample_rate
    for requests in (bench.requests(), _uneven_requests(bench)):
        for clip, request in zip(bench.make(bench.fitted(), requests), requests, strict=True):
            wanted = request.samples * clip.sample_rate / rate
            slack = 0 if clip.sample_rate == rate else 1
            fail_unless(
                abs(len(clip.audio) - wanted) <= slack,
                f"{len(clip.audio)} samples at {clip.sample_rate} Hz for {request.samples} at "
                f"{rate} Hz",
                "request.samples, counted at the sample rate of the training clips",
                "cut or extend the clip to request.samples.",
            )


def _uneven_requests(bench: GeneratorBench) -> list[Request]:
    return [
        replace(request, samples=round(factor * request.samples))
        for request, factor in zip(bench.requests(), (0.6, 1.0, 1.7), strict=False)
    ]


def _check_full_scale(bench: GeneratorBench) -> None:
    peak = max(float(np.abs(np.nan_to_num(clip.audio)).max()) for clip in bench.base())
    fail_unless(
        peak <= 1.0,
        f"a sample of {peak:.3g}",
        "at most 1.0: more cannot be written to a file without clipping",
        "scale such a clip down.",
    )


def _check_request_seed(bench: GeneratorBench) -> None:
    requests = bench.requests()
    again = bench.make(bench.fitted(), requests, seed=SEED + 1)
    wrong = unlike(bench.base(), again)
    fail_unless(
        not wrong,
        f"{len(wrong)} of {len(again)} clips differ with another context.seed",
        "the noise of a clip is drawn from request.seed alone",
        "use np.random.default_rng(request.seed), not context.rng(), in generate().",
    )
    other = bench.make(bench.fitted(), [replace(r, seed=r.seed - 1000) for r in requests])
    same = len(requests) - len(unlike(bench.base(), other))
    fail_unless(
        not same,
        f"{same} of {len(requests)} clips are the same with another request.seed",
        "another seed gives another clip",
        "draw the noise of a clip from request.seed.",
    )


def _check_order(bench: GeneratorBench) -> None:
    order = list(range(len(bench.requests())))[::-1]
    clips = bench.make(bench.fitted(), [bench.requests()[i] for i in order])
    wrong = unlike([bench.base()[i] for i in order], clips)
    fail_unless(
        not wrong,
        f"{len(wrong)} of {len(clips)} clips differ when the requests are listed in reverse",
        "the clips move with the requests",
        "yield clips in the order of the requests, each from its own seed.",
    )


def _check_company(bench: GeneratorBench) -> None:
    count = len(bench.requests())
    for first in (1, count - 1):
        clips = bench.make(bench.fitted(), bench.requests()[:first])
        wrong = unlike(bench.base()[:first], clips)
        fail_unless(
            not wrong,
            f"{len(wrong)} of the first {first} clips differ without the other {count - first}",
            "the same clips in any company and any batch",
            "let neither noise nor level of a clip depend on its batch.",
        )


def _check_none(bench: GeneratorBench) -> None:
    clips = bench.make_raw(bench.fitted(), [])
    fail_unless(not clips, f"{len(clips)} clips", "none", "yield nothing where requests is empty.")


def _check_lengths(bench: GeneratorBench) -> None:
    requests = _uneven_requests(bench)
    for clips in (bench.make(bench.fitted(), requests), bench.make_uneven(requests)):
        for clip in clips:
            check_audio(clip)


def _check_labels(bench: GeneratorBench) -> None:
    refused = bench.fitted().refuses
    pairs = [(r, replace(r, label=other_label(r.label))) for r in bench.requests()]
    if len(bench.info.labels) < 2:
        return
    both = [pair for pair in pairs if refused(pair[1]) is None][:2]
    for pair in both:
        one, other = bench.make(bench.fitted(), pair)
        fail_unless(
            bool(unlike([one], [other], 0.0)),
            f"the normal clip and the anomaly of {pair[0].condition} are the same",
            "an anomaly is asked for with request.label",
            "heed request.label, or list in info.labels what can be asked for.",
        )


def _check_notes(bench: GeneratorBench) -> None:
    for clip in bench.base():
        notes = clip.notes
        right = isinstance(notes, Mapping) and all(
            isinstance(key, str) and isinstance(value, str) for key, value in notes.items()
        )
        fail_unless(
            right,
            f"notes {notes!r}",
            "a mapping of text to text: they go into tables",
            "write numbers as text: {'shift': str(shift)}.",
        )


def _check_refuses(bench: GeneratorBench) -> None:
    strange = [
        replace(bench.requests()[0], condition=condition) for condition in unseen(bench).values()
    ]
    for request in [*bench.candidates(), *strange]:
        reason = bench.fitted().refuses(request)
        fail_unless(
            reason is None or (isinstance(reason, str) and bool(reason.strip())),
            f"refuses() returned {reason!r} for {request.condition}",
            "a text that says why, or None",
            "return None where the request can be made.",
        )


def _check_unseen(bench: GeneratorBench) -> None:
    for what, condition in unseen(bench).items():
        request = replace(bench.requests()[0], condition=condition)
        if bench.fitted().refuses(request):
            continue
        try:
            (clip,) = bench.make(bench.fitted(), [request])
        except Exception as error:
            error.add_note(f"refuses() said nothing against a new {what}")
            raise
        check_audio(clip)


def _check_roundtrip(bench: GeneratorBench) -> None:
    codec: Any = bench.fitted()
    pool = bench.train().subset(range(2))
    several = uneven(bench.train()).subset(range(4))
    for clips in (pool, several):
        hidden = replace(clips, conditions=without_domains(clips.conditions), labels=())
        seeds = [SEED + i for i in range(len(clips))]
        with preserved():
            batches: list[GeneratedBatch] = list(
                codec.roundtrip(WatchedClips(hidden, bench.journal), seeds, bench.context())
            )
        coded = unpacked(batches)
        fail_unless(
            len(coded) == len(clips),
            f"roundtrip() yielded {len(coded)} clips for {len(clips)}",
            "one for every clip, in order",
            "yield every clip.",
        )
        for i, clip in enumerate(coded):
            check_audio(clip)
            wanted = len(clips.audio(i)) * clip.sample_rate / clips.sample_rate
            fail_unless(
                abs(len(clip.audio) - wanted) <= 1,
                f"roundtrip() made {len(clip.audio)} samples of {len(clips.audio(i))}",
                "a clip is as long as it was",
                "cut what padding added.",
            )
