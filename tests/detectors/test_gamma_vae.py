from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from asdbench.api import Condition, Context, SupportsEmbedding
from asdbench.clips import ClipPool
from asdbench.detectors.gamma_vae import GammaVAE, GammaVAEParams
from asdbench.errors import AsdbenchError, DataError, PluginError
from asdbench.features import LogMelSpec

RATE = 8000
FAST: dict[str, Any] = {
    "n_fft": 256,
    "hop_length": 128,
    "n_mels": 16,
    "epochs": 4,
    "batch_size": 64,
    "learning_rate": 5e-3,
}


def hum(seed: int, samples: int = RATE // 2, gain: float = 1.0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    time = np.arange(samples) / RATE
    tone = np.sin(2 * np.pi * rng.uniform(190, 210) * time + rng.uniform(0, 6))
    return (gain * 0.05 * (tone + rng.standard_normal(samples))).astype(np.float32)


def pool(clips: list[np.ndarray], targets: int = 0) -> ClipPool:
    """Return a pool whose last ``targets`` clips are of the target domain."""
    domains = ["source"] * (len(clips) - targets) + ["target"] * targets
    return ClipPool.from_arrays(clips, RATE, [Condition("fan", "00", d) for d in domains])


def normals(count: int = 16, targets: int = 3) -> ClipPool:
    return pool([hum(seed) for seed in range(count)], targets)


def fitted(tmp_path: Path, train: ClipPool | None = None, seed: int = 1, **params: Any) -> GammaVAE:
    detector = GammaVAE(GammaVAEParams(**(FAST | params)))
    detector.fit(train or normals(), Context(seed, tmp_path))
    return detector


def with_score(detector: GammaVAE, score: str, folder: Path) -> GammaVAE:
    folder.mkdir()
    detector.save(folder)
    params = detector.params.model_copy(update={"score": score})
    return GammaVAE.load(folder, params, Context(0, folder))


def test_it_is_trained_as_the_baseline() -> None:
    assert GammaVAE.info.score_params == {"score"}
    params = GammaVAEParams()
    assert params.log_mel() == LogMelSpec()
    settings = params.settings()
    assert (settings.learning_rate, settings.batch_size, settings.epochs) == (1e-3, 256, 100)
    assert (settings.validation, settings.init, settings.bn_eps) == ("vectors", "torch", 1e-3)
    assert GammaVAEParams(fmin=50, fmax=3000).log_mel() == LogMelSpec(fmin=50, fmax=3000)
    for wrong in ({"epochs": 0}, {"score": "kl"}, {"heads": "softmax"}, {"n_fft": 1023}):
        with pytest.raises(ValidationError):
            GammaVAEParams(**wrong)
    properties = GammaVAEParams.model_json_schema()["properties"]
    assert all(field.get("description") for field in properties.values())


@pytest.mark.parametrize("paper", [False, True])
def test_planted_anomalies_rank_above_normals(tmp_path: Path, paper: bool) -> None:
    detector = fitted(tmp_path, paper=paper, epochs=30, batch_size=32)
    clips = [hum(100 + i) for i in range(8)] + [hum(200 + i, gain=6.0) for i in range(4)]
    for score in ("mse", "mahalanobis"):
        ready = with_score(detector, score, tmp_path / score)
        scores = ready.score(pool(clips), Context(0, tmp_path))
        assert scores.dtype == np.float64
        assert scores.shape == (12,)
        assert scores[8:].min() > scores[:8].max()
        assert ready.decide(scores)[8:].all()


def test_paper_is_another_model(tmp_path: Path) -> None:
    scores = [
        fitted(tmp_path, paper=paper).score(normals(3), Context(0, tmp_path))
        for paper in (False, True)
    ]
    assert not np.isclose(*scores).any()


def test_scores_are_deterministic_and_of_the_clip_alone(tmp_path: Path) -> None:
    detector = fitted(tmp_path)
    clips = pool([hum(50 + i, samples=2000 + 517 * i) for i in range(7)])
    together = detector.score(clips, Context(0, tmp_path))
    order = [5, 0, 6, 2]
    alone = detector.score(clips.subset(order), Context(9, tmp_path))
    assert alone.tolist() == together[order].tolist()
    assert detector.score(clips.subset([]), Context(0, tmp_path)).shape == (0,)


def test_same_seed_same_scores_and_no_global_randomness(tmp_path: Path) -> None:
    clips = normals(4)
    state = torch.get_rng_state()
    scores = [
        fitted(tmp_path, seed=seed).score(clips, Context(0, tmp_path)) for seed in (3, 3, 2**64 - 1)
    ]
    assert torch.equal(torch.get_rng_state(), state)
    assert scores[0].tolist() == scores[1].tolist()
    assert not np.array_equal(scores[0], scores[2])


def test_saved_detector_scores_bit_for_bit(tmp_path: Path) -> None:
    detector = fitted(tmp_path, pool([hum(i) for i in range(8)]), paper=True)
    loaded = with_score(detector, "mse", tmp_path / "model")
    clips = normals(5)
    scores = detector.score(clips, Context(0, tmp_path))
    assert loaded.score(clips, Context(0, tmp_path)).tolist() == scores.tolist()
    assert loaded.decide(scores).tolist() == detector.decide(scores).tolist()
    rows = [d.embed(clips, Context(0, tmp_path)).rows.tolist() for d in (detector, loaded)]
    assert rows[0] == rows[1]


def test_embedding_is_the_mean_of_posterior_means(tmp_path: Path) -> None:
    detector = fitted(tmp_path)
    assert isinstance(detector, SupportsEmbedding)
    clips = pool([hum(1), hum(2, samples=3001)])
    embedded = detector.embed(clips, Context(0, tmp_path))
    assert embedded.clip.tolist() == [0, 1]
    windows = clips.features(detector.params.log_mel()).windows(5)
    for clip in range(2):
        x = torch.from_numpy(windows.view[windows.starts[windows.clip == clip]])
        with torch.no_grad():
            expected = detector._fitted.network.encode(x).mean().mean(0)
        np.testing.assert_allclose(embedded.rows[clip], expected, rtol=1e-4)


def test_what_cannot_be_done_is_an_error_that_names_the_detector(tmp_path: Path) -> None:
    with pytest.raises(AsdbenchError, match=r"gamma-vae: the loss is not finite after epoch"):
        fitted(tmp_path, learning_rate=1e30, epochs=30)
    with pytest.raises(DataError, match="gamma-vae: 1 of 3 clips are too short"):
        fitted(tmp_path, pool([hum(0), hum(1, samples=500), hum(2)]))
    with pytest.raises(PluginError, match="gamma-vae is not fitted"):
        GammaVAE(GammaVAEParams()).score(normals(3), Context(0, tmp_path))


def test_silent_training_clips_give_finite_scores(tmp_path: Path) -> None:
    silent = pool([np.zeros(4000, np.float32)] * 6, 1)
    detector = fitted(tmp_path, silent)
    for score in ("mse", "mahalanobis"):
        ready = with_score(detector, score, tmp_path / score)
        scores = ready.score(pool([np.zeros(4000, np.float32), hum(1)]), Context(0, tmp_path))
        assert np.isfinite(scores).all()
        assert np.isfinite(ready._fitted.thresholds[score].value)
