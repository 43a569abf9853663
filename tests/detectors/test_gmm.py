from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from asdbench.api import Condition, Context, SupportsEmbedding
from asdbench.clips import ClipPool
from asdbench.detectors.gmm import GMM, Gaussians, GMMParams
from asdbench.errors import PluginError
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


def fitted(tmp_path: Path, train: ClipPool, **params: Any) -> GMM:
    detector = GMM(GMMParams(**params))
    detector.fit(train, Context(0, tmp_path))
    return detector


@pytest.mark.parametrize("check", detector_checks(GMM), ids=str)
def test_contract(check: Check) -> None:
    check()


@pytest.mark.parametrize("covariance", ["full", "diag"])
@pytest.mark.parametrize("components", [1, 3])
def test_scores_are_the_negative_log_likelihood_of_scikit_learn(
    covariance: str, components: int
) -> None:
    from sklearn.mixture import GaussianMixture

    rng = np.random.default_rng(1)
    rows = rng.standard_normal((90, 5)) * [1, 2, 3, 4, 5] + 7 * rng.integers(0, 3, (90, 1))
    params = GMMParams(components=components, covariance=covariance)
    model = Gaussians.learn(rows, np.zeros(90, bool), params, 2**64 - 1)
    reference = GaussianMixture(
        components,
        covariance_type=covariance,
        reg_covar=params.reg,
        random_state=np.random.RandomState(np.random.MT19937(2**64 - 1)),
    ).fit(model.scaling(rows))
    expected = -reference.score_samples(model.scaling(rows))
    np.testing.assert_allclose(model.score(rows, params), expected)


def test_a_target_clip_is_the_center_of_a_gaussian_of_the_source_covariance() -> None:
    from scipy.stats import multivariate_normal

    rng = np.random.default_rng(3)
    rows = np.concatenate([rng.standard_normal((200, 3)), [[30.0, 0, 0], [0, 30, 0]]])
    params = GMMParams(components=1)
    model = Gaussians.learn(rows, np.arange(202) >= 200, params, 0)
    scaled = model.scaling(rows)
    covariance = np.cov(scaled[:200].T, bias=True) + params.reg * np.eye(3)
    near = rows[201:] + np.array([0.5, -0.5, 1.0])
    expected = -multivariate_normal(scaled[201], covariance).logpdf(model.scaling(near)[0])
    assert model.score(near, params)[0] == pytest.approx(expected)


def test_few_target_clips_count() -> None:
    rng = np.random.default_rng(2)
    train = np.concatenate([rng.standard_normal((100, 4)), rng.standard_normal((3, 4)) + 9])
    target_test, odd = rng.standard_normal((50, 4)) + 9, rng.standard_normal((50, 4)) - 9
    params = GMMParams()
    informed = Gaussians.learn(train, np.arange(103) >= 100, params, 0)
    ignorant = Gaussians.learn(train[:100], np.zeros(100, bool), params, 0)
    assert informed.score(target_test, params).max() < informed.score(odd, params).min()
    assert ignorant.score(target_test, params).mean() > 0.5 * ignorant.score(odd, params).mean()


def test_without_source_clips_all_are_taken_for_such() -> None:
    rows = np.random.default_rng(4).standard_normal((30, 4))
    params = GMMParams()
    models = [Gaussians.learn(rows, np.full(30, target), params, 0) for target in (True, False)]
    assert models[0].score(rows, params).tolist() == models[1].score(rows, params).tolist()
    assert len(models[0].targets) == 0


def test_decisions_flag_about_a_tenth_of_new_normal_clips(tmp_path: Path) -> None:
    detector = fitted(tmp_path, pool([hum(seed) for seed in range(80)], 2), bands=8)
    fresh = pool([hum(seed) for seed in range(100, 160)])
    flagged = detector.decide(detector.score(fresh, Context(0, tmp_path)))
    assert flagged is not None
    assert 0.01 <= flagged.mean() <= 0.3
    assert detector.decide(detector.score(pool([hum(7, gain=9.0)]), Context(0, tmp_path))).all()


@pytest.mark.parametrize(("count", "targets"), [(1, 0), (1, 1), (2, 1), (3, 1), (6, 0)])
def test_very_few_clips_are_enough(tmp_path: Path, count: int, targets: int) -> None:
    detector = fitted(tmp_path, pool([hum(i) for i in range(count)], targets), components=8)
    clips = pool([hum(9), hum(10, gain=9.0)])
    scores = detector.score(clips, Context(0, tmp_path))
    assert np.isfinite(scores).all()
    assert scores[1] > scores[0]
    assert (detector.decide(scores) is None) == (count == 1)
    (folder := tmp_path / "saved").mkdir()
    detector.save(folder)
    loaded = GMM.load(folder, detector.params, Context(0, tmp_path))
    assert loaded.score(clips, Context(0, tmp_path)).tolist() == scores.tolist()


def test_silent_and_repeated_training_clips_give_finite_scores(tmp_path: Path) -> None:
    for clip in (np.zeros(4000, np.float32), hum(1)):
        detector = fitted(tmp_path, pool([clip] * 6, 1), components=1)
        scores = detector.score(pool([clip, hum(2, gain=3.0)]), Context(0, tmp_path))
        assert np.isfinite(scores).all()
        assert scores[1] > scores[0]


def test_the_embedding_is_the_whitened_statistics(tmp_path: Path) -> None:
    train = pool([hum(seed) for seed in range(40)])
    detector = fitted(tmp_path, train, bands=8)
    assert isinstance(detector, SupportsEmbedding)
    rows = detector.embed(train, Context(0, tmp_path)).rows
    assert rows.shape == (40, 16)
    np.testing.assert_allclose(rows.mean(axis=0), 0, atol=1e-9)


@pytest.mark.parametrize("wrong", [{"components": 0}, {"reg": 0.0}, {"covariance": "tied"}])
def test_wrong_parameters_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        GMMParams(**wrong)


def test_unfitted_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(PluginError, match="gmm is not fitted"):
        GMM(GMMParams()).score(pool([hum(0)]), Context(0, tmp_path))
