from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from asdbench.api import Condition, Context, SupportsEmbedding
from asdbench.clips import ClipPool
from asdbench.detectors._logmel_statistics import SPEC, Scaling, statistics
from asdbench.detectors.knn import KNN, Bank, KNNParams
from asdbench.errors import DataError, PluginError
from asdbench.testing import Check, detector_checks

RATE = 16_000


def hum(seed: int, gain: float = 1.0, samples: int = RATE // 4) -> np.ndarray:
    rng = np.random.default_rng(seed)
    time = np.arange(samples) / RATE
    tone = np.sin(2 * np.pi * rng.uniform(190, 210) * time)
    return (gain * 0.05 * (tone + rng.standard_normal(samples))).astype(np.float32)


def pool(clips: list[np.ndarray], targets: int = 0) -> ClipPool:
    """Return a pool whose last ``targets`` clips are of the target domain."""
    domains = ["source"] * (len(clips) - targets) + ["target"] * targets
    return ClipPool.from_arrays(clips, RATE, [Condition("fan", "00", d) for d in domains])


def fitted(tmp_path: Path, train: ClipPool | None = None, **params: Any) -> KNN:
    detector = KNN(KNNParams(**params))
    detector.fit(train or pool([hum(seed) for seed in range(20)]), Context(0, tmp_path))
    return detector


@pytest.mark.parametrize("check", detector_checks(KNN), ids=str)
def test_contract(check: Check) -> None:
    check()


def test_statistics_are_those_of_averaged_bands(tmp_path: Path) -> None:
    clips = pool([hum(1), hum(2, samples=9000)])
    rows = statistics(clips, 32, Context(0, tmp_path))
    frames = clips.features(SPEC).clip(1).astype(float)
    bands = np.stack([frames[:, 4 * i : 4 * i + 4].mean(axis=1) for i in range(32)], axis=1)
    np.testing.assert_allclose(rows[1, :32], bands.mean(axis=0))
    np.testing.assert_allclose(rows[1, 32:], bands.std(axis=0))


def test_whitened_rows_are_uncorrelated_and_a_constant_is_no_division_by_zero() -> None:
    rng = np.random.default_rng(1)
    rows = rng.standard_normal((4000, 3)) @ np.array([[3.0, 1, 0], [0, 1, 0], [0, 0, 0]])
    whitened = Scaling.whitening(rows)(rows)
    covariance = np.cov(whitened.T)
    np.testing.assert_allclose(sorted(np.diag(covariance)), [0, 1, 1], atol=0.05)
    np.testing.assert_allclose(covariance - np.diag(np.diag(covariance)), 0, atol=1e-6)
    assert np.isfinite(Scaling.whitening(np.ones((5, 3)))(rows)).all()
    assert np.isfinite(Scaling.standardization(np.ones((5, 3)))(rows)).all()


def test_score_is_the_smallest_distance_over_the_spacing_there() -> None:
    # A dense cluster, spacing about 1, and a lone pair of target clips, spacing about 10.
    rows = np.array([[0.0, 0], [1, 0], [0, 1], [1, 1], [40, 0], [50, 0]])
    params = KNNParams(neighbors=1, metric="euclidean")
    bank = Bank.learn(rows, np.zeros(6, bool), params, 0)
    unit = 1 / rows[:, 0].std()  # of x, after scaling
    between = np.linalg.norm(bank.rows[:, None] - bank.rows, axis=2)
    np.testing.assert_allclose(bank.spacing, between.sum(axis=1) / 5)
    near = rows[4:5] + np.array([3.0, 0.0])
    assert bank.score(near, params)[0] == pytest.approx(3 * unit / bank.spacing[4])
    plain = params.model_copy(update={"normalize": "none"})
    bank = Bank.learn(rows, np.zeros(6, bool), plain, 0)
    assert bank.score(near, plain)[0] == pytest.approx(3 * unit)


def test_density_lets_a_few_distant_training_clips_count() -> None:
    rng = np.random.default_rng(2)
    shift = np.array([9.0, 0, 0, 0])
    source, target = rng.standard_normal((100, 4)), rng.standard_normal((3, 4)) + shift
    train = np.concatenate([source, target])
    test_source, test_target = rng.standard_normal((50, 4)), rng.standard_normal((50, 4)) + shift
    ratio = {}
    for normalize in ("density", "none"):
        params = KNNParams(normalize=normalize, metric="euclidean")
        bank = Bank.learn(train, np.arange(103) >= 100, params, 0)
        scores = [bank.score(rows, params).mean() for rows in (test_target, test_source)]
        ratio[normalize] = scores[0] / scores[1]
    assert ratio["density"] < 0.6 * ratio["none"]


def test_cosine_ignores_length_and_survives_a_row_of_zeros() -> None:
    rows = np.array([[1.0, 0], [0, 1], [-1, -1]])
    params = KNNParams(neighbors=1, metric="cosine", normalize="none")
    bank = Bank(Scaling(np.zeros(2), np.eye(2)), rows, np.ones(3))
    np.testing.assert_allclose(
        bank.score(np.array([[7.0, 0], [0, 0], [1, 1]]), params),
        [0, 1, 1 - np.sqrt(0.5)],
        atol=1e-12,
    )


@pytest.mark.parametrize("metric", ["mahalanobis", "euclidean", "cosine"])
def test_decisions_flag_about_a_tenth_of_new_normal_clips(tmp_path: Path, metric: str) -> None:
    detector = fitted(tmp_path, pool([hum(seed) for seed in range(80)]), metric=metric, bands=8)
    fresh = pool([hum(seed) for seed in range(100, 160)])
    flagged = detector.decide(detector.score(fresh, Context(0, tmp_path)))
    assert flagged is not None
    assert 0.01 <= flagged.mean() <= 0.3
    loud = detector.score(pool([hum(7, gain=9.0)]), Context(0, tmp_path))
    assert metric == "cosine" or detector.decide(loud).all()


@pytest.mark.parametrize("count", [1, 2, 3])
def test_very_few_clips_are_enough(tmp_path: Path, count: int) -> None:
    detector = fitted(tmp_path, pool([hum(seed) for seed in range(count)], 1), neighbors=5)
    scores = detector.score(pool([hum(9), hum(10, gain=9.0)]), Context(0, tmp_path))
    assert scores[1] > scores[0] > 0
    assert (detector.decide(scores) is None) == (count == 1)
    (folder := tmp_path / "saved").mkdir()
    detector.save(folder)
    loaded = KNN.load(folder, detector.params, Context(0, tmp_path))
    again = loaded.score(pool([hum(9), hum(10, gain=9.0)]), Context(0, tmp_path))
    assert again.tolist() == scores.tolist()
    assert (loaded.decide(scores) is None) == (count == 1)


@pytest.mark.parametrize("metric", ["mahalanobis", "euclidean", "cosine"])
def test_silent_and_repeated_training_clips_give_finite_scores(tmp_path: Path, metric: str) -> None:
    silence = np.zeros(4000, np.float32)
    for clip in (silence, hum(1)):
        detector = fitted(tmp_path, pool([clip] * 6), metric=metric)
        scores = detector.score(pool([clip, hum(2, gain=3.0)]), Context(0, tmp_path))
        assert np.isfinite(scores).all()
        assert metric == "cosine" or scores[1] > scores[0]


def test_the_embedding_is_one_scaled_row_a_clip(tmp_path: Path) -> None:
    detector = fitted(tmp_path, bands=8)
    assert isinstance(detector, SupportsEmbedding)
    embedded = detector.embed(pool([hum(seed) for seed in range(20)]), Context(0, tmp_path))
    np.testing.assert_array_equal(embedded.rows, detector._model.rows)
    assert embedded.clip.tolist() == list(range(20))


@pytest.mark.parametrize("wrong", [{"neighbors": 0}, {"metric": "l1"}, {"bands": 20}, {"k": 1}])
def test_wrong_parameters_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        KNNParams(**wrong)


def test_unfitted_or_without_clips_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(PluginError, match="knn is not fitted"):
        KNN(KNNParams()).score(pool([hum(0)]), Context(0, tmp_path))
    with pytest.raises(DataError, match="no clip to learn from"):
        KNN(KNNParams()).fit(pool([]), Context(0, tmp_path))
