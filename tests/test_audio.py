from __future__ import annotations

import hashlib
import struct
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from asdbench.audio import (
    MAX_SAMPLES,
    AudioFormat,
    file_digest,
    probe,
    read_audio,
    resample,
    write_wav,
)
from asdbench.errors import BadClipError, DataError

DEFAULT = AudioFormat()
CODES = np.random.default_rng(1).integers(-20000, 20000, 16000).astype("<i2")
"""One second of 16-bit noise."""


def wav_bytes(
    body: bytes = CODES.tobytes(),
    *,
    data_size: int | None = None,
    riff_size: int | None = None,
    before: bytes = b"",
    after: bytes = b"",
) -> bytes:
    size = len(body) if data_size is None else data_size
    fmt = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, 16000, 32000, 2, 16)
    chunks = b"WAVE" + before + fmt + b"data" + struct.pack("<I", size) + body + after
    total = len(chunks) if riff_size is None else riff_size
    return b"RIFF" + struct.pack("<I", total) + chunks


def refusal(path: Path, audio_format: AudioFormat = DEFAULT) -> BadClipError:
    with pytest.raises(BadClipError) as caught:
        read_audio(path, audio_format)
    assert str(path) in caught.value.message
    assert caught.value.hint
    return caught.value


@pytest.fixture
def put(tmp_path: Path) -> Callable[[bytes], Path]:
    def write(content: bytes) -> Path:
        path = tmp_path / "clip.wav"
        path.write_bytes(content)
        return path

    return write


@pytest.mark.parametrize(
    ("subtype", "step"),
    [
        ("PCM_U8", 2**-7),
        ("PCM_16", 2**-15),
        ("PCM_24", 2**-23),
        ("PCM_32", 2**-24),
        ("FLOAT", 0.0),
        ("DOUBLE", 0.0),
    ],
)
def test_reads_every_linear_format(tmp_path: Path, subtype: str, step: float) -> None:
    audio = (0.9 * np.sin(np.arange(8000) / 7.0)).astype(np.float32)
    soundfile.write(tmp_path / "a.wav", audio, 16000, subtype=subtype)
    read = read_audio(tmp_path / "a.wav", DEFAULT)
    assert read.dtype == np.float32
    assert read.shape == (8000,)
    assert np.abs(read - audio).max() <= step
    assert probe(tmp_path / "a.wav").subtype == subtype


@pytest.mark.parametrize("container", ["WAVEX", "RF64", "FLAC"])
def test_reads_other_containers(tmp_path: Path, container: str) -> None:
    soundfile.write(tmp_path / "a", CODES, 16000, format=container, subtype="PCM_16")
    assert np.array_equal(read_audio(tmp_path / "a", DEFAULT) * 32768, CODES)


def test_takes_the_channel_that_is_asked_for(tmp_path: Path) -> None:
    channels = np.random.default_rng(2).integers(-9000, 9000, (4000, 8)).astype(np.int16)
    soundfile.write(tmp_path / "a.wav", channels, 16000)
    for channel in range(8):
        read = read_audio(tmp_path / "a.wav", AudioFormat(channel=channel))
        assert np.array_equal(read * 32768, channels[:, channel])
    error = refusal(tmp_path / "a.wav", AudioFormat(channel=8))
    assert "8 channel(s)" in error.message
    assert "0 to 7" in str(error)


def test_decodes_long_multichannel_files_in_blocks(tmp_path: Path) -> None:
    channels = np.random.default_rng(3).integers(-9000, 9000, (300_001, 8)).astype(np.int16)
    soundfile.write(tmp_path / "a.wav", channels, 16000)
    read = read_audio(tmp_path / "a.wav", AudioFormat(channel=3))
    assert np.array_equal(read * 32768, channels[:, 3])


@pytest.mark.parametrize(
    "content",
    [
        wav_bytes(after=b"LIST\x04\0\0\0abcd"),
        wav_bytes(after=b"stray bytes that are no chunk"),
        wav_bytes(after=b"id3 \xff\xff\xff\x7fcut"),
        wav_bytes(before=b"LIST\x03\0\0\0abc\0"),
        wav_bytes(data_size=0xFFFFFFFF, riff_size=0xFFFFFFFF),
        wav_bytes(data_size=0x7FFFF000, riff_size=0x7FFFF024),
        wav_bytes(riff_size=0),
    ],
    ids=["list", "stray", "cut-chunk", "list-before", "ffmpeg-pipe", "sox-pipe", "riff-size-0"],
)
def test_reads_what_lies_around_the_audio(put: Callable[[bytes], Path], content: bytes) -> None:
    assert np.array_equal(read_audio(put(content), DEFAULT) * 32768, CODES)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", ["empty", "0 bytes"]),
        (wav_bytes()[:20], ["damaged", "20 bytes"]),
        (wav_bytes()[:10_044], ["truncated", "32000 bytes", "10000"]),
        (wav_bytes(b"", data_size=0), ["no samples"]),
        (wav_bytes(data_size=0), ["never closed", "32000"]),
        (wav_bytes(bytes(32000)), ["silent", "16000"]),
        (wav_bytes(b"\x10\x00" * 500), ["silent", "0.000488"]),
        (wav_bytes(b"\x10\x00"), ["silent", "all 1 samples"]),
        (b"<html><body>404</body></html>", ["no WAV or FLAC", "<html>"]),
        (b"version https://git-lfs.github.com/spec/v1", ["no WAV or FLAC", "version http"]),
        (b"RIFF\x24\0\0\0AVI LIST", ["no WAV or FLAC"]),
        (wav_bytes(before=b"junk\0\0\0\0" * 5000), ["damaged"]),
        (wav_bytes().replace(b"fmt ", b"xxx "), ["cannot be decoded"]),
        (b"fLaC" + bytes(100), ["cannot be decoded"]),
    ],
)
def test_says_what_is_wrong(put: Callable[[bytes], Path], content: bytes, words: list[str]) -> None:
    message = refusal(put(content)).message
    assert all(word in message for word in words), message


