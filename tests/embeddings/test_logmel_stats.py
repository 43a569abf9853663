from __future__ import annotations

import numpy as np
import pytest

from asdbench.api import Condition, Context
from asdbench.clips import ClipPool
from asdbench.embeddings.logmel_stats import LogMelStats
from asdbench.features import LogMelSpec, log_mel
from asdbench.registry import find, plugins


def pool(*audio: np.ndarray, rate: int = 16000) -> ClipPool:
    clips = [one.astype(np.float32) for one in audio]
    return ClipPool.from_arrays(clips, rate, [Condition("fan", "00")] * len(clips))


def test_statistics_of_averaged_bands(context: Context) -> None:
    rng = np.random.default_rng(0)
    audio = [rng.standard_normal(n) * 0.1 for n in (16000, 9000)]
    found = LogMelStats(LogMelStats.info.params()).embed(pool(*audio), context)
    assert found.rows.shape == (2, 96)
    assert found.rows.dtype == np.float64
    assert found.clip.tolist() == [0, 1]
    for row, clip in zip(found.rows, audio, strict=True):
        frames = log_mel([clip.astype(np.float32)], 16000, LogMelSpec()).values.astype(np.float64)
        bands = np.stack([frames[:, 4 * b : 4 * b + 4].mean(axis=1) for b in range(32)], axis=1)
        wanted = [bands.mean(axis=0), bands.std(axis=0), np.diff(bands, axis=0).std(axis=0)]
        np.testing.assert_allclose(row, np.concatenate(wanted), rtol=1e-6)


def test_a_gain_moves_the_means_and_nothing_else(context: Context) -> None:
    audio = np.random.default_rng(1).standard_normal(16000) * 0.1
    soft, loud = LogMelStats(None).embed(pool(audio, 2.0 * audio), context).rows
    assert loud[:32] - soft[:32] == pytest.approx(np.full(32, 20 * np.log10(2.0)), abs=1e-3)
    np.testing.assert_allclose(loud[32:], soft[32:], atol=1e-3)


def test_a_clip_of_one_frame_has_finite_vectors(context: Context) -> None:
    found = LogMelStats(None).embed(pool(np.full(100, 0.1)), context)
    assert np.isfinite(found.rows).all()
    assert (found.rows[0, 32:] == 0.0).all()


def test_digest_names_the_settings_and_nothing_is_refused() -> None:
    embedding = LogMelStats(None)
    assert len(embedding.digest()) == 64
    assert embedding.digest() == LogMelStats(None).digest()
    assert embedding.refuses() is None


def test_built_in_embeddings_are_plugins() -> None:
    known = {ref.id for ref in plugins("embeddings")}
    assert {"ast", "clap", "logmel-stats", "passt", "vggish"} <= known
    assert find("embeddings", "logmel-stats").load() is LogMelStats
    for name in known:
        assert find("embeddings", name).load().info.id == name
