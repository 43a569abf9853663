"""Whether generated anomalies rank detectors as real ones do, beside what real ones could do.

All detectors score the same clips, so they are resampled together. Each statistic stands beside
its ceiling: what a second set of real clips, of the generated arm's sizes, would reach.

The AUCs at hand are the true ones plus noise and so lie farther apart than these. Resampling them
as they are would put the ceiling too high: they are first moved towards their mean, until their
spread is that of the true AUCs (as in B. Efron and C. Morris, Journal of the American Statistical
Association 70, 1975, with the noise taken from the bootstrap).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from asdbench.metrics.rank import Floats, MetricError
from asdbench.stats.combination import Clusters, cluster_codes
from asdbench.stats.curves import Curve, Gap, Pool, gap_terms, pool_sizes
from asdbench.stats.interval import too_few
from asdbench.stats.resampling import Codes, RankMetric, Take, sample_sums


@dataclass(frozen=True)
class RankAgreement:
    """Agreement of two rankings of detectors, each number beside its real-vs-real ceiling."""

    real: Floats
    """Metric of each detector on real clips, (detectors,)."""
    generated: Floats
    """The same on generated clips."""
    tau: float | None
    """Kendall's tau-b; None where all detectors tie on one side."""
    tau_low: float | None
    """Lower end of its percentile interval."""
    tau_high: float | None
    """Upper end."""
    tau_ceiling: float | None
    """Mean tau-b of two sets of real clips."""
    top1: float
    """Share of bootstrap draws in which both sides name the same best detector."""
    top1_ceiling: float
    """The same for two sets of real clips, each resampled as these were."""
    regret: float
    """Real metric of the best by real minus that of the best by generated, >= 0."""
    regret_ceiling: float
    """Mean regret of choosing by a second set of real clips."""


def kendall_tau(first: ArrayLike, second: ArrayLike) -> float | None:
    """Return Kendall's tau-b (``scipy.stats.kendalltau``); None where one side is all ties."""
    from scipy.stats import kendalltau

    pair = (np.asarray(side, dtype=np.float64) for side in (first, second))
    tau = float(kendalltau(*pair, variant="b").statistic)
    return tau if np.isfinite(tau) else None


def selection_regret(real: ArrayLike, generated: ArrayLike) -> float:
    """Return the real metric that is lost by taking the best detector by ``generated``.

    Of several that are best by ``generated``, the mean.
    """
    a, b = np.asarray(real, dtype=np.float64), np.asarray(generated, dtype=np.float64)
    return float(np.max(a) - np.mean(a[b == np.max(b)]))


def rank_agreement(
    detectors: Sequence[Sequence[Gap]],
    draws: int,
    rng: np.random.Generator,
    metric: RankMetric = "auc",
    confidence: float = 0.95,
    clusters: Clusters | None = None,
) -> RankAgreement | None:
    """Compare the rankings of detectors by real and by generated clips.

    Parameters
    ----------
    detectors
        For each detector the arms of every section, domain and fit, with weights that make a
        mean. Pools of the same name hold the same clips for all of them.
    draws
        Number of bootstrap samples.
    rng
        Source of randomness.
    metric
        ``auc`` or ``pauc``.
    confidence
        Level of the interval of tau.
    clusters
        The recording of each clip of pools whose clips are not independent.

    Returns
    -------
    RankAgreement or None
        None with fewer than two detectors, or where a pool has one clip.

    Raises
    ------
    MetricError
        When a detector has no gap, a pool is empty or a score is not finite.
    """
    if any(not gaps for gaps in detectors):
        raise MetricError("a detector has no gap")
    if len(detectors) < 2:
        return None
    count = len(detectors)
    arms = [[(g.weight, g.real) for g in gaps] for gaps in detectors]
    arms += [[(g.weight, g.generated) for g in gaps] for gaps in detectors]
    sizes = pool_sizes(curve for gaps in detectors for _, curve in gap_terms(gaps))
    if too_few(**sizes) is not None:
        return None
    values = np.array([sum(w * _value(c, metric) for w, c in terms) for terms in arms])
    real, generated = values[:count], values[count:]
    codes = cluster_codes(clusters or {}, sizes)
    takes = {name: Take(size, codes.get(name)) for name, size in sizes.items()}
    drawn = sample_sums(arms, takes, metric, draws, rng)
    first, second = _second_sets(detectors, arms[:count], real, metric, draws, rng, codes)
    tail = 0.5 * (1.0 - confidence)
    taus = _taus(drawn[:, :count], drawn[:, count:])
    low, high = np.quantile(taus, [tail, 1.0 - tail]) if taus.size else (None, None)
    ceiling = _taus(first, second)
    # The sets at hand are one draw away from the truth, and each bootstrap draw is another.
    noise = np.roll(first, 1, axis=0), np.roll(second, 1, axis=0)
    center = np.mean(first, axis=0), np.mean(second, axis=0)
    twice = [
        one + more - mean for one, more, mean in zip((first, second), noise, center, strict=True)
    ]
    return RankAgreement(
        real=real,
        generated=generated,
        tau=kendall_tau(real, generated),
        tau_low=None if low is None else float(low),
        tau_high=None if high is None else float(high),
        tau_ceiling=float(np.mean(ceiling)) if ceiling.size else None,
        top1=_same_best(drawn[:, :count], drawn[:, count:]),
        top1_ceiling=_same_best(*twice),
        regret=selection_regret(real, generated),
        regret_ceiling=float(np.mean(_regrets(first, second))),
    )


