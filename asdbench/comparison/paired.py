"""The interval of a difference between two runs that scored the same clips.

Both runs' numbers are weighted sums of AUCs (fits of the detector, fits of the generator, folds;
a gap is one arm less another), and so is their difference: :mod:`asdbench.stats.combination` gives
it an interval in which every clip that both runs scored varies once, and clips that only one run
has vary on their own. The interval is that over clips; where a detector was fitted several times,
the variance of the mean over its fits is added.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from asdbench.comparison.numbers import Pair
from asdbench.comparison.quantity import MetricName
from asdbench.comparison.scored import ScoredSide, Terms
from asdbench.comparison.side import Side
from asdbench.metrics.rank import Floats
from asdbench.report.intervals import generator_for
from asdbench.stats.combination import combination
from asdbench.stats.curves import Curve
from asdbench.stats.interval import NO_VARIATION

DRAWS = 1000
"""Bootstrap samples where DeLong's interval does not hold; at 95 %, an end is the 25th of them."""
ROUNDING = 1e-6
"""How far a number from the scores may lie from the report's."""


@dataclass(frozen=True)
class Paired:
    """The interval of new - base; ``low`` is None where there is none, ``reason`` says why."""

    low: float | None = None
    high: float | None = None
    method: str | None = None
    reason: str | None = None


class PairedRuns:
    """Two runs, with their scores where they are kept."""

    def __init__(self, base: Side, new: Side) -> None:
        self._sides = (ScoredSide(base, "base"), ScoredSide(new, "new"))
        self._confidence = base.report.confidence
        without = [side.which for side in self._sides if side.side.scores is None]
        self.obstacle = f"no scores.parquet beside {' and '.join(without)}" if without else None
        """Why there are no intervals at all; None where there may be."""

    def interval(self, pair: Pair) -> Paired:
        """Return the interval of one number's difference; both reports must have a value."""
        if self.obstacle is not None:
            return Paired(reason=self.obstacle)
        sums: list[Terms] = []
        for side, number in zip(self._sides, (pair.base, pair.new), strict=True):
            own = side.terms(pair.key, pair.quantity)
            if isinstance(own, str):
                return Paired(reason=own)
            total = sum(weight * _value(one.curve, pair.quantity.metric) for weight, one in own)
            if number is None or number.value is None or abs(total - number.value) > ROUNDING:
                return Paired(reason=f"the {side.which} scores give {total:.3f}: not this report's")
            sums.append(own)
        if _identical(*sums):
            return Paired(0.0, 0.0, "identical scores")
        return self._of(pair, *sums)

    def _of(self, pair: Pair, base: Terms, new: Terms) -> Paired:
        metric = pair.quantity.metric
        found = combination(
            [*((-weight, one.curve) for weight, one in base), *((w, one.curve) for w, one in new)],
            self._confidence,
            DRAWS,
            generator_for(0, f"compare/{pair.key}/{pair.quantity.name}", 0),
            metric,
            {pool: cut for _, one in (*base, *new) for pool, cut in one.recordings.items()},
        )
        if found.se is None and found.note == NO_VARIATION and abs(found.estimate) < ROUNDING:
            return Paired(0.0, 0.0, "identical ranks")
        found = found.widened(_between_fits(base, new, metric))
        return Paired(found.low, found.high, found.method, found.note)


def _value(curve: Curve, metric: MetricName) -> float:
    return curve.auc if metric == "auc" else curve.pauc


def _identical(base: Terms, new: Terms) -> bool:
    if len(base) != len(new):
        return False
    pools = [
        (old, now)
        for (_, one), (_, other) in zip(base, new, strict=True)
        for old, now in zip(one.curve.pools, other.curve.pools, strict=True)
    ]
    return all(np.array_equal(o.scores, n.scores) for o, n in pools)


def _between_fits(base: Terms, new: Terms, metric: MetricName) -> float:
    """Return the variance of the mean over the detector's fits, 0.0 where there is one.

    Fits with the same number have the same seed in both runs: their differences are taken first.
    """
    old, now = _by_fit(base, metric), _by_fit(new, metric)
    if old.size == now.size:
        return _variance_of_mean(now - old)
    return _variance_of_mean(old) + _variance_of_mean(now)


def _by_fit(terms: Terms, metric: MetricName) -> Floats:
    found = np.zeros(max(one.repeat for _, one in terms) + 1)
    for weight, one in terms:
        found[one.repeat] += found.size * weight * _value(one.curve, metric)
    return found


def _variance_of_mean(values: Floats) -> float:
    return float(np.var(values, ddof=1)) / values.size if values.size > 1 else 0.0
