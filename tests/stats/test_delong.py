from __future__ import annotations

import numpy as np
import pytest

from asdbench.metrics.rank import auc
from asdbench.stats.delong import placements


def wins(normal: np.ndarray, anomaly: np.ndarray) -> np.ndarray:
    """Kernel of the Mann-Whitney statistic, (n, m)."""
    x, y = normal[:, None], anomaly[None, :]
    return np.asarray((y > x) + 0.5 * (y == x))


def test_placements_are_the_means_of_all_pairs() -> None:
    rng = np.random.default_rng(2)
    for levels in (2, 5, 1000):
        x, y = rng.integers(levels, size=17) * 1.0, rng.integers(levels, size=9) * 1.0
        v10, v01 = placements(x, y)
        np.testing.assert_allclose(v10, wins(x, y).mean(axis=1), atol=1e-14)
        np.testing.assert_allclose(v01, wins(x, y).mean(axis=0), atol=1e-14)
        assert v01.mean() == pytest.approx(auc(x, y), abs=1e-14)
