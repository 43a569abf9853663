"""Clips and requests for the tests of generators."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from asdbench.api import Audio, Condition, Context, Generator, Label, Request
from asdbench.clips import ClipPool

RATE = 8000


def condition(vel: str = "6", section: str = "00", domain: Any = "source") -> Condition:
    return Condition("fan", section, domain, (("vel", vel),))


def machine_sound(seed: int, samples: int = RATE, level: float = 0.05) -> Audio:
    """A hum in noise, at an RMS of ``level``."""
    rng = np.random.default_rng(seed)
    hum = np.sin(2 * np.pi * 120 / RATE * np.arange(samples) + rng.uniform(0, 6))
    sound = hum + rng.standard_normal(samples)
    return (sound * level / np.sqrt(np.mean(sound**2))).astype(np.float32)


@pytest.fixture
def context(tmp_path: Path) -> Context:
    return Context(seed=0, scratch=tmp_path)


@pytest.fixture
def pool() -> ClipPool:
    """Normals at vel 6 and 8, anomalies at vel 8 and 14, all in one section and domain."""
    listed: list[tuple[str, Label]] = [("6", "normal")] * 3 + [("8", "normal")] * 2
    listed += [("8", "anomaly")] * 2 + [("14", "anomaly")] * 2
    return ClipPool.from_arrays(
        [machine_sound(i) for i in range(len(listed))],
        RATE,
        [condition(vel) for vel, _ in listed],
        [label for _, label in listed],
    )


@pytest.fixture
def ask() -> Callable[..., list[Request]]:
    def requests(n: int, label: Label = "anomaly", samples: int = RATE, **where: Any) -> Any:
        return [Request(condition(**where), label, 2**63 + 7 * i, samples) for i in range(n)]

    return requests


@pytest.fixture
def make(context: Context) -> Callable[..., tuple[list[Audio], list[dict[str, str]]]]:
    """Fit a generator and return the audio and the notes of all requests."""

    def run(
        generator: Generator, pool: ClipPool, requests: Sequence[Request], fit: bool = True
    ) -> tuple[list[Audio], list[dict[str, str]]]:
        if fit:
            generator.fit(pool, context)
        batches = list(generator.generate(requests, pool, replace(context, seed=99)))
        assert {batch.sample_rate for batch in batches} == {pool.sample_rate}
        assert max(len(batch.audio) for batch in batches) <= 16
        audio = [clip for batch in batches for clip in batch.audio]
        return audio, [dict(note) for batch in batches for note in batch.notes]

    return run
