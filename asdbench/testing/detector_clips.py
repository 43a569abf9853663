"""Checks of what a detector does with the clips that it is given."""

from __future__ import annotations

import numpy as np

from asdbench.testing.bench import SEED, fail_unless
from asdbench.testing.check import Check, CheckFailure
from asdbench.testing.conduct import check_peeked, check_written
from asdbench.testing.detector_bench import (
    TOLERANCE,
    DetectorBench,
    Scores,
    check_finite,
    differ,
)
from asdbench.testing.material import STRETCH, uneven


def clip_checks(bench: DetectorBench) -> list[Check]:
    """Return the checks of order, company, number and length of clips, and of what is looked at."""
    return [
        Check(
            "order",
            "A clip has the same score in whatever place it is listed.",
            lambda: _check_order(bench),
        ),
        Check(
            "subset-invariance",
            "A clip's score does not depend on the clips scored with it, nor on how many they are, "
            "unless the detector is declared transductive.",
            lambda: _check_subsets(bench),
        ),
        Check("one-clip", "One clip can be scored.", lambda: _check_one(bench)),
        Check("no-clips", "No clips give an empty array.", lambda: _check_none(bench)),
        Check(
            "unequal-lengths",
            "Clips may have unequal lengths, in training and when scored.",
            lambda: _check_lengths(bench),
        ),
        Check(
            "blind",
            "A detector sees no label, origin or file name: it uses what ClipSet offers alone.",
            lambda: _check_blind(bench),
        ),
        Check(
            "inputs-unmodified",
            "Audio and features that were lent are not written into; read-only arrays serve.",
            lambda: _check_inputs(bench),
        ),
    ]


def _compare(one: Scores, other: Scores, seen: str, required: str, remedy: str) -> None:
    wrong = differ(one, other)
    if len(wrong):
        i = int(wrong[0])
        seen = f"{len(wrong)} of {len(one)} scores differ {seen}, e.g. {one[i]:.9g}, {other[i]:.9g}"
    fail_unless(not len(wrong), seen, f"{required} (within {TOLERANCE:g} of the largest)", remedy)


def _check_order(bench: DetectorBench) -> None:
    base = bench.base()
    order = np.random.default_rng(SEED).permutation(len(bench.test()))
    _compare(
        base[order],
        bench.score(bench.fitted(), bench.test(), order.tolist()),
        "when the clips are listed in another order",
        "the scores move with the clips",
        "score every clip by itself; draw no random numbers clip after clip from one generator.",
    )


def _check_subsets(bench: DetectorBench) -> None:
    if bench.info.transductive:
        return
    count = len(bench.test())
    for first in (count - 1, count // 2, 2):
        _compare(
            bench.base()[:first],
            bench.score(bench.fitted(), bench.test(), range(first)),
            f"when the first {first} of {count} clips are scored without the others",
            "the same scores in any company and any batch",
            "normalize with statistics of the training clips, put networks into eval mode; or "
            "declare transductive=True in info if the method compares the clips of a pool.",
        )


def _check_one(bench: DetectorBench) -> None:
    bench.base()
    scores = np.asarray(bench.raw_scores(bench.fitted(), bench.test().subset([0])))
    fail_unless(
        scores.shape[:1] == (1,) and bool(np.isfinite(scores).all()),
        f"score() returned {scores.dtype} {scores.shape} for one clip: {scores}",
        "one finite score, float64 (1,)",
        "no np.squeeze(), and no division by a deviation over the clips of a pool.",
    )


def _check_none(bench: DetectorBench) -> None:
    bench.base()
    scores = np.asarray(bench.raw_scores(bench.fitted(), bench.test().subset([])))
    fail_unless(
        scores.shape[:1] == (0,),
        f"score() returned {scores.dtype} {scores.shape} for no clips",
        "an array without values, float64 (0,)",
        "return np.zeros(0) where len(clips) is 0.",
    )


def _check_lengths(bench: DetectorBench) -> None:
    bench.base()
    pool = uneven(bench.test())
    together = bench.score(bench.fitted(), pool)
    check_finite(together)
    if _independent(bench):
        first = np.arange(len(pool)) % len(STRETCH) == 0
        # The others are made longer; then these are, so that no clip is as short as they were.
        longer = bench.score(bench.fitted(), uneven(bench.test(), (STRETCH[1], *STRETCH[1:])))
        for one, other in (
            (bench.base()[first], together[first]),
            (together[~first], longer[~first]),
        ):
            _compare(
                one,
                other,
                "when the lengths of other clips change",
                "the length of one clip does not change the score of another",
                "do not pad or cut clips to the length of others; score each as long as it is.",
            )
    check_finite(bench.score(bench.uneven(), pool))


def _independent(bench: DetectorBench) -> bool:
    """Return whether a clip's score is its own; where it is not, that is one finding, not two."""
    try:
        _check_subsets(bench)
    except CheckFailure:
        return False
    return not bench.info.transductive


def _check_blind(bench: DetectorBench) -> None:
    try:
        bench.raw()
    finally:  # what was asked for comes before what it broke
        check_peeked(bench.journal, "ClipSet")


def _check_inputs(bench: DetectorBench) -> None:
    bench.raw()
    check_written(bench.journal)
    bench.base()
    scores = bench.raw_scores(bench.fitted(), bench.test(), writable=False)
    _compare(
        bench.score(bench.fitted(), bench.test()),
        np.asarray(scores, dtype=np.float64).reshape(-1),
        "with read-only arrays",
        "the same scores",
        "treat what ClipSet returns as read-only.",
    )
