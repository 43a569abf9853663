"""Read and write audio files, and say precisely what is wrong with those that cannot be used.

WAV (PCM 8 to 32 bit, float, any number of channels, RF64) and FLAC are read through libsndfile.
Of WAV files the chunks are walked first, because libsndfile silently shortens a truncated file:

- the data chunk must be as long as its header says; what follows it (LIST and other chunks,
  stray bytes) is ignored;
- a data size from 0x7FFFF000 on is what tools write that stream to a pipe and cannot know it
  (SoX 0x7FFFF000, ffmpeg 0xFFFFFFFF): everything to the end of the file is audio;
- a data size of 0 with bytes behind it is a recording that was never closed: it is refused.

No file makes :func:`read_audio` take more memory than :data:`MAX_SAMPLES` samples a channel.
"""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NoReturn

import numpy as np
import soundfile

from asdbench.api import Audio
from asdbench.errors import BadClipError, DataError

MAX_SAMPLES = 2**26
"""Longest clip, samples: 70 minutes at 16 kHz."""
SAMPLE_RATES = (1_000, 384_000)
"""Lowest and highest sample rate, Hz."""

_BLOCK = 2**20  # samples decoded at a time, all channels together
_MAX_CHUNKS = 4096
_STREAMED = 0x7FFFF000
_RESTORE = "Restore it from where the data came from, or set `on_bad_clip: skip` in the suite."


@dataclass(frozen=True)
class AudioFormat:
    """How audio files are read; the suite's ``audio:``."""

    sample_rate: int = 16000
    """Of the benchmark, Hz."""
    channel: int = 0
    """Taken from files with several."""
    resample: bool = False
    """Whether a file of another rate is resampled; otherwise it is an error."""


@dataclass(frozen=True)
class AudioInfo:
    """What the header of an audio file says."""

    samples: int
    """A channel."""
    sample_rate: int
    """Hz."""
    channels: int
    subtype: str
    """As libsndfile names it, e.g. ``PCM_16``."""


def probe(path: Path) -> AudioInfo:
    """Return what the header of ``path`` says, without decoding the audio.

    Raises
    ------
    BadClipError
        When the file is missing, empty, truncated or no audio.
    """
    _check_container(path)
    with _opened(path) as file:
        return AudioInfo(file.frames, file.samplerate, file.channels, file.subtype)


def read_audio(path: Path, audio_format: AudioFormat) -> Audio:
    """Return one channel of ``path`` as float32 (samples,), full scale 1.0.

    Integer samples are divided by 2**(bits-1). Other rates are converted with soxr (HQ).

    Raises
    ------
    BadClipError
        When the file is missing, no audio, empty, truncated, silent (all samples equal), longer
        than :data:`MAX_SAMPLES`, has NaN or infinite samples, another sample rate (unless
        ``audio_format.resample``) or no such channel.
    """
    _check_container(path)
    with _opened(path) as file:
        rate, declared = file.samplerate, file.frames
        _check_header(path, file, audio_format)
        audio = _decode(path, file, audio_format.channel)
    if declared == 0:
        _refuse(path, "holds no samples")
    if audio.size < declared:  # some versions of libsndfile report no error
        _refuse(path, f"is truncated: {audio.size} of {declared} samples can be read")
    low, high = audio.min(), audio.max()
    if not np.isfinite([low, high]).all():
        bad = np.flatnonzero(~np.isfinite(audio))
        _refuse(path, f"has {bad.size} NaN or infinite samples of {audio.size}, first at {bad[0]}")
    if low == high:
        _refuse(path, f"is silent: all {audio.size} samples are {audio[0]:g}")
    if rate == audio_format.sample_rate:
        return audio
    if audio.size * audio_format.sample_rate // rate > MAX_SAMPLES:
        _refuse(path, f"is longer than {MAX_SAMPLES} samples", "Cut it into shorter clips.")
    audio = resample(audio, rate, audio_format.sample_rate)
    if audio.size == 0:
        _refuse(path, f"is too short to be resampled to {audio_format.sample_rate} Hz")
    return audio


def resample(audio: Audio, rate: int, wanted: int) -> Audio:
    """Return ``audio`` (samples,) at ``wanted`` Hz instead of ``rate`` Hz, with soxr (HQ)."""
    import soxr

    return np.asarray(soxr.resample(audio, rate, wanted, quality="HQ"), dtype=np.float32)


