from __future__ import annotations

import numpy as np
import pytest
from binormal import curve, shift
from scipy.stats import kendalltau

from asdbench.stats import ranks
from asdbench.stats.curves import Gap
from asdbench.stats.ranks import kendall_tau, rank_agreement, selection_regret


def detectors(rng, aucs, n=50, change=None, shared=True):
    """Gaps of detectors that score the same clips, with correlated scores."""
    change = np.zeros(len(aucs)) if change is None else np.asarray(change)
    lift = np.array([shift(a) for a in aucs])

    def draw(clips):
        return 0.7 * rng.normal(size=(clips, 1)) + np.sqrt(0.51) * rng.normal(
            size=(clips, len(aucs))
        )

    x, y, g = draw(n), draw(n) + lift, draw(n) + lift + change
    gx = x if shared else draw(n)
    return [
        [Gap(curve(x[:, i], y[:, i], "n a"), curve(gx[:, i], g[:, i], "n g" if shared else "gn g"))]
        for i in range(len(aucs))
    ]


def test_vectorized_tau_is_scipys():
    rng = np.random.default_rng(1)
    first, second = (rng.integers(4, size=(200, 5)) * 1.0 for _ in range(2))
    expected = [kendalltau(a, b, variant="b").statistic for a, b in zip(first, second, strict=True)]
    known = [tau for tau in expected if np.isfinite(tau)]
    np.testing.assert_allclose(ranks._taus(first, second), known, atol=1e-12)
    assert kendall_tau(first[0], second[0]) == pytest.approx(expected[0])
    assert kendall_tau([1, 1, 1], [1, 2, 3]) is None


def test_regret():
    assert selection_regret([0.7, 0.8, 0.6], [0.5, 0.9, 0.4]) == 0.0
    assert selection_regret([0.7, 0.8, 0.6], [0.9, 0.5, 0.4]) == pytest.approx(0.1)
    assert selection_regret([0.7, 0.8, 0.6], [0.9, 0.5, 0.9]) == pytest.approx(0.15)
    np.testing.assert_allclose(
        ranks._regrets(np.array([[0.7, 0.8]] * 2), np.array([[1, 0], [0, 1]])), [0.1, 0.0]
    )


def test_clear_rankings_agree():
    found = rank_agreement(
        detectors(np.random.default_rng(2), [0.55, 0.7, 0.85]), 300, np.random.default_rng(1)
    )
    assert found is not None
    assert (found.tau, found.regret) == (1.0, 0.0)
    assert found.tau_ceiling > 0.97
    assert found.top1 > 0.97
    assert found.top1_ceiling > 0.95
    np.testing.assert_allclose(found.real, [0.55, 0.7, 0.85], atol=0.1)


def test_a_reversed_ranking_is_far_below_the_ceiling():
    aucs = [0.6, 0.75, 0.9]
    change = [shift(b) - shift(a) for a, b in zip(aucs, aucs[::-1], strict=True)]
    found = rank_agreement(
        detectors(np.random.default_rng(3), aucs, change=change), 300, np.random.default_rng(1)
    )
    assert found is not None
    assert found.tau == -1.0
    assert found.tau_high < 0.5 < found.tau_ceiling
    assert found.top1 < 0.05
    assert found.regret > 0.2 > 10 * found.regret_ceiling


def test_detectors_stay_paired():
    """Two detectors with the same scores but a constant: no draw can turn their order."""
    rng = np.random.default_rng(4)
    x, y, g = rng.normal(size=40), rng.normal(size=40) + 0.5, rng.normal(size=60) + 0.5
    pair = [[Gap(curve(x, y + lift, "n a"), curve(x, g + lift, "n g"))] for lift in (0.0, 0.4)]
    found = rank_agreement(pair, 500, rng)
    assert found is not None
    assert (found.tau_low, found.tau_high, found.top1) == (1.0, 1.0, 1.0)


def test_copies_of_a_clip_in_one_recording_count_once():
    """Every clip four times over, as recordings: the same draws as of the clips themselves."""
    rng = np.random.default_rng(7)
    pools = {name: rng.normal(size=(3, n)) for name, n in (("n", 30), ("a", 40), ("g", 60))}

    def found(times: int, clusters: dict | None = None):
        n, a, g = (np.repeat(pools[name], times, axis=1) for name in "nag")
        gaps = [[Gap(curve(n[i], a[i], "n a"), curve(n[i], g[i], "n g"))] for i in range(3)]
        return rank_agreement(gaps, 200, np.random.default_rng(3), clusters=clusters)

    recordings = {
        name: np.repeat([f"{i:03d}" for i in range(scores.shape[1])], 4)
        for name, scores in pools.items()
    }
    once, copies, apart = found(1), found(4, recordings), found(4)
    for name in ("tau", "tau_low", "tau_high", "tau_ceiling", "top1", "top1_ceiling"):
        assert getattr(copies, name) == pytest.approx(getattr(once, name)), name
    assert apart.tau_ceiling > once.tau_ceiling + 0.2  # as if they were other clips


def test_same_draws_for_the_same_generator():
    gaps = detectors(np.random.default_rng(5), [0.6, 0.62, 0.64])
    first, second = (rank_agreement(gaps, 100, np.random.default_rng(3)) for _ in range(2))
    assert (first.tau_low, first.tau_ceiling, first.top1) == (
        second.tau_low,
        second.tau_ceiling,
        second.top1,
    )


def test_too_few_or_nothing():
    rng = np.random.default_rng(6)
    assert rank_agreement(detectors(rng, [0.6]), 10, rng) is None
    assert rank_agreement(detectors(rng, [0.6, 0.7], n=1), 10, rng) is None
    with pytest.raises(ValueError, match="no gap"):
        rank_agreement([[], []], 10, rng)
    flat = np.zeros(5)
    same = [[Gap(curve(flat, flat, "n a"), curve(flat, flat, "n g"))]] * 2
    found = rank_agreement(same, 10, rng)
    assert (found.tau, found.tau_low, found.tau_ceiling, found.regret) == (None, None, None, 0.0)
