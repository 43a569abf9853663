from __future__ import annotations

import numpy as np
import pytest

from asdbench.stats.bootstrap import bootstrap_gap
from asdbench.stats.delong import paired_gap
from asdbench.stats.gap import gap_interval

NORMALS = np.arange(20.0)


def anomalies(auc: float) -> np.ndarray:
    """20 scores above the given share of the normals, not all alike."""
    above = 20 * auc - 0.5
    return np.concatenate([np.full(10, above - 1), np.full(10, above + 1)])


@pytest.mark.parametrize(
    ("real", "generated", "method"),
    [
        (0.5, 0.7, "delong"),
        (0.1, 0.9, "delong"),
        (0.5, 0.95, "bootstrap"),
        (0.95, 0.5, "bootstrap"),
        (0.05, 0.5, "bootstrap"),
    ],
)
def test_an_auc_near_0_or_1_takes_the_bootstrap(real: float, generated: float, method: str) -> None:
    pools = NORMALS, anomalies(real), anomalies(generated)
    found = gap_interval(*pools, "auc", 0.95, 200, np.random.default_rng(1))
    assert found.estimate == pytest.approx(generated - real)
    assert found.method == method
    alone = {
        "delong": paired_gap(*pools, 0.95),
        "bootstrap": bootstrap_gap(*pools, "auc", 0.95, 200, np.random.default_rng(1)),
    }
    assert found == alone[method]


def test_pauc_takes_the_bootstrap_always() -> None:
    pools = NORMALS, anomalies(0.5), anomalies(0.9)
    found = gap_interval(*pools, "pauc", 0.95, 200, np.random.default_rng(1))
    assert found == bootstrap_gap(*pools, "pauc", 0.95, 200, np.random.default_rng(1))
    assert found.method == "bootstrap"


def test_perfect_separation_of_one_arm_is_noted() -> None:
    found = gap_interval(
        NORMALS, anomalies(0.6), NORMALS + 50, "auc", 0.95, 200, np.random.default_rng(1)
    )
    assert found.method == "bootstrap"
    assert found.note is not None
    assert "generated anomalies" in found.note
    assert "too narrow" in found.note


def test_perfect_separation_of_both_arms_has_no_interval() -> None:
    found = gap_interval(
        NORMALS, NORMALS + 30, NORMALS + 50, "auc", 0.95, 200, np.random.default_rng(1)
    )
    assert (found.estimate, found.low, found.method) == (0.0, None, "none")
