from pathlib import Path

import numpy as np
from asdbench_knn_example.detector import KNN, KNNParams

from asdbench.api import Condition, Context
from asdbench.clips import ClipPool

RATE = 16000


def pool(tones_hz: list[float], seed: int) -> ClipPool:
    rng = np.random.default_rng(seed)
    time = np.arange(RATE) / RATE
    clips = [
        (0.1 * np.sin(2 * np.pi * hz * time) + 0.01 * rng.standard_normal(RATE)).astype(np.float32)
        for hz in tones_hz
    ]
    return ClipPool.from_arrays(clips, RATE, [Condition("fan", "00")] * len(clips))


def test_the_odd_clip_scores_highest_also_after_saving(tmp_path: Path) -> None:
    context = Context(seed=0, scratch=tmp_path)
    detector = KNN(KNNParams(neighbors=2))
    detector.fit(pool([400.0] * 5, seed=1), context)

    scores = detector.score(pool([400.0, 400.0, 1500.0], seed=2), context)

    assert scores.shape == (3,)
    assert scores.dtype == np.float64
    assert scores[2] > 2 * scores[:2].max()
    detector.save(tmp_path)
    loaded = KNN.load(tmp_path, detector.params, context)
    again = loaded.score(pool([400.0, 400.0, 1500.0], seed=2), context)
    np.testing.assert_array_equal(again, scores)


def test_more_neighbors_than_training_clips_are_no_error(tmp_path: Path) -> None:
    context = Context(seed=0, scratch=tmp_path)
    detector = KNN(KNNParams(neighbors=10))
    detector.fit(pool([400.0, 500.0], seed=1), context)
    assert np.isfinite(detector.score(pool([400.0], seed=2), context)).all()
