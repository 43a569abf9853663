"""Latents are encoded once, go on after an interruption, and belong to their codec."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tiny_diffusion
import torch
from tiny_diffusion import RATE, SAMPLES, clip_pool

from asdbench.api import no_progress
from asdbench.clips import ClipPool
from asdbench.errors import DataError
from asdbench.generators.mimii_gen.latent_cache import LatentSet, encode_clips
from asdbench.generators.mimii_gen.mel_codec import MelCodec

UNEQUAL = (SAMPLES, 6000, SAMPLES + 700)


class Counting(MelCodec):
    """Counts the clips that it encodes, and may be stopped."""

    def __init__(self, stop_after: int = 10**9, hop: int = 512) -> None:
        super().__init__(RATE, hop=hop)
        self.encoded = 0
        self._stop_after = stop_after

    def encode(self, audio: torch.Tensor) -> torch.Tensor:
        if self.encoded + len(audio) > self._stop_after:
            raise KeyboardInterrupt
        self.encoded += len(audio)
        return super().encode(audio)


def encode(folder: Path, pool: ClipPool, codec: MelCodec | None = None) -> LatentSet:
    return encode_clips(pool, codec or MelCodec(RATE), folder, no_progress, "training")


def bytes_of(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}


@pytest.mark.parametrize("lengths", [(SAMPLES,), UNEQUAL])
def test_latents_are_those_of_the_codec(tmp_path: Path, lengths: Sequence[int]) -> None:
    pool = clip_pool(11, lengths)
    found = encode(tmp_path, pool)
    assert len(found) == 11
    for index in range(11):
        wanted = MelCodec(RATE).encode(torch.from_numpy(pool.audio(index))[None])[0]
        clip = found.clip(index)
        assert clip.shape == wanted.shape == (128, 1 + len(pool.audio(index)) // 512)
        assert clip.dtype == torch.float32
        torch.testing.assert_close(clip, wanted, atol=0.05, rtol=1e-3)  # float16
    assert list(found.conditions) == list(pool.conditions)
    assert list(found.labels) == list(pool.labels)


def test_every_clip_has_its_digest_and_level(tmp_path: Path) -> None:
    pool = clip_pool(3)
    found = encode(tmp_path, pool)
    for index in range(3):
        wave = pool.audio(index)
        assert found.digests[index] == hashlib.sha256(wave.astype("<f4").tobytes()).hexdigest()
        level = 10 * np.log10(np.mean(wave.astype(np.float64) ** 2))
        assert found.levels_db[index] == pytest.approx(level, abs=1e-3)


def test_a_second_call_encodes_nothing(tmp_path: Path) -> None:
    first = encode(tmp_path, clip_pool())
    codec = Counting()
    again = encode(tmp_path, clip_pool(), codec)
    assert codec.encoded == 0
    np.testing.assert_array_equal(again.values, first.values)
    np.testing.assert_array_equal(again.levels_db, first.levels_db)
    assert again.digests == first.digests


@pytest.mark.parametrize("lengths", [(SAMPLES // 8,), tuple(n // 8 for n in UNEQUAL)])
@pytest.mark.parametrize("stop_after", [0, 3, 8, 200, 207, 216, 220])
def test_an_interrupted_call_goes_on_to_the_same_bytes(
    tmp_path: Path, stop_after: int, lengths: Sequence[int]
) -> None:
    pool = clip_pool(223, lengths)
    encode(tmp_path / "straight", pool)
    with pytest.raises(KeyboardInterrupt):
        encode(tmp_path / "broken", pool, Counting(stop_after))
    codec = Counting()
    encode(tmp_path / "broken", pool, codec)
    assert bytes_of(tmp_path / "broken") == bytes_of(tmp_path / "straight")
    assert codec.encoded == (223 if stop_after < 200 else 23)


def test_killed_while_the_index_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from asdbench.generators.mimii_gen import latent_cache

    def dying(*_: object) -> None:
        raise KeyboardInterrupt

    encode(tmp_path / "straight", clip_pool())
    with monkeypatch.context() as patch:
        patch.setattr(latent_cache.os, "replace", dying)
        with pytest.raises(KeyboardInterrupt):
            encode(tmp_path / "broken", clip_pool())
    encode(tmp_path / "broken", clip_pool())
    assert bytes_of(tmp_path / "broken") == bytes_of(tmp_path / "straight")


def test_another_codec_encodes_anew(tmp_path: Path) -> None:
    encode(tmp_path / "one", clip_pool())
    codec = Counting(hop=256)
    finer = encode(tmp_path / "one", clip_pool(), codec)
    assert codec.encoded == 12
    assert finer.clip(0).shape == (128, 32)
    encode(tmp_path / "other", clip_pool(), Counting(hop=256))
    assert bytes_of(tmp_path / "one") == bytes_of(tmp_path / "other")


def test_a_codec_that_was_stopped_leaves_nothing_to_the_one_before(tmp_path: Path) -> None:
    encode(tmp_path / "straight", clip_pool())
    encode(tmp_path / "broken", clip_pool())
    with pytest.raises(KeyboardInterrupt):
        encode(tmp_path / "broken", clip_pool(), Counting(8, hop=256))
    encode(tmp_path / "broken", clip_pool())
    assert bytes_of(tmp_path / "broken") == bytes_of(tmp_path / "straight")


def test_another_number_of_clips_encodes_anew(tmp_path: Path) -> None:
    encode(tmp_path, clip_pool(12))
    codec = Counting()
    assert len(encode(tmp_path, clip_pool(5), codec)) == 5
    assert codec.encoded == 5


def test_some_of_the_clips_can_be_taken(tmp_path: Path) -> None:
    found = encode(tmp_path, clip_pool(6, UNEQUAL))
    some = found.take([4, 1])
    assert torch.equal(some.clip(0), found.clip(4))
    assert torch.equal(some.clip(1), found.clip(1))
    assert some.labels == (found.labels[4], found.labels[1])
    assert some.digests == (found.digests[4], found.digests[1])
    assert len(found.take([])) == 0


def test_clips_are_brought_to_the_rate_of_the_codec(tmp_path: Path) -> None:
    pool = replace(clip_pool(2), sample_rate=8000)  # the same samples, twice as long
    assert encode(tmp_path, pool).clip(0).shape == (128, 1 + 2 * SAMPLES // 512)


def test_no_clip_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no training clip"):
        encode(tmp_path, tiny_diffusion.clip_pool(0))
