from __future__ import annotations

from statistics import NormalDist
from typing import Literal

import numpy as np
import pytest

from asdbench.metrics.rank import auc, pauc
from asdbench.stats import bootstrap
from asdbench.stats.bootstrap import bootstrap_gap
from asdbench.stats.delong import paired_gap
from asdbench.stats.gap import gap_interval
from asdbench.stats.interval import Interval

Metric = Literal["auc", "pauc"]


def shift(value: float) -> float:
    return float(np.sqrt(2.0) * NormalDist().inv_cdf(value))


def true_pauc(value: float) -> float:
    """pAUC of binormal scores whose AUC is ``value``, by the midpoint rule."""
    normal = NormalDist()
    rates = (np.arange(4000) + 0.5) / 40_000
    heights = [normal.cdf(normal.inv_cdf(rate) + shift(value)) for rate in rates]
    return 0.5 * (1 + (0.1 * float(np.mean(heights)) - 0.005) / 0.095)


def scores(seed: int, real: float = 0.7, generated: float = 0.7, n: int = 50) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [
        rng.normal(size=n),
        rng.normal(size=n) + shift(real),
        rng.normal(size=n) + shift(generated),
    ]


@pytest.mark.parametrize("metric", ["auc", "pauc"])
def test_draws_are_those_of_a_plain_loop(metric: Metric) -> None:
    x, r, g = (np.round(pool, 1) for pool in scores(1, n=20))  # with ties
    found = bootstrap_gap(x, r, g, metric, 0.9, 300, np.random.default_rng(8))

    rng = np.random.default_rng(8)
    picks = [rng.integers(20, size=(300, 20)) for _ in range(3)]
    measure = {"auc": auc, "pauc": pauc}[metric]
    gaps = [measure(x[i], g[k]) - measure(x[i], r[j]) for i, j, k in zip(*picks, strict=True)]
    assert found.estimate == pytest.approx(measure(x, g) - measure(x, r), abs=1e-14)
    assert (found.low, found.high) == pytest.approx(
        tuple(np.quantile(gaps, [0.05, 0.95])), abs=1e-12
    )
    # The spread of the draws is the standard error; it is not divided by their number.
    assert found.se == pytest.approx(np.std(gaps, ddof=1), rel=1e-12)
    assert (found.method, found.note) == ("bootstrap", None)


def test_same_generator_same_interval() -> None:
    pools = scores(2)
    one, two, other = (
        bootstrap_gap(*pools, "pauc", 0.95, 500, np.random.default_rng(seed)) for seed in (1, 1, 2)
    )
    assert one == two
    assert one != other


def test_no_global_random_state() -> None:
    np.random.seed(3)  # noqa: NPY002
    before = np.random.get_state()[1].copy()  # type: ignore[union-attr,index] # noqa: NPY002
    gap_interval(*scores(2), "pauc", 0.95, 100, np.random.default_rng(1))
    assert np.array_equal(before, np.random.get_state()[1])  # type: ignore[index] # noqa: NPY002


def test_blocks_bound_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    pools = scores(3, n=30)
    monkeypatch.setattr(bootstrap, "_BLOCK", 90 * 64)
    sizes: list[int] = []
    plain = bootstrap._resample
    monkeypatch.setattr(
        bootstrap, "_resample", lambda p, t, d, rng: (sizes.append(d), plain(p, t, d, rng))[1]
    )
    found = bootstrap_gap(*pools, "auc", 0.95, 150, np.random.default_rng(1))
    assert sizes == [64] * 6 + [22] * 3
    assert found.se == pytest.approx(paired_gap(*pools, 0.95).se, rel=0.25)


def test_agrees_with_delong_where_both_hold() -> None:
    pools = scores(4, 0.65, 0.75, n=100)
    one = bootstrap_gap(*pools, "auc", 0.95, 4000, np.random.default_rng(1))
    other = paired_gap(*pools, 0.95)
    assert one.estimate == pytest.approx(other.estimate, abs=1e-14)
    assert one.se == pytest.approx(other.se, rel=0.06)
    assert one.low == pytest.approx(other.low, abs=0.01)
    assert one.high == pytest.approx(other.high, abs=0.01)


@pytest.mark.parametrize("metric", ["auc", "pauc"])
@pytest.mark.parametrize(
    ("pools", "reason"),
    [
        (([0.0, 1.0], [2.0], [0.5, 3.0]), "only one clip in: real"),
        (([0.0], [2.0, 1.0], [3.0]), "only one clip in: normal, generated"),
        (([0.0, 1.0], [2.0, 3.0], [4.0, 5.0]), "perfect separation"),
        (([7.0] * 33, [7.0] * 33, [7.0] * 33), "all scores equal"),
        # The highest tenth of 33 normals is 3.3 clips: the spread must be 0 without rounding.
        ((range(33), range(90, 97), range(-11, 0)), "perfect separation"),
    ],
)
def test_degenerate_pools_give_a_reason(metric: Metric, pools: object, reason: str) -> None:
    found = bootstrap_gap(*pools, metric, 0.95, 200, np.random.default_rng(1))  # type: ignore[misc]
    assert (found.low, found.high, found.se, found.method) == (None, None, None, "none")
    assert found.note is not None
    assert reason in found.note
    assert np.isfinite(found.estimate)


def test_bad_arguments_are_refused() -> None:
    pools = scores(5)
    with pytest.raises(ValueError, match="draws is 1"):
        bootstrap_gap(*pools, "auc", 0.95, 1, np.random.default_rng(1))
    with pytest.raises(ValueError, match="confidence is 95"):
        bootstrap_gap(*pools, "auc", 95, 100, np.random.default_rng(1))
    with pytest.raises(ValueError, match="real anomalous clips are NaN"):
        bootstrap_gap(pools[0], [np.nan], pools[2], "auc", 0.95, 9, np.random.default_rng(1))


def rate_inside(
    metric: Metric, real: float, generated: float, truth: float, seed: int
) -> tuple[float, set[str]]:
    rng = np.random.default_rng(seed)
    inside, methods = 0, set()
    for _ in range(500):
        found: Interval = gap_interval(
            rng.normal(size=50),
            rng.normal(size=50) + shift(real),
            rng.normal(size=50) + shift(generated),
            metric,
            0.95,
            1000,
            rng,
        )
        methods.add(found.method)
        assert found.low is not None
        assert found.high is not None
        inside += found.low <= truth <= found.high
    return inside / 500, methods


@pytest.mark.slow
@pytest.mark.parametrize(("real", "generated"), [(0.95, 0.95), (0.9, 0.96)])
def test_coverage_of_the_auc_gap_near_1(real: float, generated: float) -> None:
    rate, methods = rate_inside("auc", real, generated, generated - real, 21)
    assert "bootstrap" in methods
    assert 0.92 <= rate <= 0.975


@pytest.mark.slow
@pytest.mark.parametrize(("real", "generated"), [(0.7, 0.7), (0.65, 0.8)])
def test_coverage_of_the_pauc_gap(real: float, generated: float) -> None:
    rate, methods = rate_inside("pauc", real, generated, true_pauc(generated) - true_pauc(real), 22)
    assert methods == {"bootstrap"}
    assert 0.92 <= rate <= 0.975
