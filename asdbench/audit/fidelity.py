"""Whether generated clips have the attribute that was asked for.

A classifier that learned from real clips is asked about generated ones. Its balanced accuracy is
read between two others: that of a guess, and that on real clips held out of its training, the
ceiling. Both comparisons are permutation tests, and the finding needs both: a generator is not
called faithful because clips are too few to show that it is not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from asdbench.metrics.rank import Floats
from asdbench.stats.resampling import blocks

FidelityFinding = Literal["kept", "ignored", "weak", "not measured"]
LEVEL = 0.01
"""Of either test: a report holds many."""
LEAST_CLIPS = 2
"""Real and generated clips that a value needs to count in the accuracy."""
_DRAWS = 4999


@dataclass(frozen=True)
class Judged:
    """Clips of one kind: the class that each should have, and what classifiers decided.

    ``target`` is int64 (n,), ``decided`` float64 (n, classes).
    """

    target: NDArray[np.int64]
    decided: Floats


@dataclass(frozen=True)
class Fidelity:
    """What was found of one attribute."""

    finding: FidelityFinding
    reason: str | None = None
    values: int = 0
    """Values that were compared."""
    n_real: int = 0
    n_generated: int = 0
    accuracy: float | None = None
    """Balanced, on generated clips."""
    ceiling: float | None = None
    """Balanced, on real clips."""
    chance: float | None = None
    """1 / values."""
    p_chance: float | None = None
    """Probability of at least that accuracy if clips had nothing to do with what was asked for."""
    p_ceiling: float | None = None
    """Probability of as low an accuracy if generated clips were as clear as real ones."""


def fidelity(real: Judged, made: Judged, rng: np.random.Generator) -> Fidelity:
    """Compare what classifiers said of generated and of held-out real clips.

    The accuracy on generated clips is compared with that after shuffling what was asked for, and
    with that on real clips by exchanging, within each value, generated and real clips.
    """
    counts = [np.bincount(side.target, minlength=side.decided.shape[1]) for side in (real, made)]
    classes = np.flatnonzero((counts[0] >= LEAST_CLIPS) & (counts[1] >= LEAST_CLIPS))
    if len(classes) < 2:
        reason = f"fewer than two values have {LEAST_CLIPS} real and {LEAST_CLIPS} generated clips"
        return Fidelity("not measured", reason)
    truths, guesses = zip(*(_restricted(side, classes) for side in (real, made)), strict=True)
    chance = 1.0 / len(classes)
    ceiling, accuracy = (float(_balanced(t, g == t)) for t, g in zip(truths, guesses, strict=True))
    above = [_above_chance(t, g, rng) for t, g in zip(truths, guesses, strict=True)]
    below = _below_ceiling(truths[0], guesses[0], truths[1], guesses[1], rng)
    finding, why = _finding(above[0], above[1], below)
    return Fidelity(
        finding,
        why,
        len(classes),
        len(truths[0]),
        len(truths[1]),
        accuracy,
        ceiling,
        chance,
        above[1],
        below,
    )


def _finding(
    real_above: float, made_above: float, below: float
) -> tuple[FidelityFinding, str | None]:
    if real_above >= LEVEL:
        return "not measured", "the attribute of real clips cannot be told from their sound"
    if made_above < LEVEL:
        return ("weak" if below < LEVEL else "kept"), None
    if below < LEVEL:
        return "ignored", None
    return "not measured", "too few clips to tell whether the attribute is kept or ignored"


def _restricted(
    side: Judged, classes: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return what clips of ``classes`` are, and which of them they are taken for, from 0."""
    inside = np.isin(side.target, classes)
    truth = np.searchsorted(classes, side.target[inside])
    return truth, side.decided[inside][:, classes].argmax(axis=1)


def _balanced(truth: NDArray[np.int64], right: NDArray[np.bool_]) -> Floats:
    """Return the mean over values of the share of clips that are ``right`` (..., n)."""
    shares = [right[..., truth == value].mean(axis=-1) for value in np.unique(truth)]
    return np.asarray(np.mean(shares, axis=0))


def _above_chance(
    truth: NDArray[np.int64], guess: NDArray[np.int64], rng: np.random.Generator
) -> float:
    found = _balanced(truth, guess == truth)
    drawn = []
    for count in blocks(_DRAWS, len(guess)):  # so that memory does not grow with the draws
        shuffled = rng.permuted(np.broadcast_to(guess, (count, len(guess))), axis=1)
        drawn.append(_balanced(truth, shuffled == truth))
    return _p(np.concatenate(drawn) >= found - 1e-12)


def _below_ceiling(
    real: NDArray[np.int64],
    real_guess: NDArray[np.int64],
    made: NDArray[np.int64],
    made_guess: NDArray[np.int64],
    rng: np.random.Generator,
) -> float:
    observed, drawn = 0.0, np.zeros(_DRAWS)
    for value in np.unique(real):
        n_real, n_made = int(np.sum(real == value)), int(np.sum(made == value))
        right_real = int(np.sum(real_guess[real == value] == value))
        right_made = int(np.sum(made_guess[made == value] == value))
        right = right_real + right_made
        observed += right_made / n_made - right_real / n_real
        # How many of the right ones would fall on generated clips, were they like real ones.
        made_right = rng.hypergeometric(right, n_real + n_made - right, n_made, _DRAWS)
        drawn += made_right / n_made - (right - made_right) / n_real
    return _p(drawn <= observed + 1e-12)


def _p(as_extreme: NDArray[np.bool_]) -> float:
    return float((1 + np.sum(as_extreme)) / (1 + len(as_extreme)))
