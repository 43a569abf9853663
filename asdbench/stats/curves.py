"""Pools of scored clips, and the ROC curves between them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from asdbench.metrics.rank import Floats, auc, check_scores, pauc


@dataclass(frozen=True)
class Pool:
    """Scores (n,) of clips; pools that name the same clips hold them in the same order."""

    clips: str
    scores: Floats


@dataclass(frozen=True)
class Curve:
    """A ROC curve of ``negative`` clips against ``positive`` ones."""

    negative: Pool
    positive: Pool

    @property
    def auc(self) -> float:
        """Share of the pairs in which the positive clip scores higher, ties half."""
        return auc(self.negative.scores, self.positive.scores)

    @property
    def pauc(self) -> float:
        """Partial AUC up to a false-positive rate of 0.1, standardized."""
        return pauc(self.negative.scores, self.positive.scores)

    @property
    def pools(self) -> tuple[Pool, Pool]:
        """Both sides."""
        return self.negative, self.positive


@dataclass(frozen=True)
class Gap:
    """The real and the generated arm of one section, domain and fit, with its weight in a mean.

    Pools of either arm that bear the same name hold the same clips: shared normals (the paper's
    gap), or clips and their coded versions. Pools of different names can be exchanged where the
    generator is perfect.
    """

    real: Curve
    generated: Curve
    weight: float = 1.0


def gap_terms(gaps: Sequence[Gap]) -> list[tuple[float, Curve]]:
    """Return the terms of :func:`~asdbench.stats.combination.combination`, generated - real."""
    return [term for gap in gaps for term in ((-gap.weight, gap.real), (gap.weight, gap.generated))]


def pool_sizes(curves: Iterable[Curve]) -> dict[str, int]:
    """Return the number of clips of each pool, in the order in which they appear.

    Raises
    ------
    MetricError
        When a pool is empty or a score is not finite.
    ValueError
        When pools of the same clips differ in size.
    """
    sizes: dict[str, int] = {}
    for pool in (pool for curve in curves for pool in curve.pools):
        size = check_scores(pool.scores, pool.clips).size
        if sizes.setdefault(pool.clips, size) != size:
            raise ValueError(f"pools of the same clips ({pool.clips}) differ in size")
    return sizes
