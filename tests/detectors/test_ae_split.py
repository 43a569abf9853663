from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from asdbench.detectors._ae_split import split_windows
from asdbench.features import Frames, Windows

CLIPS, TARGETS, EACH = 100, 9, 6  # windows of a clip


def made() -> tuple[Windows, np.ndarray]:
    frames = Frames(np.zeros((CLIPS * 10, 2), np.float32), np.arange(CLIPS + 1) * 10)
    return frames.windows(5), np.arange(CLIPS) >= CLIPS - TARGETS


def split(validation: Any, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    windows, is_target = made()
    generator = torch.Generator().manual_seed(seed)
    kept, withheld = (
        part.numpy() for part in split_windows(validation, windows, is_target, generator)
    )
    assert sorted([*kept, *withheld]) == list(range(CLIPS * EACH))
    return kept, withheld


@pytest.mark.parametrize(("validation", "expected"), [("vectors", 60), ("clips", 60), ("none", 0)])
def test_a_tenth_is_withheld_or_nothing(validation: str, expected: int) -> None:
    assert len(split(validation)[1]) == expected


def test_the_last_clips_or_random_windows() -> None:
    windows, _ = made()
    assert set(windows.clip[split("clips")[1]]) == set(range(90, 100))
    assert len(set(windows.clip[split("vectors")[1]])) > 30
    assert not np.array_equal(split("vectors", 0)[1], split("vectors", 1)[1])


def test_whole_clips_of_both_domains_are_withheld_at_random() -> None:
    windows, is_target = made()
    first, second = (
        [int(i) for i in np.unique(windows.clip[split("domains", s)[1]])] for s in (0, 1)
    )
    assert first != second
    for clips in (first, second):
        assert is_target[clips].sum() == 3  # a third of 9
        assert len(clips) == 3 + 13  # 15 % of 91 is 13.65
    assert len(split("domains")[1]) == 16 * EACH
