"""Checks of what a detector's scores are."""

from __future__ import annotations

import numpy as np

from asdbench.metrics.rank import auc
from asdbench.testing.bench import fail_unless
from asdbench.testing.check import Check
from asdbench.testing.detector_bench import DetectorBench, check_scores, differ

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
    check_scores(bench.raw(), len(bench.test()))


def _check_ranking(bench: DetectorBench) -> None:
    scores, anomalous = bench.base(), bench.anomalous
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
