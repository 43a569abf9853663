from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from asdbench.api import Condition, Context, SupportsEmbedding
from asdbench.clips import ClipPool
from asdbench.detectors.dcase_ae import DCASEAutoencoder, DCASEAutoencoderParams
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
TRAINED: dict[str, Any] = {"epochs": 40, "batch_size": 32}
"""Enough steps for the running statistics to settle."""


def hum(seed: int, samples: int = RATE // 2, gain: float = 1.0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    time = np.arange(samples) / RATE
    tone = np.sin(2 * np.pi * rng.uniform(190, 210) * time + rng.uniform(0, 6))
    return (gain * 0.05 * (tone + rng.standard_normal(samples))).astype(np.float32)


def pool(clips: list[np.ndarray], targets: int = 0) -> ClipPool:
    """Return a pool whose last ``targets`` clips are of the target domain."""
    domains = ["source"] * (len(clips) - targets) + ["target"] * targets
    return ClipPool.from_arrays(clips, RATE, [Condition("fan", "00", d) for d in domains])


def normals(count: int = 24, targets: int = 4) -> ClipPool:
    return pool([hum(seed) for seed in range(count)], targets)


def fitted(tmp_path: Path, train: ClipPool | None = None, seed: int = 1, **params: Any):
    detector = DCASEAutoencoder(DCASEAutoencoderParams(**(FAST | params)))
    detector.fit(train or normals(), Context(seed, tmp_path))
    return detector


def with_score(detector: DCASEAutoencoder, score: str, folder: Path) -> DCASEAutoencoder:
    folder.mkdir()
    detector.save(folder)
    params = detector.params.model_copy(update={"score": score})
    return DCASEAutoencoder.load(folder, params, Context(0, folder))


def test_fit_shares_between_scores_are_declared() -> None:
    assert DCASEAutoencoder.info.id == "dcase-ae"
    assert DCASEAutoencoder.info.score_params == {"score"}


@pytest.mark.parametrize(
    ("preset", "expected"),
    [
        ("dcase2022", (1e-3, 512, 100, "clips", "glorot", 1e-7, 1e-3, 0.0, None, None, False)),
        ("dcase2023", (1e-3, 256, 100, "vectors", "torch", 1e-8, 1e-3, 0.0, None, None, False)),
        ("mimii-dg", (1e-4, 128, 100, "none", "glorot", 1e-7, 1e-3, 0.0, None, None, False)),
        ("smoothing", (1e-3, 16, 1500, "domains", "torch", 1e-8, 1e-3, 50.0, 7800.0, 4.0, True)),
    ],
)
def test_presets_are_the_published_ones_and_can_be_overridden(
    preset: Any, expected: tuple[object, ...]
) -> None:
    settings = DCASEAutoencoderParams(preset=preset).settings()
    assert tuple(vars(settings).values()) == expected
    assert DCASEAutoencoderParams(preset=preset).log_mel() == LogMelSpec(
        fmin=settings.fmin, fmax=settings.fmax
    )
    overridden = DCASEAutoencoderParams(
        preset=preset, epochs=3, init="torch", standardize=False, fmin=20.0
    )
    settings_now = overridden.settings()
    assert (settings_now.epochs, settings_now.init, settings_now.standardize) == (3, "torch", False)
    assert settings_now.batch_size == settings.batch_size
    assert overridden.log_mel().fmin == 20.0


@pytest.mark.parametrize(
    "wrong", [{"epochs": 0}, {"n_fft": 1023}, {"score": "mae"}, {"frame": 5}, {"batch_size": 1}]
)
def test_wrong_parameters_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        DCASEAutoencoderParams(**wrong)


def test_every_parameter_is_described() -> None:
    properties = DCASEAutoencoderParams.model_json_schema()["properties"]
    assert all(field.get("description") for field in properties.values())


@pytest.mark.parametrize(("preset", "threshold"), [("dcase2022", "clip"), ("dcase2023", "batch")])
def test_planted_anomalies_rank_above_normals(tmp_path: Path, preset: str, threshold: str) -> None:
    detector = fitted(tmp_path, preset=preset, threshold=threshold, **TRAINED)
    clips = [hum(100 + i) for i in range(8)] + [hum(200 + i, gain=6.0) for i in range(4)]
    for score in ("mse", "mahalanobis"):
        ready = with_score(detector, score, tmp_path / score)
        scores = ready.score(pool(clips), Context(0, tmp_path))
        assert scores.dtype == np.float64
        assert scores.shape == (12,)
        assert np.isfinite(scores).all()
        assert scores[8:].min() > scores[:8].max()
        assert ready.decide(scores)[8:].all()


def test_mse_is_the_mean_over_windows_and_dimensions(tmp_path: Path) -> None:
    detector = fitted(tmp_path, n_hop_frames=2)
    clips = pool([hum(1), hum(2, samples=3001)])
    network = detector._fitted.network
    windows = clips.features(detector.params.log_mel()).windows(5, 2)
    scores = detector.score(clips, Context(0, tmp_path))
    for clip in range(2):
        x = torch.from_numpy(windows.view[windows.starts[windows.clip == clip]])
        expected = (x - network(x)).square().mean().item()
        assert scores[clip] == pytest.approx(expected, rel=1e-5)


def test_a_clip_is_scored_alike_in_any_company(tmp_path: Path) -> None:
    detector = fitted(tmp_path)
    clips = pool([hum(50 + i, samples=2000 + 517 * i) for i in range(7)])
    together = detector.score(clips, Context(0, tmp_path))
    order = [5, 0, 6, 2]
    assert detector.score(clips.subset(order), Context(9, tmp_path)).tolist() == (
        together[order].tolist()
    )
    assert detector.score(clips.subset([]), Context(0, tmp_path)).shape == (0,)


def test_decisions_flag_about_a_tenth_of_training_clips(tmp_path: Path) -> None:
    train = normals(60, 6)
    detector = fitted(tmp_path, train)
    for score in ("mse", "mahalanobis"):
        ready = with_score(detector, score, tmp_path / score)
        scores = ready.score(train, Context(0, tmp_path))
        assert 0.02 <= ready.decide(scores).mean() <= 0.25
        at_threshold = np.array([ready._fitted.thresholds[score].value])
        assert not ready.decide(at_threshold)[0]
        assert ready.decide(np.nextafter(at_threshold, np.inf))[0]


def test_same_seed_same_scores_and_no_global_randomness(tmp_path: Path) -> None:
    clips = normals(6)
    torch.manual_seed(7)
    np.random.seed(7)  # noqa: NPY002
    torch_state = torch.get_rng_state()
    numpy_state = np.random.get_state()[1].copy()  # noqa: NPY002
    scores = [
        fitted(tmp_path, seed=seed, validation="vectors").score(clips, Context(0, tmp_path))
        for seed in (3, 3, 2**64 - 1)
    ]
    assert torch.equal(torch.get_rng_state(), torch_state)
    assert np.array_equal(np.random.get_state()[1], numpy_state)  # noqa: NPY002
    assert scores[0].tolist() == scores[1].tolist()
    assert not np.array_equal(scores[0], scores[2])


def test_saved_detector_scores_bit_for_bit(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    detector = fitted(tmp_path, covariance="global", score="mahalanobis", bn_eps=1e-2)
    loaded = with_score(detector, "mahalanobis", folder)
    clips = normals(5)
    scores = detector.score(clips, Context(0, tmp_path))
    assert loaded.score(clips, Context(0, tmp_path)).tolist() == scores.tolist()
    assert loaded.decide(scores).tolist() == detector.decide(scores).tolist()
    assert {path.suffix for path in folder.iterdir()} == {".safetensors", ".json"}
    digests = [hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())]
    again = tmp_path / "again"
    again.mkdir()
    loaded.save(again)
    assert digests == [
        hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(again.iterdir())
    ]


def test_progress_counts_epochs(tmp_path: Path) -> None:
    seen: list[tuple[int, int, str]] = []
    detector = DCASEAutoencoder(DCASEAutoencoderParams(**FAST))
    detector.fit(normals(), Context(1, tmp_path, progress=lambda *call: seen.append(call)))
    assert seen == [(i, 4, "epoch") for i in range(1, 5)]


def test_validation_of_2022_withholds_the_last_clips(tmp_path: Path) -> None:
    # The last tenth is never trained on, so what it holds must not move the weights.
    clips = [hum(seed) for seed in range(20)]
    loud = [*clips[:18], hum(1, gain=8.0), hum(2, gain=8.0)]
    networks = [
        fitted(tmp_path, pool(chosen), preset="dcase2022")._fitted.network
        for chosen in (clips, loud)
    ]
    for one, other in zip(*(network.state_dict().values() for network in networks), strict=True):
        assert torch.equal(one, other)


def test_segments_of_the_smoothing_paper_train_and_score(tmp_path: Path) -> None:
    small = {"epochs": 100, "batch_size": 4, "segment": 0.25, "fmin": 50.0, "fmax": 3900.0}
    train = pool([hum(seed, samples=1600 + 300 * seed) for seed in range(15)], 3)
    detector = fitted(tmp_path, train, preset="smoothing", **small)
    clips = [hum(100 + i) for i in range(6)] + [hum(200 + i, gain=6.0) for i in range(3)]
    scores = detector.score(pool(clips), Context(0, tmp_path))
    assert scores[6:].min() > scores[:6].max()
    batch = fitted(
        tmp_path, train, preset="smoothing", threshold="batch", **(small | {"epochs": 2})
    )
    assert np.isfinite(batch._fitted.thresholds["mahalanobis"].value)
    with pytest.raises(DataError, match=r"segment of 0\.1 s holds 2 windows"):
        fitted(tmp_path, train, preset="smoothing", **(small | {"segment": 0.1}))


def test_standardized_amplitude_makes_the_level_of_all_clips_irrelevant(tmp_path: Path) -> None:
    # Scores of clips and of the same clips at a hundredth of the level, training and test alike.
    found = []
    for gain in (1.0, 0.01):
        train = pool([hum(seed, gain=gain) for seed in range(8)], 2)
        detector = fitted(tmp_path, train, standardize=True)
        test = pool([hum(50, gain=gain), hum(51, gain=4 * gain)])
        found.append(detector.score(test, Context(0, tmp_path)))
        again = with_score(detector, "mse", tmp_path / f"{gain}")
        assert again.score(test, Context(0, tmp_path)).tolist() == found[-1].tolist()
    np.testing.assert_allclose(*found, rtol=0.02)
    assert found[0][1] > found[0][0]  # the level of one clip still matters


def test_embedding_is_the_mean_of_bottlenecks(tmp_path: Path) -> None:
    detector = fitted(tmp_path)
    assert isinstance(detector, SupportsEmbedding)
    clips = pool([hum(1), hum(2, samples=3001)])
    embedded = detector.embed(clips, Context(0, tmp_path))
    assert embedded.clip.tolist() == [0, 1]
    windows = clips.features(detector.params.log_mel()).windows(5)
    for clip in range(2):
        x = torch.from_numpy(windows.view[windows.starts[windows.clip == clip]])
        with torch.no_grad():
            expected = detector._fitted.network.encoder(x).mean(0)
        np.testing.assert_allclose(embedded.rows[clip], expected, rtol=1e-4, atol=1e-6)
    assert detector.embed(clips.subset([1]), Context(0, tmp_path)).rows.tolist() == (
        embedded.rows[1:].tolist()
    )
    assert detector.embed(clips.subset([]), Context(0, tmp_path)).rows.shape == (0, 8)


def test_too_short_clips_are_named(tmp_path: Path) -> None:
    clips = [hum(0), hum(1, samples=500), hum(2)]
    with pytest.raises(DataError, match=r"1 of 3 clips .* 4 frames\n.*5 frames are needed"):
        fitted(tmp_path, pool(clips))
    detector = fitted(tmp_path)
    with pytest.raises(DataError, match="too short"):
        detector.score(pool(clips), Context(0, tmp_path))


def test_too_few_windows_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="too few"):
        fitted(tmp_path, pool([hum(0, samples=600)]))
    scores = fitted(tmp_path, pool([hum(0, samples=1024)], 1), validation="none").score(
        normals(3, 0), Context(0, tmp_path)
    )
    assert np.isfinite(scores).all()


