from __future__ import annotations

import numpy as np
import pytest

from asdbench.features import Frames, LogMelSpec, log_mel
from asdbench.metrics import memorization as module
from asdbench.metrics.memorization import (
    Nearest,
    memorization,
    nearest_by_correlation,
    nearest_by_distance,
)
from asdbench.metrics.rank import MetricError


def frames(lengths: list[int], seed: int, bands: int = 64) -> Frames:
    offsets = np.cumsum([0, *lengths]).astype(np.int64)
    values = np.random.default_rng(seed).standard_normal((offsets[-1], bands))
    return Frames(values.astype(np.float32), offsets)


def brute_force(query: np.ndarray, train: np.ndarray) -> tuple[float, int]:
    """The best correlation over shifts, and the shift, by loops."""
    q, t = (
        (x := clip.astype(np.float64).reshape(len(clip), 32, -1).mean(axis=2)) - x.mean(axis=0)
        for clip in (query, train)
    )
    best = (-2.0, 0)
    for shift in range(1 - len(q), len(t)):
        low, high = max(0, -shift), min(len(q), len(t) - shift)
        if high - low < 0.5 * min(len(q), len(t)):
            continue
        a, b = q[low:high], t[low + shift : high + shift]
        best = max(best, (float(np.sum(a * b) / np.sqrt(np.sum(a**2) * np.sum(b**2))), shift))
    return best


def test_agrees_with_loops_for_unequal_lengths() -> None:
    queries, train = frames([20, 33, 20], 0), frames([25, 40, 25, 7], 1)
    found = nearest_by_correlation(queries, train)
    for i in range(3):
        each = [brute_force(queries.clip(i), train.clip(j)) for j in range(4)]
        wanted = max(range(4), key=lambda j: each[j][0])
        assert found.index[i] == wanted
        assert found.nearness[i] == pytest.approx(each[wanted][0], abs=1e-5)
        second = sorted(value for value, _ in each)[-2]
        assert found.margin[i] == pytest.approx(each[wanted][0] - second, abs=1e-5)
        assert found.shift[i] == each[wanted][1]


def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    queries, train = frames([15] * 9 + [22], 2), frames([30] * 6, 3)
    whole = nearest_by_correlation(queries, train)
    monkeypatch.setattr(module, "_BLOCK_CELLS", 1)
    calls: list[tuple[int, int, str]] = []
    single = nearest_by_correlation(queries, train, lambda *call: calls.append(call))
    assert np.array_equal(single.index, whole.index)
    assert np.allclose(single.nearness, whole.nearness, atol=1e-6)
    assert np.allclose(single.margin, whole.margin, atol=1e-6)
    assert calls[-1] == (10, 10, "clip")
    assert len(calls) == 10


def test_a_shifted_copy_is_found_in_noise_of_the_same_color() -> None:
    rng = np.random.default_rng(4)
    spec = LogMelSpec(n_mels=64)
    recordings = rng.standard_normal((12, 3 * 16000)).astype(np.float32) * 0.1
    train = log_mel([r[:32000] for r in recordings], 16000, spec)
    start = 9 * 512 + 100  # no whole number of frames
    copy = 0.5 * recordings[7, start : start + 24000] + 0.01 * rng.standard_normal(24000)
    fresh = rng.standard_normal(24000) * 0.1
    found = nearest_by_correlation(
        log_mel([copy.astype(np.float32), fresh.astype(np.float32)], 16000, spec), train
    )
    assert found.index[0] == 7
    assert abs(int(found.shift[0]) - 9) <= 1
    assert found.nearness[0] > 0.5
    assert found.nearness[1] < 0.2


def test_a_clip_without_change_is_near_to_nothing() -> None:
    flat = Frames(np.ones((10, 32), np.float32), np.array([0, 10]))
    found = nearest_by_correlation(flat, frames([10, 10], 5, 32))
    assert found.nearness[0] == 0.0


