"""How far the scores of generated anomalies lie from those of real ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from asdbench.report.means import mean_of
from asdbench.report.section_arms import SectionArms
from asdbench.report.trust_schema import ScoreDistanceRow
from asdbench.stats.distances import score_distance


def score_distance_rows(sections: Sequence[SectionArms]) -> Iterator[ScoreDistanceRow]:
    """Yield one row for each section, detector and grid of generated anomalies.

    Scores of different fits have different scales: distances are those of each fit, in standard
    deviations of its own real normals, and averaged. Twice the mean of p-values is a p-value
    whatever their dependence (V. Vovk and R. Wang, Biometrika 107, 2020, section 3).
    """
    for arms in sections:
        if arms.pairing.anomalies is not None:
            yield _row(arms, arms.pairing.anomalies)


def _row(arms: SectionArms, grid: str) -> ScoreDistanceRow:
    place = {
        "machine": arms.machine,
        "section": arms.section,
        "detector": arms.detector,
        "generator": arms.pairing.generator,
        "grid": grid,
    }
    real, made = arms.curves("real", "all"), arms.curves("paper", "all")
    if isinstance(real, str) or isinstance(made, str):
        reason = real if isinstance(real, str) else made
        return ScoreDistanceRow(
            **place, n_real=0, n_generated=0, ks=None, wasserstein=None, reason=str(reason)
        )
    found = [
        score_distance(beside.negative.scores, beside.positive.scores, one.curve.positive.scores)
        for i, one in enumerate(made)
        for beside in (real[i * len(real) // len(made)].curve,)
    ]
    tests = [one.ks_p for one in found]
    moved = [one.wasserstein for one in found if one.wasserstein is not None]
    shifts = [one.shift for one in found if one.shift is not None]
    complete = len(moved) == len(made)
    folds = max(1, len(made) // len({(one.repeat, one.generation) for one in made}))
    p = tests[0] if len(tests) == 1 else min(1.0, 2.0 * mean_of(tests))
    return ScoreDistanceRow(
        **place,
        n_real=real[0].curve.positive.scores.size,
        n_generated=sum(one.curve.positive.scores.size for one in made[:folds]),
        ks=mean_of([one.ks for one in found]),
        ks_p=p,
        wasserstein=mean_of(moved) if complete else None,
        shift=mean_of(shifts) if complete else None,
        reason=None if complete else "the scores of the real normals do not vary: no unit",
    )
