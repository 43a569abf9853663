from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from asdbench.api import Condition
from asdbench.clips import ClipPool
from asdbench.detectors._segments import cut, segment_starts


def test_ten_seconds_are_seven_segments_of_four() -> None:
    """The paper's test segments: 4 s, seven of them in 10 s."""
    assert segment_starts(160000, 64000, 16000) == [i * 16000 for i in range(7)]


@pytest.mark.parametrize("samples", [1, 99, 100, 101, 130, 149, 150, 1000])
def test_segments_cover_the_clip_and_end_with_it(samples: int) -> None:
    starts = segment_starts(samples, 100, 30)
    assert starts[0] == 0
    assert all(0 < b - a <= 30 for a, b in pairwise(starts))
    assert starts[-1] == max(samples - 100, 0)


def test_segments_are_clips() -> None:
    audio = [np.arange(n, dtype=np.float32) / 1000 for n in (250, 60, 100)]
    conditions = [Condition("fan", f"0{i}") for i in range(3)]
    segments, owners = cut(ClipPool.from_arrays(audio, 1000, conditions), 100, 75)
    assert owners.tolist() == [0, 0, 0, 1, 2]
    assert [c.section for c in segments.conditions] == ["00", "00", "00", "01", "02"]
    np.testing.assert_array_equal(segments.audio(1), audio[0][75:175])
    np.testing.assert_array_equal(segments.audio(2), audio[0][150:250])
    np.testing.assert_array_equal(segments.audio(3), audio[1])
    np.testing.assert_array_equal(segments.subset([4]).audio(0), audio[2])
