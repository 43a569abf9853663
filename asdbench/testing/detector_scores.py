"""Checks of what a detector's scores are."""

from __future__ import annotations

import numpy as np

from asdbench.metrics.rank import auc
from asdbench.testing.bench import fail_unless
from asdbench.testing.check import Check
from asdbench.testing.detector_bench import DetectorBench, Scores, differ

LEAST_AUC = 0.75
"""Of loud planted anomalies; chance is 0.5, and a flipped sign gives less."""


def score_checks(bench: DetectorBench) -> list[Check]:
    """Return the checks of shape, direction and repeatability of scores, and of decisions."""
    return [
        Check(
            "scores",
            "score() returns finite scores, float64 (len(clips),).",
            lambda: _check_scores(bench),
        ),
        Check(
            "anomalies-rank-higher",
            "Higher is more anomalous: loud planted anomalies rank above normal clips.",
            lambda: _check_ranking(bench),
        ),
        Check(
            "score-twice",
            "Scoring changes nothing: a second call gives equal scores.",
            lambda: _check_twice(bench),
        ),
        Check(
            "decide",
            "decide() returns one bool for every score, or None where no threshold is known.",
            lambda: _check_decisions(bench),
        ),
    ]


def _check_scores(bench: DetectorBench) -> None:
    scores, count = bench.raw_scores(bench.fitted(), bench.test()), len(bench.test())
    right = isinstance(scores, np.ndarray) and scores.dtype == np.float64
    fail_unless(
        right and scores.shape == (count,),
        f"score() returned {type(scores).__name__}, "
        f"{getattr(scores, 'dtype', 'no dtype')} {np.shape(scores)}",
        f"a numpy array, float64 ({count},)",
        "return np.asarray(scores, dtype=np.float64), one number for every clip.",
    )
    check_finite(scores)


def check_finite(scores: Scores) -> None:
    """Check that every score is finite.

    Raises
    ------
    CheckFailure
        When one is not.
    """
    bad = int((~np.isfinite(scores)).sum())
    fail_unless(
        not bad,
        f"{bad} of {len(scores)} scores are NaN or infinite",
        "every score is finite",
        "mind divisions by zero and logarithms of zero; clip what may overflow.",
    )


def _check_ranking(bench: DetectorBench) -> None:
    scores, anomalous = np.nan_to_num(bench.base()), bench.anomalous
    sections = np.array([f"{c.machine}/{c.section}" for c in bench.test().conditions])
    areas = {
        name: auc(scores[(sections == name) & ~anomalous], scores[(sections == name) & anomalous])
        for name in np.unique(sections)
    }
    mean = float(np.mean(list(areas.values())))
    each = ", ".join(f"{name}: {area:.2f}" for name, area in areas.items())
    remedy = "is the sign flipped? Return higher scores for what is less like the training clips."
    if mean > 1 - LEAST_AUC:
        remedy = (
            "does it learn anything from the training clips? If it merely had too little training, "
            "set check_params so that it has more."
        )
    fail_unless(
        mean >= LEAST_AUC,
        f"AUC of loud planted anomalies {mean:.2f} ({each})",
        f"at least {LEAST_AUC}",
        remedy,
    )


def _check_twice(bench: DetectorBench) -> None:
    first, second = bench.base(), bench.score(bench.fitted(), bench.test())
    wrong = differ(first, second, 0.0)
    fail_unless(
        not len(wrong),
        f"{len(wrong)} of {len(first)} scores differ between two calls with one seed",
        "the same detector, clips and context.seed give the same scores",
        "let score() change nothing in the object, and draw from context.rng() alone.",
    )


def _check_decisions(bench: DetectorBench) -> None:
    scores = bench.base()
    decided = bench.fitted().decide(scores)
    if decided is None:
        return
    right = isinstance(decided, np.ndarray) and decided.dtype == np.bool_
    shape = f"{decided.dtype} {decided.shape}" if isinstance(decided, np.ndarray) else decided
    fail_unless(
        right and decided.shape == scores.shape,
        f"decide() returned {shape} for {len(scores)} scores",
        f"a numpy array, bool ({len(scores)},), or None",
        "return scores > threshold, or None where no threshold is known.",
    )
