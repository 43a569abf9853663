"""Which conditions fail: the anomalies of each against the normals of the cell."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from asdbench.audit.conditions import LEAST
from asdbench.explain.clips import split_condition
from asdbench.explain.model import ConditionLine
from asdbench.explain.places import Place
from asdbench.explain.score_table import CellScores, Scored
from asdbench.metrics.rank import auc
from asdbench.report.intervals import generator_for
from asdbench.stats.combination import combination
from asdbench.stats.curves import Curve, Pool

_DRAWS = 1000


def condition_lines(
    scores: CellScores, place: Place, matched: bool, confidence: float
) -> Sequence[ConditionLine]:
    """Return the AUCs of each condition of anomalies, the largest gap first.

    A gap has no interval where the map of conditions gives none: with fewer than ``LEAST`` real
    or generated anomalies.

    Parameters
    ----------
    scores
        Of the cell.
    place
        The cell; it names the source of randomness.
    matched
        Whether generated anomalies are set against generated normals, or else against real ones.
    confidence
        Level of the intervals.
    """
    beside = scores.generated_normals if matched else scores.real_normals
    negative = Pool("real normals", scores.real_normals.score)
    other = Pool("generated normals", beside.score) if matched else negative
    found = []
    named = [*scores.real_anomalies.condition, *scores.generated_anomalies.condition]
    for condition in sorted(set(map(str, named))):
        real = _of(scores.real_anomalies, condition)
        made = _of(scores.generated_anomalies, condition)
        domain, attributes = split_condition(condition)
        of_real = auc(negative.scores, real) if len(negative.scores) and len(real) else None
        of_made = auc(other.scores, made) if len(other.scores) and len(made) else None
        low = high = None
        if min(len(real), len(made)) >= LEAST and len(negative.scores) and len(other.scores):
            of_both = [
                (1.0, Curve(other, Pool("generated anomalies", made))),
                (-1.0, Curve(negative, Pool("real anomalies", real))),
            ]
            interval = combination(
                of_both,
                confidence,
                _DRAWS,
                generator_for(0, f"{place}/{condition}", 0),
            )
            low, high = interval.low, interval.high
        found.append(
            ConditionLine(
                attributes,
                domain,
                len(real),
                len(made),
                of_real,
                of_made,
                None if of_real is None or of_made is None else of_made - of_real,
                low,
                high,
            )
        )
    return sorted(found, key=lambda line: -abs(line.gap or 0.0))


def _of(clips: Scored, condition: str) -> NDArray[np.float64]:
    return clips.where(clips.condition == condition).score
