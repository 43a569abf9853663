from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from asdbench.stats import resampling
from asdbench.stats.combination import combination
from asdbench.stats.curves import Curve, Gap, Pool, gap_terms
from asdbench.stats.interval import Interval


def curve(negative: np.ndarray, positive: np.ndarray, names: str) -> Curve:
    first, second = names.split()
    return Curve(Pool(first, negative), Pool(second, positive))


def combine(terms, metric="auc", clusters=None, seed=0, draws=300, confidence=0.95) -> Interval:
    rng = np.random.default_rng(seed)
    return combination(terms, confidence, draws, rng, metric, clusters)


def gap(x: np.ndarray, r: np.ndarray, g: np.ndarray) -> list[tuple[float, Curve]]:
    return gap_terms([Gap(curve(x, r, "n r"), curve(x, g, "n g"))])


def area(x: np.ndarray, y: np.ndarray, max_fpr: float | None = None) -> float:
    truth = np.r_[np.zeros(len(x)), np.ones(len(y))]
    return float(roc_auc_score(truth, np.r_[x, y], max_fpr=max_fpr))


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(5)


@pytest.fixture
def domains(rng):
    """The mean AUC of two domains whose normals meet the same anomalies."""
    source, target = rng.normal(size=12), rng.normal(size=9) + 0.5
    shared = rng.normal(size=15) + 1
    return [(0.5, curve(source, shared, "s a")), (0.5, curve(target, shared, "t a"))]


def test_estimate_is_the_weighted_sum(domains):
    s, t, a = (domains[0][1].negative, domains[1][1].negative, domains[0][1].positive)
    expected = 0.5 * area(s.scores, a.scores) + 0.5 * area(t.scores, a.scores)
    assert combine(domains).estimate == pytest.approx(expected, abs=1e-14)
    expected = 0.5 * area(s.scores, a.scores, 0.1) + 0.5 * area(t.scores, a.scores, 0.1)
    assert combine(domains, "pauc").estimate == pytest.approx(expected, abs=1e-12)


def test_shared_anomalies_are_added_clip_by_clip(domains):
    (_, one), (_, two) = domains
    s, t, a = one.negative.scores, two.negative.scores, one.positive.scores
    wins = [np.asarray(a[None, :] > x[:, None], dtype=float) for x in (s, t)]
    variance = (
        0.25 * np.var(wins[0].mean(1), ddof=1) / 12
        + 0.25 * np.var(wins[1].mean(1), ddof=1) / 9
        + np.var(0.5 * wins[0].mean(0) + 0.5 * wins[1].mean(0), ddof=1) / 15
    )
    found = combine(domains)
    assert found.se == pytest.approx(np.sqrt(variance), rel=1e-12)
    assert found.method == "delong"


@pytest.mark.parametrize("metric", ["auc", "pauc"])
def test_draws_are_those_of_a_plain_loop(rng, metric):
    """Two domains, real and generated, with ties; drawn pool by pool, in order of appearance."""
    pools = {name: np.round(rng.normal(size=8) + 2, 1) for name in ("a", "g")}
    pools |= {name: np.round(rng.normal(size=6), 1) for name in ("s", "t")}
    pools["g"] += 9  # one AUC is 1: bootstrap
    parts = [(-0.5, "s a"), (-0.5, "t a"), (0.5, "s g"), (0.5, "t g")]
    terms = [(w, curve(*(pools[name] for name in names.split()), names)) for w, names in parts]
    found = combine(terms, metric, seed=3, draws=60)

    drawer = np.random.default_rng(3)
    order = ["s", "a", "t", "g"]
    picks = {name: drawer.integers(len(pools[name]), size=(60, len(pools[name]))) for name in order}
    expected = []
    for draw in range(60):
        taken = {name: pools[name][picks[name][draw]] for name in order}
        limit = 0.1 if metric == "pauc" else None
        expected.append(
            sum(w * area(*(taken[n] for n in names.split()), limit) for w, names in parts)
        )
    np.testing.assert_allclose(found.samples, expected, atol=1e-12)
    assert found.se == pytest.approx(np.std(expected, ddof=1), rel=1e-10)
    assert (found.low, found.high) == pytest.approx(
        tuple(np.quantile(expected, [0.025, 0.975])), abs=1e-12
    )


