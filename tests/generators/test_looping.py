from __future__ import annotations

import numpy as np
import pytest

from asdbench.generators._looping import FULL_SCALE, limited, looped, shifted

RATE = 1000  # a fade is 20 samples


def tone(samples: int) -> np.ndarray:
    return np.sin(2 * np.pi * 7.3 / RATE * np.arange(samples))


def largest_step(audio: np.ndarray) -> float:
    return float(np.max(np.abs(np.diff(audio))))


@pytest.mark.parametrize("start", [1, 50, -50, -1, 480])
def test_a_seam_is_no_click(start: int) -> None:
    audio = tone(500)  # starts at 0.0 and ends at -0.8: a plain np.roll steps by 0.8
    assert largest_step(np.roll(audio, -start)) > 0.5
    turned = looped(audio, 500, RATE, start)
    assert len(turned) == 500
    assert largest_step(turned) < 0.15  # of which the tone itself makes 0.046


def test_outside_the_seam_the_clip_is_only_moved() -> None:
    audio = tone(500)
    turned = looped(audio, 500, RATE, 100)
    np.testing.assert_array_equal(turned[:380], audio[100:480])
    np.testing.assert_array_equal(turned[400:], audio[20:120])


def test_looping_repeats_with_the_period_of_the_clip_less_the_fade() -> None:
    audio = np.random.default_rng(0).standard_normal(500)
    long = looped(audio, 2000, RATE)
    np.testing.assert_array_equal(long[:480], audio[:480])
    np.testing.assert_array_equal(long[480:960], long[960:1440])
    np.testing.assert_array_equal(long[500:960], audio[20:480])


def test_the_seam_keeps_the_power_of_noise() -> None:
    rng = np.random.default_rng(1)
    seams = [looped(rng.standard_normal(100), 120, RATE)[80:100] for _ in range(3000)]
    assert np.mean(np.square(seams)) == pytest.approx(1.0, abs=0.03)


def test_no_seam_no_change() -> None:
    audio = tone(500)
    np.testing.assert_array_equal(looped(audio, 500, RATE), audio)
    np.testing.assert_array_equal(looped(audio, 300, RATE, 150), audio[150:450])


@pytest.mark.parametrize("samples", [1, 2, 3, 10, 39, 40, 41])
def test_short_clips_loop(samples: int) -> None:
    audio = np.ones(samples)
    for start in range(-samples, samples):
        out = looped(audio, 137, RATE, start)
        assert len(out) == 137
        assert np.all((out >= 1.0 - 1e-12) & (out < 1.42))  # equal power adds at most 3 dB


def test_shifts_fill_their_range_and_leave_zero_out() -> None:
    audio = tone(500)
    rng = np.random.default_rng(2)
    shifts = {shifted(audio, 500, RATE, 0.003, rng)[1] for _ in range(300)}
    assert shifts == {-3, -2, -1, 1, 2, 3}


def test_a_shift_is_never_a_whole_round() -> None:
    audio = np.arange(40.0)  # a round is 20 samples
    rng = np.random.default_rng(3)
    turned = [shifted(audio, 40, RATE, 10.0, rng)[0] for _ in range(500)]
    assert not any(np.array_equal(clip, audio) for clip in turned)


def test_no_shift_allowed_copies() -> None:
    audio = tone(500)
    clip, shift = shifted(audio, 500, RATE, 0.0, np.random.default_rng(0))
    assert shift == 0
    np.testing.assert_array_equal(clip, audio)
    assert not np.shares_memory(clip, audio)


def test_a_longer_clip_is_cropped_anywhere() -> None:
    audio = np.arange(500.0)
    rng = np.random.default_rng(4)
    cuts = [shifted(audio, 100, RATE, 0.001, rng) for _ in range(400)]
    for clip, start in cuts:
        np.testing.assert_array_equal(clip, audio[start : start + 100])
    starts = [start for _, start in cuts]
    assert min(starts) < 40
    assert max(starts) > 360


def test_limited() -> None:
    quiet, gain = limited(np.array([0.5, -FULL_SCALE]))
    assert gain == 0.0
    np.testing.assert_array_equal(quiet, [0.5, -FULL_SCALE])
    loud, gain = limited(np.array([0.5, -2.0]))
    assert gain == pytest.approx(-6.02, abs=0.01)
    np.testing.assert_allclose(loud, [0.25 * FULL_SCALE, -FULL_SCALE])