def test_distance_is_that_of_standardized_vectors() -> None:
    rng = np.random.default_rng(6)
    train = rng.standard_normal((30, 3)) * [1.0, 1000.0, 0.0]
    query = train[[4, 11]] + [0.01, 10.0, 5.0]
    found = nearest_by_distance(query, train)
    assert found.index.tolist() == [4, 11]
    scale = train.std(axis=0)
    wanted = np.hypot(0.01 / scale[0], 10.0 / scale[1])
    assert found.nearness == pytest.approx([-wanted, -wanted])
    second = np.sort(np.linalg.norm((train[:, :2] - query[0, :2]) / scale[:2], axis=1))[1]
    assert found.margin[0] == pytest.approx(second - wanted)
    assert nearest_by_distance(query[:1], train).index.tolist() == [4]


def nearest(values: np.ndarray, margin: np.ndarray | None = None) -> Nearest:
    zeros = np.zeros(len(values), dtype=np.int64)
    return Nearest(zeros, values, np.zeros(len(values)) if margin is None else margin, zeros)


@pytest.mark.parametrize("held_out", [40, 400])
def test_share_without_copies_is_what_is_expected(held_out: int) -> None:
    rng = np.random.default_rng(7)
    found = [
        memorization(nearest(rng.random(200)), nearest(rng.random(held_out))) for _ in range(400)
    ]
    assert found[0].expected_share == pytest.approx({40: 0.0339, 400: 0.0124}[held_out], abs=1e-4)
    shares = [result.share for result in found]
    error = np.std(shares) / np.sqrt(len(shares))
    assert np.mean(shares) == pytest.approx(found[0].expected_share, abs=4 * error)


def test_copies_are_listed_widest_margin_first() -> None:
    baseline = nearest(np.linspace(0.0, 0.5, 101), np.linspace(0.0, 0.1, 101))
    margin = np.array([0.0, 0.2, 0.3, 0.05])
    result = memorization(nearest(np.array([0.1, 0.7, 0.2, 0.9]), margin), baseline)
    assert result.limit == pytest.approx(0.495)
    assert result.margin_limit == pytest.approx(0.099)
    assert result.suspicious == (2, 1, 3)
    assert result.share == result.margin_share == 0.5
    assert result.median == pytest.approx(0.45)
    assert result.median_baseline == pytest.approx(0.25)


def test_margin_finds_a_noisy_copy_that_a_common_rhythm_hides() -> None:
    """All clips share strong strokes; a copy under noise is less near, but near to one alone."""
    rng = np.random.default_rng(8)
    rhythm = 3.0 * np.repeat(np.sin(np.arange(60) / 4.0)[:, None], 32, axis=1)

    def clips(own: np.ndarray) -> Frames:
        values = (rhythm + own).astype(np.float32).reshape(-1, 32)
        return Frames(values, np.arange(len(own) + 1) * 60)

    own = rng.standard_normal((30, 60, 32))
    train, held_out = clips(own), clips(rng.standard_normal((40, 60, 32)))
    copies = clips(own[:5] + 2.0 * rng.standard_normal((5, 60, 32)))
    result = memorization(
        nearest_by_correlation(copies, train), nearest_by_correlation(held_out, train)
    )
    assert result.share == 0.0
    assert result.margin_share == 1.0


def test_a_single_training_clip_has_no_margin() -> None:
    found = nearest_by_correlation(frames([10, 10], 0), frames([10], 1))
    assert found.margin.tolist() == [0.0, 0.0]


def test_mistakes_are_named() -> None:
    with pytest.raises(MetricError, match="a multiple of 32"):
        nearest_by_correlation(frames([5], 0, 40), frames([5], 0, 40))
    with pytest.raises(MetricError, match="no training clip"):
        nearest_by_correlation(frames([5], 0), Frames(np.empty((0, 64), np.float32), np.array([0])))
    with pytest.raises(MetricError, match="3 and 2 dimensions"):
        nearest_by_distance(np.ones((1, 3)), np.ones((4, 2)))
    with pytest.raises(MetricError, match="no held-out real clip"):
        memorization(nearest(np.ones(3)), nearest(np.ones(0)))


@pytest.mark.slow
def test_two_hundred_clips_against_a_thousand_take_seconds() -> None:
    import time

    queries, train = frames([313] * 200, 0, 128), frames([313] * 1000, 1, 128)
    started = time.process_time()
    nearest_by_correlation(queries, train)
    assert time.process_time() - started < 30.0
