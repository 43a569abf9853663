"""The interval of a weighted sum of AUCs or pAUCs, whichever clips they share.

Every quantity of a report is such a sum:

- one AUC: ``[(1, curve)]``; a gap: ``[(-1, real), (1, generated)]``;
- the mean over k sections: weights 1/k. Sections share no clips, so their pools bear different
  names and their variances add;
- the mean over the two domains of a section: weights 1/2. The anomalies of both domains enter
  both AUCs (DCASE 2022-2025), so both curves name the same pool of anomalies, and its clips'
  components are added before their variance is taken;
- the mean of R repeats of a detector: weights 1/R. All repeats score the same clips, so their
  pools bear the same names with other scores. What differs between fits is not in this interval:
  add it with :meth:`~asdbench.stats.interval.Interval.widened`;
- a difference of two detectors on the same clips: weights -1 and 1, the same names.

Weights multiply: the gap of a machine of 3 sections with 2 domains and R repeats has the weights
+-1/(6 R). Pools with different names count as independent.

The variance is that of DeLong's structural components (E. R. DeLong et al., Biometrics 44, 1988,
equations 4-7), weighted and added up for each clip, or each cluster of clips, before it is taken
(N. A. Obuchowski, Biometrics 53, 1997).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from asdbench.metrics.rank import Floats, MetricError
from asdbench.stats.curves import Curve, pool_sizes
from asdbench.stats.delong import placements
from asdbench.stats.interval import NO_VARIATION, Interval, normal_quantile, too_few
from asdbench.stats.resampling import Codes, RankMetric, Take, sample_sums

DELONG_RANGE = (0.1, 0.9)
"""AUCs within which the normal approximation of DeLong's method holds at 50 clips a class."""
TOO_NARROW = "resampling sees no variation there, the interval is too narrow"
_ROUNDING = 1e-9
"""A standard error below this is none: the components of each clip cancel."""

Clusters = Mapping[str, Sequence[str] | NDArray[np.str_]]
"""Names of the recordings (n,) that the clips of a pool were cut from, by pool name."""


def combination(
    terms: Sequence[tuple[float, Curve]],
    confidence: float,
    draws: int,
    rng: np.random.Generator,
    metric: RankMetric = "auc",
    clusters: Clusters | None = None,
) -> Interval:
    """Return the sum of weight x metric over ``terms``, with an interval.

    DeLong's for AUCs that all lie within 0.1 to 0.9; otherwise, and for pAUC, the percentile
    interval of ``draws`` bootstrap samples drawn with ``rng``. Both respect shared clips and
    clusters. The interval of one AUC, or of a mean of AUCs, is cut to [0, 1].

    Parameters
    ----------
    terms
        Weights and curves; see the module's docstring.
    confidence
        Level of the interval, e.g. 0.95.
    draws
        Number of bootstrap samples.
    rng
        Source of randomness; the same state gives the same interval.
    metric
        ``auc`` or ``pauc``.
    clusters
        For pools whose clips are not independent, the recording of each clip. Names hold within
        a pool; pools that are not named have independent clips.

    Raises
    ------
    MetricError
        When there is no term, a pool is empty, a score is not finite, or ``confidence`` or
        ``draws`` is out of range.
    ValueError
        When pools of the same clips differ in size, or clusters do not fit their pool.
    """
    normal_quantile(confidence)
    if not terms:
        raise MetricError("no curve to combine")
    if draws < 2:
        raise MetricError(f"draws is {draws}; an interval needs at least two")
    sizes = pool_sizes(curve for _, curve in terms)
    codes = cluster_codes(clusters or {}, sizes)
    values = [curve.auc if metric == "auc" else curve.pauc for _, curve in terms]
    estimate = float(sum(w * value for (w, _), value in zip(terms, values, strict=True)))
    reason = too_few(**sizes) or _too_few_clusters(codes)
    if reason is not None:
        return Interval.missing(estimate, confidence, reason)
    low, high = DELONG_RANGE
    if metric == "auc" and all(low <= value <= high for value in values):
        found = _delong(terms, estimate, confidence, codes)
    else:
        takes = {name: Take(size, codes.get(name)) for name, size in sizes.items()}
        samples = sample_sums([terms], takes, metric, draws, rng)[:, 0]
        if np.ptp(samples) <= _ROUNDING:
            return Interval.missing(estimate, confidence, NO_VARIATION)
        perfect = metric == "auc" and any(value in (0.0, 1.0) for value in values)
        note = f"an AUC is 0 or 1: {TOO_NARROW}" if perfect else None
        found = Interval.percentile(estimate, samples, confidence, note)
    weights = [w for w, _ in terms]
    if metric == "auc" and min(weights) >= 0.0 and math.isclose(math.fsum(weights), 1.0):
        return replace(found, within_unit=True).at(confidence)
    return found


def cluster_codes(clusters: Clusters, sizes: Mapping[str, int]) -> dict[str, Codes]:
    """Return the number of the cluster of each clip, from 0, by pool; of pools in ``sizes`` only.

    Raises
    ------
    ValueError
        When clusters do not fit their pool.
    """
    codes: dict[str, Codes] = {}
    for name, labels in clusters.items():
        if name not in sizes:
            continue
        if len(labels) != sizes[name]:
            raise ValueError(f"{len(labels)} clusters are named for {sizes[name]} clips of {name}")
        codes[name] = np.unique(np.asarray(labels), return_inverse=True)[1]
    return codes


def _too_few_clusters(codes: Mapping[str, Codes]) -> str | None:
    single = [name for name, found in codes.items() if not found.any()]
    if not single:
        return None
    return f"all clips come from one recording in: {', '.join(single)}"


def _delong(
    terms: Sequence[tuple[float, Curve]],
    estimate: float,
    confidence: float,
    codes: Mapping[str, Codes],
) -> Interval:
    parts: dict[str, Floats] = {}
    for weight, curve in terms:
        components = placements(curve.negative.scores, curve.positive.scores)
        for pool, values in zip(curve.pools, components, strict=True):
            parts[pool.clips] = parts.get(pool.clips, np.zeros_like(values)) + weight * values
    variance = sum(_variance_of_mean(values, codes.get(name)) for name, values in parts.items())
    if variance < _ROUNDING**2:
        return Interval.missing(estimate, confidence, NO_VARIATION)
    return Interval.normal(estimate, math.sqrt(variance), confidence)


def _variance_of_mean(values: Floats, clusters: Codes | None) -> float:
    if clusters is None:
        return float(np.var(values, ddof=1)) / values.size
    sums = np.bincount(clusters, weights=values - np.mean(values))
    return float(np.sum(sums**2)) * sums.size / (sums.size - 1) / values.size**2
