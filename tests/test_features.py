from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from asdbench.errors import DataError
from asdbench.features import Frames, LogMelSpec, log_mel, mel_filters

SMALL = LogMelSpec(n_fft=64, hop_length=32, n_mels=4)


def noise(samples: int, seed: int = 0) -> np.ndarray:
    return (0.1 * np.random.default_rng(seed).standard_normal(samples)).astype(np.float32)


def ragged(*lengths: int, bands: int = 3) -> Frames:
    """Frames whose values count upwards, so that every row can be told from the others."""
    total = sum(lengths)
    values = np.arange(total * bands, dtype=np.float32).reshape(total, bands)
    return Frames(values, np.cumsum([0, *lengths]).astype(np.int64))


@pytest.mark.parametrize(
    ("sample_rate", "spec"),
    [
        (16000, LogMelSpec()),
        (8000, LogMelSpec(n_fft=512, hop_length=256, n_mels=40)),
        (22050, LogMelSpec(n_fft=2048, hop_length=300, n_mels=64, fmin=50.0, fmax=7800.0)),
        (48000, LogMelSpec(n_fft=1024, hop_length=1024, n_mels=128, power=1.0)),
        (44100, LogMelSpec(n_fft=4096, hop_length=512, n_mels=224, fmin=20.0)),
    ],
)
def test_agrees_with_librosa(sample_rate: int, spec: LogMelSpec) -> None:
    librosa = pytest.importorskip("librosa")
    # Ends within a window, and lies between two powers of two in level.
    clip = noise(int(1.37 * sample_rate)) + np.float32(0.3) * np.sin(
        np.arange(int(1.37 * sample_rate), dtype=np.float32) * 0.2
    ).astype(np.float32)
    mel = librosa.feature.melspectrogram(
        y=clip,
        sr=sample_rate,
        n_fft=spec.n_fft,
        hop_length=spec.hop_length,
        n_mels=spec.n_mels,
        fmin=spec.fmin,
        fmax=spec.fmax,
        power=spec.power,
        center=True,
        pad_mode="constant",
    )
    expected = 20.0 / spec.power * np.log10(np.maximum(mel, 2.220446049250313e-16)).T

    frames = log_mel([clip], sample_rate, spec)

    assert frames.values.shape == expected.shape == (spec.frames(len(clip)), spec.n_mels)
    np.testing.assert_allclose(frames.values, expected, rtol=0, atol=1e-3)


@pytest.mark.parametrize(
    ("sample_rate", "spec"),
    [
        (16000, LogMelSpec()),
        (16000, LogMelSpec(n_fft=2048, n_mels=224, fmin=50.0, fmax=7800.0)),
        (96000, LogMelSpec(n_mels=20, fmin=1500.0)),
    ],
)
def test_filters_agree_with_librosa(sample_rate: int, spec: LogMelSpec) -> None:
    librosa = pytest.importorskip("librosa")
    expected = librosa.filters.mel(
        sr=sample_rate, n_fft=spec.n_fft, n_mels=spec.n_mels, fmin=spec.fmin, fmax=spec.fmax
    )
    np.testing.assert_allclose(mel_filters(sample_rate, spec), expected, rtol=1e-5, atol=1e-9)


@pytest.mark.shared
@pytest.mark.parametrize("name", ["noise", "tones", "silence_then_click"])
def test_agrees_with_the_official_baseline(shared: Path, name: str) -> None:
    soundfile = pytest.importorskip("soundfile")
    folder = shared / "oracle" / "fixtures" / "wav"
    audio, sample_rate = soundfile.read(folder / f"{name}.wav", dtype="float32")
    with np.load(folder / f"{name}_peer_features.npz") as stored:
        expected = stored["vectors"]

    windows = log_mel([audio], sample_rate, LogMelSpec()).windows(5)

    np.testing.assert_allclose(windows.view[windows.starts], expected, rtol=0, atol=1e-3)


