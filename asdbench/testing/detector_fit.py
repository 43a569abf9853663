"""Checks of fitting, saving and loading a detector, and of what it does to the process."""

from __future__ import annotations

from contextlib import suppress

import numpy as np

from asdbench.registry import parts_of
from asdbench.testing.bench import fail_unless
from asdbench.testing.check import Check, CheckFailure
from asdbench.testing.conduct import NOT_FITTED, check_clear, check_device, check_state
from asdbench.testing.detector_bench import TOLERANCE, DetectorBench, check_finite, differ
from asdbench.testing.saved_folder import check_no_pickle, check_unchanged, content

_SAME = 1e-9
"""Between two fits with one seed, relative to the largest score: nothing but rounding."""


def fit_checks(bench: DetectorBench) -> list[Check]:
    """Return the checks of seeds, of saved folders and of the state of the process."""
    return [
        Check(
            "same-seed",
            "Two fits with the same context.seed give the same scores.",
            lambda: _check_same_seed(bench),
        ),
        Check(
            "any-seed",
            "context.seed is any number of 64 bits.",
            lambda: _check_any_seed(bench),
        ),
        Check(
            "two-objects",
            "What one object learns leaves others alone.",
            lambda: _check_two_objects(bench),
        ),
        Check(
            "before-fit",
            "Scoring before fit() or load() is an error that says so; it may work where fitted "
            "parts are lent.",
            lambda: _check_before_fit(bench),
        ),
        Check(
            "save-load",
            "load() returns, in any folder, what save() wrote: the same scores and decisions.",
            lambda: _check_save_load(bench),
        ),
        Check(
            "no-pickle",
            "save() writes no pickle.",
            lambda: check_no_pickle(bench.saved()),
        ),
        Check(
            "folder-unchanged",
            "Loading and scoring leave the saved folder as it is.",
            lambda: _check_folder(bench),
        ),
        Check(
            "global-state",
            "Global random state, torch's and numpy's defaults and the working folder stay as they "
            "are.",
            lambda: _check_state(bench),
        ),
        Check(
            "cpu",
            "It works on the CPU, and uses no other device where context.device is cpu.",
            lambda: check_device(lambda: bench.score(bench.load()[0], bench.test())),
        ),
    ]


def _check_same_seed(bench: DetectorBench) -> None:
    one, other = bench.base(), bench.again().scores
    wrong = differ(one, other, _SAME)
    fail_unless(
        not len(wrong),
        f"{len(wrong)} of {len(one)} scores differ after two fits with the same seed",
        "all randomness is drawn from context.seed",
        "use context.rng(), or torch.Generator().manual_seed(context.seed) for weights, shuffling "
        "and dropout; nothing from random, numpy.random or torch's global generator.",
    )


def _check_any_seed(bench: DetectorBench) -> None:
    bench.base()
    check_finite(bench.score(bench.other(), bench.test()))


def _check_two_objects(bench: DetectorBench) -> None:
    before = bench.base()
    with suppress(Exception):  # whether it can be fitted so is what other checks ask
        bench.other()
    wrong = differ(before, bench.score(bench.fitted(), bench.test()))
    fail_unless(
        not len(wrong),
        f"{len(wrong)} of {len(before)} scores changed when another was fitted on other clips",
        "several detectors of one class live in one process",
        "keep what is learned in self, not in the class or the module.",
    )


def _check_before_fit(bench: DetectorBench) -> None:
    try:
        scores = bench.score(bench.cls(bench.params), bench.test())
    except CheckFailure:
        raise
    except (Exception, SystemExit) as error:
        check_clear(error)
        return
    if parts_of(bench.params):  # all that it learns may lie in its parts, which are fitted
        check_finite(scores)
        return
    raise CheckFailure(
        "score() before fit() raised nothing",
        "an error that says that it is not fitted",
        NOT_FITTED,
    )


def _check_save_load(bench: DetectorBench) -> None:
    again = bench.again()
    with suppress(Exception):  # what was left in the process by what was saved is overwritten
        bench.other()
    loaded, _ = bench.load()
    scores = bench.score(loaded, bench.test())
    wrong = differ(again.scores, scores)
    remedy = (
        "save all that score() and decide() read, e.g. normalization and thresholds; what lies in "
        "the class or the module is not there in another process."
    )
    fail_unless(
        not len(wrong),
        f"{len(wrong)} of {len(scores)} scores differ after save() and load()",
        f"the same scores (within {TOLERANCE:g} of the largest)",
        remedy,
    )
    before, after = again.detector.decide(again.scores), loaded.decide(again.scores)
    fail_unless(
        before is after if before is None or after is None else np.array_equal(before, after),
        "decide() decides otherwise after save() and load()",
        "the same decisions",
        remedy,
    )


def _check_folder(bench: DetectorBench) -> None:
    before = content(bench.saved())
    loaded, folder = bench.load()
    bench.score(loaded, bench.test())
    check_unchanged(folder, before, "score()")


def _check_state(bench: DetectorBench) -> None:
    bench.load()
    check_state(bench.changed, "fit(), score(), save() or load()")
