"""What can be certified with so many clips: standard errors of AUCs and gaps before any is scored.

The model: scores of normals and of anomalies are normal with the same variance (binormal), clips
are independent, and the generator is perfect. Then the variance of an AUC is known exactly
(E. L. Lehmann, Nonparametrics, 1975, equation 2.20; J. A. Hanley and B. J. McNeil, Radiology 143,
1982), with Q = P(two anomalies both score above a normal clip), which is Owen's T function.
Clips of one recording are correlated: real uncertainty is, if anything, larger.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from statistics import NormalDist

from asdbench.metrics.rank import MetricError

POWER = 0.8
"""Probability with which a perfect generator should be certified."""
_WITHOUT_LIMIT = 2.0**40
"""So many times as many generated clips: as if their own variance were 0."""


@dataclass(frozen=True)
class Sizes:
    """How many clips enter a gap, and over how many sections and domains it is averaged."""

    normals: int
    """Real normals in one AUC: those of one domain of one section."""
    anomalies: int
    """Real anomalies in it: since 2022, those of both domains of the section."""
    generated_anomalies: int
    """Generated anomalies in it."""
    generated_normals: int | None = None
    """Generated normals of the matched gap; None: the paper's, which shares the real normals."""
    domains: int = 1
    """AUCs of a section that share its anomalies."""
    sections: int = 1
    """Sections of all machines together; they share no clips."""

    @classmethod
    def multiplied(
        cls,
        normals: int,
        anomalies: int,
        multiplier: float,
        *,
        matched: bool = False,
        domains: int = 1,
        sections: int = 1,
    ) -> Sizes:
        """Return sizes with ``multiplier`` generated clips for every real one."""
        return cls(
            normals,
            anomalies,
            round(multiplier * anomalies),
            round(multiplier * normals) if matched else None,
            domains,
            sections,
        )

    def scaled(self, real: float, generated: float) -> Sizes:
        """Return sizes with so many times as many real and generated clips, rounded up."""
        made = self.generated_normals
        return replace(
            self,
            normals=math.ceil(real * self.normals),
            anomalies=math.ceil(real * self.anomalies),
            generated_anomalies=math.ceil(generated * self.generated_anomalies),
            generated_normals=None if made is None else math.ceil(generated * made),
        )


def auc_se(auc: float, normals: int, anomalies: int) -> float:
    """Return the standard error of one AUC.

    Raises
    ------
    MetricError
        When the AUC does not lie between 0 and 1, or a size is below 1.
    """
    return math.sqrt(_auc_variance(auc, normals, anomalies))


def gap_se(auc: float, sizes: Sizes) -> float:
    """Return the standard error of the mean gap of a perfect generator.

    The two domains of a section share anomalies, so the mean over them varies hardly less than
    one of them; the mean over sections does.

    Parameters
    ----------
    auc
        AUC of every section and domain.
    sizes
        Clips, domains and sections.

    Raises
    ------
    MetricError
        When the AUC does not lie between 0 and 1, or a size is below 1.
    """
    shared = _shared(auc)
    made = sizes.generated_normals
    one = _auc_variance(auc, sizes.normals, sizes.anomalies) + _auc_variance(
        auc, sizes.normals if made is None else made, sizes.generated_anomalies
    )
    if made is None:  # both AUCs use the same normals
        one -= 2.0 * shared / sizes.normals
    between = shared * (1.0 / sizes.anomalies + 1.0 / sizes.generated_anomalies)
    mean = (one + (sizes.domains - 1) * between) / sizes.domains
    return math.sqrt(mean / sizes.sections)


def certifiable_margin(se: float, confidence: float = 0.95, power: float = POWER) -> float:
    """Return the smallest margin within which a gap of 0 is certified with this power.

    Parameters
    ----------
    se
        Standard error of the gap: expected (:func:`gap_se`), or that of a measured interval.
    confidence
        Equivalence is tested at level 1 - ``confidence``.
    power
        Probability that both one-sided tests reject.
    """
    normal = NormalDist()
    return (normal.inv_cdf(confidence) + normal.inv_cdf(0.5 + 0.5 * power)) * se


def equivalence_power(
    margin: float, se: float, gap: float = 0.0, confidence: float = 0.95
) -> float:
    """Return the probability that a generator of this true ``gap`` is certified."""
    normal = NormalDist()
    room = margin / se - normal.inv_cdf(confidence)
    return max(0.0, normal.cdf(room - gap / se) - normal.cdf(-room - gap / se))


def clips_needed(
    margin: float, auc: float, sizes: Sizes, confidence: float = 0.95, power: float = POWER
) -> Sizes:
    """Return the smallest multiple of ``sizes``, real and generated alike, that certifies.

    Raises
    ------
    MetricError
        When the margin is not positive.
    """
    if not margin > 0.0:
        raise MetricError(f"margin is {margin}; it must be positive")
    smallest = 1.0 / min(sizes.normals, sizes.anomalies)

    def enough(factor: float) -> bool:
        se = gap_se(auc, sizes.scaled(factor, factor))
        return certifiable_margin(se, confidence, power) <= margin

    return sizes.scaled(*(_least(enough, smallest),) * 2)


def generated_needed(
    margin: float, auc: float, sizes: Sizes, confidence: float = 0.95, power: float = POWER
) -> Sizes | None:
    """Return ``sizes`` with as many generated clips as certify, with these real ones.

    None where the real clips are too few, however many are generated: such a gate cannot pass
    honestly.
    """

    def enough(factor: float) -> bool:
        se = gap_se(auc, sizes.scaled(1.0, factor))
        return certifiable_margin(se, confidence, power) <= margin

    if not enough(_WITHOUT_LIMIT):
        return None
    return sizes.scaled(1.0, _least(enough, 1.0 / sizes.generated_anomalies))


def _least(enough: Callable[[float], bool], low: float) -> float:
    """Return the least factor that is enough, to a thousandth."""
    high = low
    while not enough(high):
        low, high = high, 2.0 * high
    while high > low * 1.001:
        middle = 0.5 * (low + high)
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high


def _shared(auc: float) -> float:
    """Return the covariance of two pairs that share one clip."""
    from scipy.special import owens_t

    if not 0.0 < auc < 1.0:
        raise MetricError(f"AUC is {auc}; it must lie between 0 and 1")
    z = NormalDist().inv_cdf(auc)
    both = auc - 2.0 * float(owens_t(z, 1.0 / math.sqrt(3.0)))
    return both - auc**2


def _auc_variance(auc: float, normals: int, anomalies: int) -> float:
    if normals < 1 or anomalies < 1:
        raise MetricError(f"{normals} normal, {anomalies} anomalous clips; each needs at least 1")
    chance = auc * (1.0 - auc)
    return (chance + (normals + anomalies - 2) * _shared(auc)) / (normals * anomalies)