def test_clustered_variance_adds_the_clips_of_a_recording(rng):
    x, y = rng.normal(size=12), rng.normal(size=8) + 0.7
    recordings = np.array(["a", "b", "c", "d"]).repeat([5, 3, 3, 1])
    found = combine([(1.0, curve(x, y, "n p"))], clusters={"n": recordings})
    wins = np.asarray(y[None, :] > x[:, None], dtype=float)
    off = wins.mean(1) - wins.mean()
    sums = [off[recordings == name].sum() for name in "abcd"]
    variance = 4 / 3 * np.square(sums).sum() / 12**2 + np.var(wins.mean(0), ddof=1) / 8
    assert found.se == pytest.approx(np.sqrt(variance), rel=1e-12)


def test_recordings_of_one_clip_change_nothing(rng):
    x, y = rng.normal(size=12), rng.normal(size=8) + 0.7
    alone = {"n": [f"r{i:02d}" for i in range(12)]}
    terms = [(1.0, curve(x, y, "n p"))]
    assert combine(terms, clusters=alone).se == pytest.approx(combine(terms).se, rel=1e-12)
    drawn = [combine(terms, "pauc", clusters=c) for c in (alone, None)]
    np.testing.assert_array_equal(drawn[0].samples, drawn[1].samples)


def test_clustered_draws_are_those_of_a_plain_loop(rng):
    x, y = rng.normal(size=12), rng.normal(size=8) + 0.7
    recordings = np.array([0, 1, 2, 3]).repeat([5, 3, 3, 1])[::-1]
    labels = [f"r{i}" for i in recordings]
    found = combine([(1.0, curve(x, y, "n p"))], "pauc", {"n": labels}, seed=4, draws=50)
    drawer = np.random.default_rng(4)
    whole = drawer.integers(4, size=(50, 4))
    clips = drawer.integers(8, size=(50, 8))
    expected = [
        area(np.concatenate([x[recordings == r] for r in some]), y[others], 0.1)
        for some, others in zip(whole, clips, strict=True)
    ]
    np.testing.assert_allclose(found.samples, expected, atol=1e-12)


def test_bootstrap_agrees_with_delong_where_both_hold(rng):
    s, t, a, g = (rng.normal(size=n) + m for n, m in ((90, 0), (80, 0), (100, 0.5), (150, 0.6)))
    terms = [
        (-0.5, curve(s, a, "s a")),
        (-0.5, curve(t, a, "t a")),
        (0.5, curve(s, g, "s g")),
        (0.5, curve(t, g, "t g")),
    ]
    one = combine(terms)
    far = curve(np.arange(3.0), np.arange(3.0) + 9, "x y")  # adds a constant, and the bootstrap
    other = combine([*terms, (1.0, far)], draws=4000)
    assert (one.method, other.method) == ("delong", "bootstrap")
    assert other.note is not None
    assert one.se == pytest.approx(other.se, rel=0.06)
    assert one.low == pytest.approx(other.low - 1.0, abs=0.01)


def test_repeats_on_the_same_clips_are_not_independent(rng):
    x, y = rng.normal(size=50), rng.normal(size=50) + 0.5
    noise = [(rng.normal(size=50) * 0.1, rng.normal(size=50) * 0.1) for _ in range(4)]
    repeats = [(0.25, curve(x + n, y + p, "n p")) for n, p in noise]
    one = combine([(1.0, curve(x, y, "n p"))])
    assert combine(repeats).se == pytest.approx(one.se, rel=0.1)
    unrelated = [
        (w, curve(c.negative.scores, c.positive.scores, f"n{i} p{i}"))
        for i, (w, c) in enumerate(repeats)
    ]
    assert combine(unrelated).se == pytest.approx(0.5 * one.se, rel=0.15)