def test_missing_file_and_folder_are_bad_clips(tmp_path: Path) -> None:
    assert "No such file" in refusal(tmp_path / "none.wav").message
    assert "directory" in refusal(tmp_path).message


@pytest.mark.parametrize("subtype", ["FLOAT", "DOUBLE"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_counts_samples_that_are_not_finite(tmp_path: Path, subtype: str, value: float) -> None:
    audio = np.sin(np.arange(1000.0))
    audio[[17, 400]] = value
    soundfile.write(tmp_path / "a.wav", audio, 16000, subtype=subtype)
    assert "2 NaN or infinite samples of 1000, first at 17" in refusal(tmp_path / "a.wav").message


def test_other_rate_is_an_error_unless_resampling_is_allowed(tmp_path: Path) -> None:
    tone = np.sin(2 * np.pi * 440 * np.arange(44100) / 44100).astype(np.float32)
    soundfile.write(tmp_path / "a.wav", tone, 44100, subtype="FLOAT")
    error = refusal(tmp_path / "a.wav")
    assert "44100 Hz" in error.message
    assert "16000 Hz" in error.message
    assert "resample: true" in str(error.hint)
    read = read_audio(tmp_path / "a.wav", AudioFormat(resample=True))
    wanted = np.sin(2 * np.pi * 440 * np.arange(16000) / 16000)
    assert read.shape == (16000,)
    assert read.dtype == np.float32
    assert np.abs(read - wanted)[200:-200].max() < 1e-4


def test_impossible_rates_are_refused_even_when_resampling(put: Callable[[bytes], Path]) -> None:
    for rate in (1, 999, 384_001, 2**31 - 1):
        content = bytearray(wav_bytes())
        content[24:28] = struct.pack("<I", rate)
        assert f"{rate} Hz" in refusal(put(bytes(content)), AudioFormat(resample=True)).message


def test_resampling_that_leaves_nothing_is_refused(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.array([0.5, -0.5]), 384_000)
    assert "too short" in refusal(tmp_path / "a.wav", AudioFormat(1000, resample=True)).message


def test_resampling_that_makes_too_much_is_refused(tmp_path: Path) -> None:
    noise = np.resize(CODES, MAX_SAMPLES // 384 + 1)
    soundfile.write(tmp_path / "a.wav", noise, 1000)
    error = refusal(tmp_path / "a.wav", AudioFormat(384_000, resample=True))
    assert f"longer than {MAX_SAMPLES} samples" in error.message


def test_truncated_file_with_64_bit_sizes(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, CODES, 16000, format="RF64", subtype="PCM_16")
    path.write_bytes(path.read_bytes()[:-1000])
    assert "32000 bytes of audio promised, 31000 there" in refusal(path).message


def test_resample_keeps_the_length_in_time() -> None:
    assert resample(np.ones(48000, dtype=np.float32), 48000, 16000).shape == (16000,)


def test_flac_with_a_cut_or_a_lying_header(tmp_path: Path) -> None:
    path = tmp_path / "a.flac"
    soundfile.write(path, CODES, 16000)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    assert "truncated or damaged" in refusal(path).message
    lying = bytearray(whole)
    lying[21] |= 0x0F  # 36-bit number of samples in STREAMINFO
    lying[22:26] = b"\xff" * 4
    path.write_bytes(lying)
    assert str(MAX_SAMPLES) in refusal(path).message


def test_decoder_that_gives_less_than_the_header_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    soundfile.write(tmp_path / "a.wav", CODES, 16000)
    read = soundfile.SoundFile.read
    monkeypatch.setattr(
        soundfile.SoundFile, "read", lambda *args, **kwargs: read(*args, **kwargs)[:100]
    )
    assert "100 of 16000 samples can be read" in refusal(tmp_path / "a.wav").message


def test_int16_round_trip_is_exact(tmp_path: Path) -> None:
    codes = np.arange(-32768, 32768, dtype=np.int16)
    soundfile.write(tmp_path / "a.wav", codes, 16000)
    write_wav(tmp_path / "b.wav", read_audio(tmp_path / "a.wav", DEFAULT), 16000)
    assert (tmp_path / "b.wav").read_bytes() == (tmp_path / "a.wav").read_bytes()


def test_write_rounds_to_the_nearest_code_and_halves_to_even(tmp_path: Path) -> None:
    steps = np.array([0.5, 1.5, 2.5, -0.5, -1.5, 0.49, 0.51, 32768.0, -32768.0])
    write_wav(tmp_path / "a.wav", (steps / 32768).astype(np.float32), 16000)
    codes, rate = soundfile.read(tmp_path / "a.wav", dtype="int16")
    assert codes.tolist() == [0, 2, 2, 0, -2, 0, 1, 32767, -32768]
    assert rate == 16000


@pytest.mark.parametrize("value", [1.001, -1.001, np.nan, np.inf])
def test_write_refuses_what_it_would_have_to_clip(tmp_path: Path, value: float) -> None:
    audio = np.array([0.0, value], dtype=np.float32)
    with pytest.raises(DataError, match="peaks at"):
        write_wav(tmp_path / "a.wav", audio, 16000)
    assert list(tmp_path.iterdir()) == []


def test_write_refuses_two_dimensions(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="samples"):
        write_wav(tmp_path / "a.wav", np.zeros((2, 8), dtype=np.float32), 16000)


def test_failed_write_leaves_the_old_file_and_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_wav(tmp_path / "a.wav", np.array([0.1, 0.2], dtype=np.float32), 16000)
    before = file_digest(tmp_path / "a.wav")

    def fail(*_args: object, **_kwargs: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(soundfile, "write", fail)
    with pytest.raises(OSError, match="disk full"):
        write_wav(tmp_path / "a.wav", np.array([0.3, 0.4], dtype=np.float32), 16000)
    assert [path.name for path in tmp_path.iterdir()] == ["a.wav"]
    assert file_digest(tmp_path / "a.wav") == before


def test_written_file_may_be_read_by_others(tmp_path: Path) -> None:
    write_wav(tmp_path / "a.wav", np.array([0.1, 0.2], dtype=np.float32), 16000)
    plain = tmp_path / "plain"
    plain.touch()
    assert (tmp_path / "a.wav").stat().st_mode == plain.stat().st_mode


def test_digest_is_sha256(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    assert file_digest(tmp_path / "a") == hashlib.sha256(b"abc").hexdigest()


def test_probe_reads_the_header_only(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.zeros((1234, 2)), 22050, subtype="PCM_24")
    info = probe(tmp_path / "a.wav")
    assert (info.samples, info.sample_rate, info.channels) == (1234, 22050, 2)
    (tmp_path / "b.wav").write_bytes((tmp_path / "a.wav").read_bytes()[:-100])
    with pytest.raises(BadClipError, match="truncated"):
        probe(tmp_path / "b.wav")


SMALL = wav_bytes(CODES[:64].tobytes(), after=b"LIST\x04\0\0\0abcd")


@settings(
    max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.lists(st.tuples(st.integers(0, len(SMALL) - 1), st.integers(0, 255)), max_size=6),
    st.integers(0, len(SMALL)),
    st.booleans(),
)
def test_damaged_headers_give_audio_or_a_refusal(
    tmp_path: Path, changes: list[tuple[int, int]], length: int, resampled: bool
) -> None:
    content = bytearray(SMALL)
    for at, value in changes:
        content[at] = value
    path = tmp_path / "fuzzed.wav"
    path.write_bytes(content[:length] if length > 60 else content)
    tracemalloc.start()
    try:
        audio = read_audio(path, AudioFormat(resample=resampled))
    except BadClipError:
        audio = np.array([0.0, 1.0], dtype=np.float32)
    finally:
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert peak < 20e6
    assert np.isfinite(audio).all()
    assert audio.max() > audio.min() or resampled


@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.sampled_from([b"", b"fLaC", b"RIFF\x40\0\0\0WAVE", b"RF64\xff\xff\xff\xffWAVEds64"]),
    st.binary(max_size=300),
)
def test_random_bytes_are_refused(tmp_path: Path, magic: bytes, content: bytes) -> None:
    path = tmp_path / "random.wav"
    path.write_bytes(magic + content)
    with pytest.raises(BadClipError):
        read_audio(path, DEFAULT)


@pytest.mark.shared
def test_reads_all_real_clips(shared: Path) -> None:
    paths = sorted((shared / "data").rglob("*.wav"))
    assert len(paths) == 105
    for path in paths:
        info, audio = probe(path), read_audio(path, DEFAULT)
        assert info.sample_rate == 16000
        assert info.channels == (8 if path.parent.name == "eight_channel" else 1)
        assert audio.shape == (info.samples,)
        assert 9 <= audio.size / 16000 <= 18.1
        expected, _ = soundfile.read(path, dtype="int16", always_2d=True)
        assert np.array_equal(audio * 32768, expected[:, 0])
