"""Checks of what a generator says it learned from."""

from __future__ import annotations

import re
from typing import Any

from asdbench.api import SupportsTrainingManifest, TrainingManifest
from asdbench.testing.bench import fail_unless
from asdbench.testing.check import Check
from asdbench.testing.generator_bench import GeneratorBench

_DIGEST = re.compile(r"[0-9a-f]{32}")


def manifest_checks(bench: GeneratorBench) -> list[Check]:
    """Return the check of ``training_manifest()``; none where the generator has no such method."""
    if not issubclass(bench.cls, SupportsTrainingManifest):
        return []
    return [
        Check(
            "training-manifest",
            "training_manifest() returns clips by audio_digest with a sample rate, or None.",
            lambda: _check_manifest(bench),
        )
    ]


def _check_manifest(bench: GeneratorBench) -> None:
    fitted: Any = bench.fitted()
    found = fitted.training_manifest()
    if found is None:
        return
    fail_unless(
        isinstance(found, TrainingManifest),
        f"training_manifest() returned {type(found).__name__}",
        "a TrainingManifest, or None",
        "return TrainingManifest(clips, sample_rate); TrainingManifest() for nothing.",
    )
    wrong = [clip.digest for clip in found.clips if not _DIGEST.fullmatch(str(clip.digest))]
    fail_unless(
        not wrong,
        f"{len(wrong)} of {len(found.clips)} clips have no digest of audio, e.g. {wrong[:1]}",
        "32 hexadecimal digits",
        "use asdbench.api.audio_digest() of the clips that it was trained on.",
    )
    fail_unless(
        not found.clips or (isinstance(found.sample_rate, int) and found.sample_rate > 0),
        f"sample_rate {found.sample_rate!r} with {len(found.clips)} clips",
        "a whole number of Hz",
        "set TrainingManifest.sample_rate to that of the audio whose digests are listed.",
    )