def write_wav(path: Path, audio: Audio, sample_rate: int) -> None:
    """Write mono ``audio`` (samples,) as 16-bit PCM; ``path`` is whole or absent at any moment.

    A sample ``x`` becomes ``round(32768 x)``, halves to even, so that what :func:`read_audio`
    returns for a 16-bit file is written back bit by bit. 1.0 itself becomes 32767.

    Raises
    ------
    DataError
        When ``audio`` is not one-dimensional, or a sample is not finite or beyond full scale:
        nothing is clipped.
    """
    if audio.ndim != 1:
        raise DataError(f"{path} not written: audio must be (samples,), not {audio.shape}")
    peak = float(np.max(np.abs(audio), initial=0.0))
    if not peak <= 1.0:
        raise DataError(
            f"{path} not written: the audio peaks at {peak:.6g}, full scale is 1.0",
            "Scale it down before it is written.",
        )
    scaled = np.rint(audio.astype(np.float64) * 32768.0)
    samples = np.minimum(scaled, 32767.0).astype(np.int16)
    # Not mkstemp: its files are for the owner's eyes only, and stay so when renamed.
    part = path.with_name(f".{path.name}.{secrets.token_hex(8)}.part")
    try:
        soundfile.write(part, samples, sample_rate, format="WAV", subtype="PCM_16")
        os.replace(part, path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def file_digest(path: Path) -> str:
    """Return the SHA-256 of the bytes of ``path``, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _refuse(path: Path, problem: str, hint: str = _RESTORE) -> NoReturn:
    raise BadClipError(f"{path} {problem}", hint)


@contextmanager
def _opened(path: Path) -> Iterator[soundfile.SoundFile]:
    try:
        file = soundfile.SoundFile(path)
    except (soundfile.LibsndfileError, OSError) as error:
        reason = getattr(error, "error_string", str(error))
        _refuse(path, f"cannot be decoded as audio: {reason}")
    with file:
        yield file


def _check_container(path: Path) -> None:
    """Refuse what is neither WAV nor FLAC, and WAV files shorter than their header says."""
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            head = file.read(12)
            if size == 0:
                _refuse(path, "is empty: 0 bytes")
            if head[:4] in (b"RIFF", b"RF64") and head[8:12] == b"WAVE":
                _check_chunks(path, file, size)
            elif head[:4] != b"fLaC":
                _refuse(path, f"is no WAV or FLAC file: it begins with {head!r}")
    except OSError as error:
        _refuse(path, f"cannot be read: {error.strerror}")


def _check_chunks(path: Path, file: BinaryIO, size: int) -> None:
    """Walk the chunks up to ``data`` and compare its length with what is there."""
    long_data = None
    for _ in range(_MAX_CHUNKS):
        header = file.read(8)
        if len(header) < 8:
            break
        name, length = header[:4], int.from_bytes(header[4:], "little")
        start = file.tell()
        if name == b"ds64":
            long_data = int.from_bytes(file.read(16)[8:16], "little")
        elif name == b"data":
            there = size - start
            if length >= _STREAMED:
                length = there if long_data is None else long_data
            if length == 0 and there > 1:
                _refuse(path, f"was never closed: its header says 0 bytes of audio, {there} follow")
            if length > there:
                _refuse(path, f"is truncated: {length} bytes of audio promised, {there} there")
            return
        file.seek(start + length + length % 2)
    _refuse(path, f"is truncated or damaged: a WAV header without audio in {size} bytes")


def _check_header(path: Path, file: soundfile.SoundFile, audio_format: AudioFormat) -> None:
    if audio_format.channel >= file.channels:
        _refuse(
            path,
            f"has {file.channels} channel(s), so there is no channel {audio_format.channel}",
            f"Set `audio: {{channel: N}}` in the suite, N from 0 to {file.channels - 1}.",
        )
    if file.frames > MAX_SAMPLES:
        # Also what libsndfile reports for FLAC files without a length.
        _refuse(
            path,
            f"claims {file.frames} samples; at most {MAX_SAMPLES} are read",
            "Cut it into shorter clips, or restore it if the header is damaged.",
        )
    rate, wanted = file.samplerate, audio_format.sample_rate
    if rate == wanted:
        return
    low, high = SAMPLE_RATES
    if not low <= rate <= high:
        _refuse(path, f"claims a sample rate of {rate} Hz; {low} to {high} Hz can be read")
    if not audio_format.resample:
        _refuse(
            path,
            f"is sampled at {rate} Hz, the suite wants {wanted} Hz",
            "Set `audio: {resample: true}` in the suite to convert it, "
            f"`audio: {{sample_rate: {rate}}}` if all clips have that rate, "
            "or `on_bad_clip: skip`.",
        )


def _decode(path: Path, file: soundfile.SoundFile, channel: int) -> Audio:
    """Decode in blocks, so that the other channels never take much memory."""
    blocks = []
    frames = max(1, _BLOCK // file.channels)
    while True:
        try:
            block = file.read(frames, dtype="float32", always_2d=True)[:, channel]
        except (soundfile.LibsndfileError, RuntimeError) as error:
            _refuse(path, f"is truncated or damaged: {error}")
        blocks.append(np.ascontiguousarray(block))
        if block.size < frames:
            return blocks[0] if len(blocks) == 1 else np.concatenate(blocks)
