"""A perfect generator reaches the ceiling on average; resampling alone would put it too high."""

from __future__ import annotations

import numpy as np
import pytest
from binormal import curve, shift

from asdbench.stats import ranks
from asdbench.stats.curves import Gap
from asdbench.stats.ranks import kendall_tau, rank_agreement

RUNS = 100


def agreements(aucs: list[float]) -> np.ndarray:
    """Mean tau, its ceiling, share of same best, its ceiling, regret, its ceiling."""
    rng = np.random.default_rng(61)
    lift = np.array([shift(a) for a in aucs])

    def draw() -> np.ndarray:
        return np.sqrt(0.5) * (rng.normal(size=(60, 1)) + rng.normal(size=(60, len(aucs))))

    found = []
    for _ in range(RUNS):
        x, y, gx, g = draw(), draw() + lift, draw(), draw() + lift
        detectors = [
            [Gap(curve(x[:, i], y[:, i], "n r"), curve(gx[:, i], g[:, i], "m g"))]
            for i in range(len(aucs))
        ]
        one = rank_agreement(detectors, 100, rng)
        assert one is not None
        tau = kendall_tau(one.real, one.generated)
        found.append(
            [tau, one.tau_ceiling, one.top1, one.top1_ceiling, one.regret, one.regret_ceiling]
        )
    return np.mean(np.array(found, dtype=float), axis=0)


@pytest.mark.slow
def test_a_perfect_generator_reaches_the_ceiling():
    tau, tau_ceiling, top1, top1_ceiling, regret, regret_ceiling = agreements(
        [0.55, 0.65, 0.75, 0.8]
    )
    assert tau == pytest.approx(tau_ceiling, abs=0.12)
    assert top1 == pytest.approx(top1_ceiling, abs=0.1)
    assert regret == pytest.approx(regret_ceiling, abs=0.01)


@pytest.mark.slow
def test_without_moving_aucs_together_equal_detectors_would_have_an_order(monkeypatch):
    """The ceiling of equal detectors, whose rankings agree by chance only, stays above 0."""
    aucs = [0.6, 0.6, 0.6, 0.6]
    tau, moved, *_ = agreements(aucs)
    monkeypatch.setattr(ranks, "_shrunk", lambda values, drawn: values)
    _, raw, *_ = agreements(aucs)
    assert tau == pytest.approx(0.0, abs=0.15)
    assert moved < 0.25 < raw
