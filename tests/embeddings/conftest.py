"""Clips for embeddings."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from asdbench.api import Condition, Context
from asdbench.clips import ClipPool


@pytest.fixture
def context(tmp_path: Path) -> Context:
    return Context(0, tmp_path)


@pytest.fixture
def clips() -> ClipPool:
    """Three clips of 2 s at 16 kHz: noise, a tone, and louder noise of another length."""
    rng = np.random.default_rng(0)
    noise = 0.1 * rng.standard_normal(32000)
    tone = 0.2 * np.sin(2 * np.pi * 440.0 * np.arange(32000) / 16000)
    audio = [one.astype(np.float32) for one in (noise, tone, 0.3 * rng.standard_normal(24000))]
    return ClipPool.from_arrays(audio, 16000, [Condition("fan", "00")] * 3)