def _second_sets(
    detectors: Sequence[Sequence[Gap]],
    real_terms: Sequence[Sequence[tuple[float, Curve]]],
    real: Floats,
    metric: RankMetric,
    draws: int,
    rng: np.random.Generator,
    codes: Mapping[str, Codes],
) -> tuple[Floats, Floats]:
    """Return metrics of two sets of real clips, (draws, detectors) each, about shrunk values."""
    takes: dict[str, Take] = {}
    shadows = []
    for gaps in detectors:
        terms = []
        for gap in gaps:
            pools = []
            for own, made in zip(gap.real.pools, gap.generated.pools, strict=True):
                clips, cut = own.scores.size, codes.get(own.clips)
                takes[own.clips] = Take(clips, cut)
                takes.setdefault(made.clips, Take(clips, cut, made.scores.size))
                pools.append(Pool(made.clips, own.scores))
            terms.append((gap.weight, Curve(pools[0], pools[1])))
        shadows.append(terms)
    drawn = sample_sums([*real_terms, *shadows], takes, metric, draws, rng)
    first, second = np.split(drawn, 2, axis=1)
    moved = _shrunk(real, first) - real
    return first + moved, second + moved


def _shrunk(values: Floats, drawn: Floats) -> Floats:
    """Return ``values`` (detectors,) moved to their mean as far as noise spread them."""
    spread = float(np.var(values, ddof=1))
    apart = drawn - drawn.mean(axis=1, keepdims=True)  # what all detectors share ranks nobody
    noise = float(np.sum(np.var(apart, axis=0, ddof=1))) / (values.size - 1)
    keep = np.sqrt(max(0.0, 1.0 - noise / spread)) if spread > 0.0 else 0.0
    return np.asarray(np.mean(values) + keep * (values - np.mean(values)), dtype=np.float64)


def _value(curve: Curve, metric: RankMetric) -> float:
    return curve.auc if metric == "auc" else curve.pauc


def _taus(first: Floats, second: Floats) -> Floats:
    """Return tau-b of each pair of rows; rows in which all detectors tie are left out."""
    one, other = (np.sign(side[:, :, None] - side[:, None, :]) for side in (first, second))
    agree = np.sum(one * other, axis=(1, 2))
    norm = np.sqrt(np.sum(one**2, axis=(1, 2)) * np.sum(other**2, axis=(1, 2)))
    taus: Floats = agree[norm > 0.0] / norm[norm > 0.0]
    return taus


def _same_best(first: Floats, second: Floats) -> float:
    return float(np.mean(np.argmax(first, axis=1) == np.argmax(second, axis=1)))


def _regrets(first: Floats, second: Floats) -> Floats:
    chosen = np.take_along_axis(first, np.argmax(second, axis=1)[:, None], axis=1)[:, 0]
    regrets: Floats = np.max(first, axis=1) - chosen
    return regrets