def test_clips_of_unequal_length_are_as_if_alone() -> None:
    clips = [noise(samples, samples) for samples in (16000, 300, 1, 200_000, 16000, 5121)]
    spec = LogMelSpec(n_fft=512, hop_length=200, n_mels=32)
    together = log_mel(clips, 16000, spec)
    assert len(together) == len(clips)
    assert together.values.dtype == np.float32
    assert together.values.flags.c_contiguous
    for i, clip in enumerate(clips):
        alone = log_mel([clip], 16000, spec)
        assert alone.values.shape == (1 + len(clip) // 200, 32)
        np.testing.assert_allclose(together.clip(i), alone.values, rtol=0, atol=1e-4)


def test_silence_is_at_the_floor() -> None:
    values = log_mel([np.zeros(4000, np.float32)], 16000, LogMelSpec()).values
    np.testing.assert_allclose(values, -156.536, atol=1e-3)


def test_reads_clip_by_clip() -> None:
    done = 0

    def progress(clips: int, total: int, what: str) -> None:
        nonlocal done
        assert clips <= total
        assert what == "clip"
        done = clips

    def clips() -> Iterator[np.ndarray]:
        for index in range(20):
            assert index - done <= 1, "a clip was asked for long before it was needed"
            yield noise(160_000, index)

    assert len(log_mel(clips(), 16000, LogMelSpec(), progress=progress)) == 20
    assert done == 20


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("index", [0, 2, 4])
def test_names_the_clip_that_is_not_finite(bad: float, index: int) -> None:
    clips = [noise(500, i) for i in range(5)]
    clips[index][499] = bad
    with pytest.raises(DataError, match=f"clip {index} holds NaN"):
        log_mel(clips, 16000, SMALL)


@pytest.mark.parametrize(
    ("clips", "message"),
    [
        ([], "no clip"),
        ([np.zeros(10, np.float32), np.zeros(0, np.float32)], "clip 1 has shape"),
        ([np.zeros((10, 2), np.float32)], "clip 0 has shape"),
    ],
)
def test_refuses_what_is_not_a_clip(clips: list[np.ndarray], message: str) -> None:
    with pytest.raises(DataError, match=message):
        log_mel(clips, 16000, SMALL)


@pytest.mark.parametrize("spec", [LogMelSpec(fmax=8001.0), LogMelSpec(fmin=9000.0)])
def test_refuses_bands_above_half_the_sample_rate(spec: LogMelSpec) -> None:
    with pytest.raises(DataError, match="sample rate of 16000 Hz"):
        log_mel([noise(2000)], 16000, spec)


@pytest.mark.parametrize(
    "wrong",
    [
        {"n_fft": 0},
        {"n_fft": 1023},
        {"hop_length": 0},
        {"n_mels": 0},
        {"fmin": -1.0},
        {"fmin": float("nan")},
        {"fmin": 100.0, "fmax": 100.0},
        {"power": 0.0},
    ],
)
def test_specification_is_checked(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(reversed(wrong))):
        LogMelSpec(**wrong)


def test_equal_specifications_have_one_canonical_form() -> None:
    text = [json.dumps(spec.canonical()) for spec in (LogMelSpec(fmax=8000), LogMelSpec(fmax=8e3))]
    assert text[0] == text[1]
    assert len({LogMelSpec(), LogMelSpec(n_fft=1024), LogMelSpec(n_fft=2048)}) == 2


def test_windows_are_a_view_and_cross_no_border() -> None:
    frames = ragged(6, 2, 3, 0, 5)
    windows = frames.windows(3)
    assert np.shares_memory(windows.view, frames.values)
    assert windows.view.shape == (14, 9)
    assert windows.starts.tolist() == [0, 1, 2, 3, 8, 11, 12, 13]
    assert windows.clip.tolist() == [0, 0, 0, 0, 2, 4, 4, 4]
    for start, clip in zip(windows.starts, windows.clip, strict=True):
        begin = start - frames.offsets[clip]
        expected = frames.clip(int(clip))[begin : begin + 3].ravel()
        np.testing.assert_array_equal(windows.view[start], expected)


@pytest.mark.parametrize(("hop", "expected"), [(2, [0, 2, 8, 11, 13]), (7, [0, 8, 11])])
def test_windows_hop_restarts_in_each_clip(hop: int, expected: list[int]) -> None:
    assert ragged(6, 2, 3, 0, 5).windows(3, hop).starts.tolist() == expected


def test_no_windows_in_clips_that_are_too_short() -> None:
    windows = ragged(2, 1).windows(4)
    assert windows.view.shape == (0, 12)
    assert len(windows.starts) == len(windows.clip) == 0


def test_consecutive_clips_are_taken_without_a_copy() -> None:
    frames = ragged(4, 2, 5, 1)
    taken = frames.take([1, 2])
    assert np.shares_memory(taken.values, frames.values)
    assert taken.offsets.tolist() == [0, 2, 7]
    np.testing.assert_array_equal(taken.values, frames.values[4:11])


@pytest.mark.parametrize("indices", [[3, 0], [1, 1], [2, 3, 0, 1], [-1, 0], []])
def test_clips_are_taken_in_the_order_asked_for(indices: list[int]) -> None:
    frames = ragged(4, 2, 5, 1)
    taken = frames.take(indices)
    assert len(taken) == len(indices)
    for position, index in enumerate(indices):
        np.testing.assert_array_equal(taken.clip(position), frames.clip(index))


def test_taking_an_unknown_clip_fails() -> None:
    with pytest.raises(IndexError):
        ragged(4, 2).take([2])
    with pytest.raises(IndexError):
        ragged(4, 2).clip(2)


def test_saved_frames_come_back_memory_mapped(tmp_path: Path) -> None:
    frames = ragged(4, 2, 5)
    frames.save(tmp_path)
    loaded = Frames.load(tmp_path)
    assert isinstance(loaded.values, np.memmap)
    assert not loaded.values.flags.writeable
    np.testing.assert_array_equal(loaded.values, frames.values)
    np.testing.assert_array_equal(loaded.offsets, frames.offsets)
    assert np.shares_memory(loaded.windows(2).view, loaded.values)


@pytest.mark.parametrize(
    ("values", "offsets"),
    [
        (np.zeros((3, 2), np.float64), [0, 3]),
        (np.zeros((2, 3), np.float32).T, [0, 3]),
        (np.zeros((3, 2), np.float32), [0, 2]),
        (np.zeros((3, 2), np.float32), [0, 3, 2, 3]),
    ],
)
def test_malformed_frames_are_refused(values: np.ndarray, offsets: list[int]) -> None:
    with pytest.raises(ValueError):
        Frames(values, np.asarray(offsets, dtype=np.int64))
