"""Smoothing over neighborhoods, against the equation written out."""

from __future__ import annotations

import numpy as np
import pytest

from asdbench.detectors._neighborhoods import smooth


def written_out(
    scores: np.ndarray,
    features: np.ndarray,
    k: int,
    metric: str = "euclidean",
    candidates: np.ndarray | None = None,
) -> np.ndarray:
    """Equation 7, one item after the other."""
    result = []
    for i in range(len(scores)):
        distances = []
        for j in range(len(scores)):
            if j == i or (candidates is not None and not candidates[j]):
                continue
            a, b = features[i], features[j]
            if metric == "cosine":
                distance = 1 - a @ b / (np.linalg.norm(a) * np.linalg.norm(b))
            else:
                distance = float(np.sum((a - b) ** 2))
            distances.append((distance, j))
        chosen = [j for _, j in sorted(distances)[: k - 1]]
        result.append((scores[i] + sum(scores[j] for j in chosen)) / (1 + len(chosen)))
    return np.array(result)


@pytest.fixture
def drawn() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(3)
    return rng.standard_normal(700), rng.standard_normal((700, 5))


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
@pytest.mark.parametrize("k", [2, 5, 64])
def test_is_equation_7(drawn: tuple[np.ndarray, np.ndarray], k: int, metric: str) -> None:
    scores, features = drawn[0][:90], drawn[1][:90]
    np.testing.assert_allclose(
        smooth(scores, features, k, metric),  # type: ignore[arg-type]
        written_out(scores, features, k, metric),
        rtol=1e-12,
    )


@pytest.mark.parametrize("k", [2, 7, 30, 45, 46, 500])
def test_only_candidates_are_neighbors(drawn: tuple[np.ndarray, np.ndarray], k: int) -> None:
    scores, features = drawn[0][:90], drawn[1][:90]
    candidates = np.arange(90) % 2 == 0
    np.testing.assert_allclose(
        smooth(scores, features, k, candidates=candidates),
        written_out(scores, features, k, candidates=candidates),
        rtol=1e-12,
    )


def test_one_changes_nothing_and_all_gives_a_constant(
    drawn: tuple[np.ndarray, np.ndarray],
) -> None:
    scores, features = drawn
    np.testing.assert_array_equal(smooth(scores, features, 1), scores)
    for k in (len(scores), len(scores) + 1, 10**6):
        np.testing.assert_allclose(smooth(scores, features, k), scores.mean(), rtol=1e-12)


def test_blocks_do_not_matter(
    drawn: tuple[np.ndarray, np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = smooth(*drawn, 9)
    monkeypatch.setattr("asdbench.detectors._neighborhoods._BLOCK", 64)
    np.testing.assert_array_equal(smooth(*drawn, 9), whole)


def test_of_equally_near_items_the_earlier_counts() -> None:
    scores = np.array([0.0, 1.0, 10.0, 100.0])
    same_place = np.zeros((4, 2))
    np.testing.assert_array_equal(smooth(scores, same_place, 2), [0.5, 0.5, 5.0, 50.0])


def test_order_does_not_matter(drawn: tuple[np.ndarray, np.ndarray]) -> None:
    scores, features = drawn
    order = np.random.default_rng(1).permutation(len(scores))
    np.testing.assert_allclose(
        smooth(scores[order], features[order], 16), smooth(scores, features, 16)[order]
    )


def test_a_zero_vector_has_a_cosine_distance_too() -> None:
    scores = np.array([1.0, 2.0, 3.0])
    features = np.array([[0.0, 0.0], [1.0, 0.0], [2.0, 0.0]])
    assert np.isfinite(smooth(scores, features, 2, "cosine")).all()


def test_smoothing_mends_scores_where_the_space_separates_and_only_there() -> None:
    """Weak scores become strong ones in a space with two clusters; in noise they fade."""
    rng = np.random.default_rng(11)
    anomaly = np.repeat([False, True], 100)
    scores = rng.standard_normal(200) + 0.5 * anomaly  # AUC 0.64
    apart = rng.standard_normal((200, 4)) + 6.0 * anomaly[:, None]
    noise = rng.standard_normal((200, 4))

    def auc(values: np.ndarray) -> float:
        return float(np.mean(values[anomaly][:, None] > values[~anomaly][None, :]))

    assert auc(smooth(scores, apart, 32)) > auc(scores) + 0.2
    assert abs(auc(smooth(scores, noise, 4)) - auc(scores)) < 0.12