def test_a_mean_of_aucs_is_cut_and_a_gap_is_not(rng):
    x, y = np.arange(4.0), np.array([1.5, 4, 5, 6])
    mean = [(0.5, curve(x, y, "a b")), (0.5, curve(x, y, "c d"))]
    assert combine(mean, confidence=0.999).high == 1.0
    assert combine([(1.5, curve(x, y, "a b"))], confidence=0.999).high > 1.0


def test_other_levels_come_from_the_same_draws(rng):
    x, r, g = (rng.normal(size=40) + m for m in (0, 1, 3))
    found = combine(gap(x, r, g), seed=2, draws=1000)
    again = combine(gap(x, r, g), seed=2, draws=1000, confidence=0.9)
    assert found.method == "bootstrap"
    assert found.at(0.90) == again
    one = combine([(1.0, curve(x, r, "n p"))])
    assert one.at(0.9) == combine([(1.0, curve(x, r, "n p"))], confidence=0.9)
    assert one.at(0.9).at(0.95) == one
    nothing = Interval.missing(0.3, 0.95, "why")
    assert (nothing.at(0.9).low, nothing.at(0.9).confidence) == (None, 0.9)


@pytest.mark.parametrize("generated", [0.9, 3.0])
def test_p_values_agree_with_the_interval(rng, generated):
    x, r, g = (rng.normal(size=40) + m for m in (0, 1, generated))
    found = combine(gap(x, r, g), seed=2, draws=1999, confidence=0.9)
    assert found.low is not None
    assert found.p_above(found.low) == pytest.approx(0.05, abs=0.002)
    assert found.p_below(found.high) == pytest.approx(0.05, abs=0.002)
    assert found.p_above(-1.0) < 0.001
    assert Interval.missing(0.0, 0.9, "why").p_above(0.0) is None


@pytest.mark.parametrize("generated", [0.9, 3.0])
def test_variance_between_fits_widens_the_interval(rng, generated):
    x, r, g = (rng.normal(size=40) + m for m in (0, 1, generated))
    found = combine(gap(x, r, g), seed=2, draws=1999, confidence=0.9)
    wide = found.widened(found.se**2 * 3)
    assert wide.se == pytest.approx(2 * found.se)
    assert wide.high - wide.low == pytest.approx(2 * (found.high - found.low))
    assert found.widened(0.0) is found
    with pytest.raises(ValueError, match="negative"):
        found.widened(-1.0)


@pytest.mark.parametrize("metric", ["auc", "pauc"])
def test_memory_does_not_grow_with_the_pairs(rng, metric):
    clips = 6000
    far = curve(rng.normal(size=clips), rng.normal(size=clips) + 2.5, "n p")
    tracemalloc.start()
    combination([(1.0, far)], 0.95, 20, rng, metric)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < clips**2  # one byte a pair


def test_blocks_bound_the_memory_and_keep_the_pairing(rng, monkeypatch):
    x, y = rng.normal(size=30), rng.normal(size=34)
    terms = [(1.0, curve(x, y, "n p")), (-1.0, curve(x, y + 0.0, "n p"))]
    monkeypatch.setattr(resampling, "_BLOCK", 64 * 7)
    assert resampling.blocks(20, 64) == [7, 7, 6]
    assert combine(terms, "pauc", draws=20).method == "none"  # the same in every draw


def test_no_global_random_state(rng):
    np.random.seed(3)  # noqa: NPY002
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    combine([(1.0, curve(rng.normal(size=9), rng.normal(size=9), "n p"))], "pauc")
    assert np.array_equal(before, np.random.get_state()[1])  # noqa: NPY002


def test_what_is_wrong_is_said(rng):
    terms = [(1.0, curve(rng.normal(size=9), rng.normal(size=9), "n p"))]
    with pytest.raises(ValueError, match="no curve"):
        combine([])
    with pytest.raises(ValueError, match="draws is 1"):
        combine(terms, draws=1)
    with pytest.raises(ValueError, match="8 clusters are named for 9 clips of n"):
        combine(terms, clusters={"n": list("abcdefgh")})
    one = combine(terms, clusters={"n": ["a"] * 9})
    assert one.low is None
    assert one.note == "all clips come from one recording in: n"
