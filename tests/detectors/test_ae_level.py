from __future__ import annotations

import numpy as np
import pytest

from asdbench.api import Condition
from asdbench.clips import ClipPool
from asdbench.detectors._ae_level import standardizing_offset
from asdbench.features import LogMelSpec, log_mel

RATE = 16000


def pool(clips: list[np.ndarray]) -> ClipPool:
    return ClipPool.from_arrays(clips, RATE, [Condition("fan", "00")] * len(clips))


@pytest.mark.parametrize("power", [1.0, 2.0])
def test_the_offset_is_what_standardized_audio_adds(power: float) -> None:
    rng = np.random.default_rng(0)
    clips = [
        (0.02 * gain * rng.standard_normal(length) + 0.004).astype(np.float32)
        for gain, length in ((1.0, 9000), (0.3, 16000), (2.0, 5000))
    ]
    samples = np.concatenate(clips).astype(np.float64)
    standardized = [((c - samples.mean()) / samples.std()).astype(np.float32) for c in clips]
    spec = LogMelSpec(fmin=50.0, fmax=7800.0, power=power)
    before, after = (log_mel(some, RATE, spec) for some in (clips, standardized))
    offset = standardizing_offset(pool(clips))
    assert offset == pytest.approx(-20 * np.log10(samples.std()), rel=1e-9)
    # The first and the last frame of a clip end in padding: there a mean has other bins, too.
    for index in range(len(clips)):
        inner = slice(1, -2)
        np.testing.assert_allclose(
            before.clip(index)[inner] + offset, after.clip(index)[inner], atol=0.02
        )


def test_silence_has_no_offset() -> None:
    assert standardizing_offset(pool([np.zeros(100, np.float32)])) == 0.0