def test_diverging_training_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(AsdbenchError, match=r"not finite after epoch .*\n.*learning_rate"):
        fitted(tmp_path, learning_rate=1e30, epochs=30)


def test_unfitted_detector_says_so(tmp_path: Path) -> None:
    with pytest.raises(PluginError, match="not fitted"):
        DCASEAutoencoder(DCASEAutoencoderParams()).score(normals(3, 0), Context(0, tmp_path))


def test_silent_training_clips_give_finite_scores(tmp_path: Path) -> None:
    silent = pool([np.zeros(4000, np.float32)] * 6, 1)
    detector = fitted(tmp_path, silent, **TRAINED)
    for score in ("mse", "mahalanobis"):
        ready = with_score(detector, score, tmp_path / score)
        scores = ready.score(pool([np.zeros(4000, np.float32), hum(1)]), Context(0, tmp_path))
        assert np.isfinite(scores).all()
        assert scores[1] > scores[0]
        assert np.isfinite(ready._fitted.thresholds[score].value)


MEMORY = """
import resource, sys
from pathlib import Path
import numpy as np, torch
from asdbench.api import Condition, Context
from asdbench.clips import ClipPool
from asdbench.detectors.dcase_ae import DCASEAutoencoder, DCASEAutoencoderParams
torch.set_num_threads(1)
def read(index):
    return np.random.default_rng(index).standard_normal(160000).astype(np.float32)
def fit(count):
    clips = ClipPool([Condition("fan", "00", "source")] * count, 16000, read)
    detector = DCASEAutoencoder(DCASEAutoencoderParams(epochs=1, batch_size=512))
    detector.fit(clips, Context(0, Path(".")))
    detector.score(clips, Context(0, Path(".")))
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
base = fit(4)
print(fit(int(sys.argv[1])) - base)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="needs the resource module")
def test_memory_is_that_of_the_features() -> None:
    clips = 200
    features = clips * 313 * 128 * 4 / 2**20  # MiB
    result = subprocess.run(
        [sys.executable, "-c", MEMORY, str(clips)], capture_output=True, text=True, check=True
    )
    assert float(result.stdout) < 1.5 * features + 40


def test_fitted_without_target_clips_it_can_be_saved_and_loaded(tmp_path):
    rng = np.random.default_rng(3)
    audio = [(0.1 * rng.standard_normal(16000)).astype(np.float32) for _ in range(6)]
    pool = ClipPool.from_arrays(audio, 16000, [Condition("fan", "00")] * 6)
    params = DCASEAutoencoderParams(epochs=1, score="mahalanobis")
    context = Context(seed=1, scratch=tmp_path)
    detector = DCASEAutoencoder(params)
    detector.fit(pool, context)
    folder = tmp_path / "saved"
    folder.mkdir()
    detector.save(folder)
    again = DCASEAutoencoder.load(folder, params, context)
    np.testing.assert_array_equal(again.score(pool, context), detector.score(pool, context))
