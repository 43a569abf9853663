"""Classifiers of an attribute, each trained on a part of the real clips and asked about the rest.

Logistic regression on standardized vectors. Every real clip is judged by the classifier of the
fold that it was left out of; every generated clip by one of the same classifiers, which so have
learned from as many clips in both cases.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from asdbench.metrics.rank import Floats

FOLDS = 5
LEAST = 2 * FOLDS
"""Real recordings that a value of an attribute needs, so that it can be learned and tested."""
_ITERATIONS = 300


@dataclass(frozen=True)
class Classifiers:
    """One linear classifier a fold, and what they said of the real clips they did not learn from.

    ``weights`` is float64 (folds, d + 1, classes), the last row the intercept; ``clips`` int64
    (n,), the real clips that have one of the values, by their place in what was given;
    ``decided`` float64 (n, classes).
    """

    classes: tuple[str, ...]
    weights: Floats
    clips: NDArray[np.int64]
    decided: Floats

    def decide(self, vectors: Floats) -> Floats:
        """Return (n, classes) of new ``vectors`` (n, d), dealt to the folds in turn."""
        padded = np.pad(vectors, ((0, 0), (0, 1)), constant_values=1.0)
        found = np.empty((len(vectors), len(self.classes)))
        for fold, weights in enumerate(self.weights):
            found[fold :: len(self.weights)] = padded[fold :: len(self.weights)] @ weights
        return found

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return everything as arrays by name."""
        return {
            "classes": np.array(self.classes, dtype=str),
            "weights": self.weights,
            "clips": self.clips,
            "decided": self.decided,
        }

    @classmethod
    def of(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Return what :meth:`arrays` gave."""
        classes = tuple(str(name) for name in arrays["classes"])
        return cls(classes, arrays["weights"], arrays["clips"], arrays["decided"])


def fit_classifiers(
    vectors: Floats, values: Sequence[str | None], recordings: Sequence[str], seed: int
) -> Classifiers | None:
    """Return classifiers of ``values``; None where fewer than two have :data:`LEAST` recordings.

    Parameters
    ----------
    vectors
        Of the real clips, (n, d).
    values
        Of the attribute, n; None where a clip has none.
    recordings
        Which recording each clip is cut from, n; clips of one stay in one fold.
    seed
        Of the folds.
    """
    from sklearn.model_selection import StratifiedGroupKFold

    groups: dict[str, set[str]] = {}
    for value, recording in zip(values, recordings, strict=True):
        if value is not None:
            groups.setdefault(value, set()).add(recording)
    classes = tuple(sorted(value for value, found in groups.items() if len(found) >= LEAST))
    if len(classes) < 2:
        return None
    clips = np.array([i for i, value in enumerate(values) if value in classes], dtype=np.int64)
    chosen = vectors[clips]
    target = np.array([classes.index(str(values[i])) for i in clips])
    cut_from = np.array([recordings[i] for i in clips])
    folds = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=seed % 2**32)
    weights, decided = [], np.zeros((len(clips), len(classes)))
    for train, test in folds.split(chosen, target, cut_from):
        if len(set(target[train])) < len(classes):
            return None  # recordings that hold several values leave one out of a fold
        fitted = _fit(chosen[train], target[train], len(classes))
        weights.append(fitted)
        decided[test] = np.pad(chosen[test], ((0, 0), (0, 1)), constant_values=1.0) @ fitted
    return Classifiers(classes, np.stack(weights), clips, decided)


def _fit(vectors: Floats, target: NDArray[np.int64], classes: int) -> Floats:
    """Return the weights (d + 1, classes) of a logistic regression for vectors as they are."""
    import warnings

    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    mean, scale = vectors.mean(axis=0), vectors.std(axis=0)
    scale[scale <= 0.0] = 1.0
    model = LogisticRegression(max_iter=_ITERATIONS, class_weight="balanced")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # near enough to tell classes apart
        model.fit((vectors - mean) / scale, target)
    slopes, intercept = model.coef_, model.intercept_
    if classes == 2:  # scikit-learn then keeps one column
        slopes, intercept = (
            np.concatenate([-slopes, slopes]),
            np.concatenate([-intercept, intercept]),
        )
    slopes = slopes / scale
    return np.concatenate([slopes.T, (intercept - slopes @ mean)[None]])
