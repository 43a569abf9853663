"""A detector on the bench: fits that checks share, scores as the engine takes them."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel

from asdbench.api import Context, Detector, DetectorInfo
from asdbench.clips import ClipPool
from asdbench.testing.bench import (
    FIT,
    LARGE_SEED,
    SEED,
    Lender,
    fail_unless,
    fit_parts,
    in_scope,
    without_domains,
)
from asdbench.testing.check import Once, required_to_work
from asdbench.testing.material import Material, recolored, simulated_material, uneven
from asdbench.testing.state import ProcessState, preserved, seed_everything
from asdbench.testing.watched import Journal, WatchedClips

Scores = NDArray[np.float64]
TOLERANCE = 1e-5
"""Of scores, relative to the largest."""


@dataclass(frozen=True)
class Again:
    """What a second fit with the same seed gave, while all global random state was another."""

    detector: Detector
    scores: Scores
    context: Context


class DetectorBench:
    """Fits a detector class when a check first asks for it, and scores what checks want scored.

    The state of the process is put back after every call into the plug-in.
    """

    def __init__(self, cls: type[Detector], params: BaseModel, material: Material | None) -> None:
        self.cls = cls
        self.info: DetectorInfo = cls.info
        self.params = params
        self.scope = cls.scope(params)
        self.lender = Lender()
        self.journal = Journal()
        self._given = material
        self._parts_lender = Lender()
        self._parts = Once(
            lambda: fit_parts(params, self.scope, self.material().normals, self._parts_lender)
        )
        self.material = Once(lambda: self._given or simulated_material())
        self.train = Once(lambda: in_scope(self.material().normals, self.scope))
        self.test = Once(self._test_clips)
        self.fitted = Once(lambda: self._fit(self.train(), SEED))
        self.raw = Once(lambda: self.raw_scores(self.fitted(), self.test()))
        self.base = Once(self._base_scores)
        self.again = Once(self._fit_again)
        self.saved = Once(self._save)
        self.changed: dict[str, None] = {}
        """What of the state of the process differed after fit, score, save or load."""
        self.other = Once(self._fit_other)
        self.uneven = Once(lambda: self._fit(uneven(self.train()), SEED))

    def _test_clips(self) -> ClipPool:
        """Return labelled clips to score, in one section where the detector sees whole pools."""
        scope = "section" if self.info.transductive else self.scope
        pool = in_scope(self.material().mixed, scope)
        return pool if "test_domain" in self.info.needs else self.hidden(pool)

    @staticmethod
    def hidden(pool: ClipPool) -> ClipPool:
        """Return the clips without their domains."""
        return replace(pool, conditions=without_domains(pool.conditions))

    @property
    def anomalous(self) -> NDArray[np.bool_]:
        """Which of the clips to score are planted anomalies."""
        return np.array([label == "anomaly" for label in self.test().labels])

    def context(self, seed: int = SEED) -> Context:
        """Return a context with the fitted parts."""
        return self.lender.context(seed, self._parts())

    def _fit(self, pool: ClipPool, seed: int) -> Detector:
        with preserved(), required_to_work(f"fit() with context.seed {seed}", FIT):
            context = self.context(seed)
            detector = self.cls(self.params)
            detector.fit(self.watched(pool), context)
        self.journal.settle()
        return detector

    def _base_scores(self) -> Scores:
        """Return the scores that others are compared with, or the failure of the check ``scores``.

        Scores of another type or shape with the right values serve: that fails ``scores`` alone.
        """
        raw, count = self.raw(), len(self.test())
        try:
            scores = np.asarray(raw, dtype=np.float64).reshape(-1)
            usable = len(scores) == count and bool(np.isfinite(scores).all())
        except (TypeError, ValueError):
            usable = False
        if not usable:
            check_scores(raw, count)
        return scores

    def _fit_again(self) -> Again:
        self.base()  # imports what is imported at first use, which may draw random numbers
        context = self.context()
        with self.noting_changes():
            detector = self.cls(self.params)
            detector.fit(self.watched(self.train()), context)
            scores = detector.score(self.watched(self.test()), self.context())
        self.journal.settle()
        return Again(detector, self._column(scores, self.test()), context)

    @contextmanager
    def noting_changes(self) -> Iterator[None]:
        """Note what changes of the state of the process, with random state unlike at other fits."""
        self._parts()
        with preserved():
            seed_everything(1)
            state = ProcessState.now()
            yield
            self.changed.update(dict.fromkeys(state.changed()))

    def _fit_other(self) -> Detector:
        """Fit on other clips, with a large seed, after what is compared and saved was fitted."""
        with suppress(Exception, SystemExit):  # whether it can be is what other checks ask
            self.saved()
        return self._fit(recolored(self.train()), LARGE_SEED)

    def _save(self) -> Path:
        again = self.again()
        folder = self.lender.folder("saved")
        with self.noting_changes():
            again.detector.save(folder)
        shutil.rmtree(again.context.scratch)
        return folder

    def load(self, params: BaseModel | None = None) -> tuple[Detector, Path]:
        """Return a detector loaded from a copy of what the second fit saved, and that folder."""
        folder = self.lender.folder("moved")
        shutil.copytree(self.saved(), folder, dirs_exist_ok=True)
        with self.noting_changes():
            return self.cls.load(folder, params or self.params, self.context()), folder

    def watched(self, pool: ClipPool, writable: bool = True) -> WatchedClips:
        """Return clips as the detector may see them."""
        return WatchedClips(replace(pool, labels=()), self.journal, writable)

    def raw_scores(self, detector: Detector, pool: ClipPool, writable: bool = True) -> Any:
        """Return whatever score() returns."""
        with preserved():
            scores = detector.score(self.watched(pool, writable), self.context())
        self.journal.settle()
        return scores

    def score(
        self, detector: Detector, pool: ClipPool, order: Sequence[int] | None = None
    ) -> Scores:
        """Return the scores of a pool, or of its clips at ``order``, as float64 (n,)."""
        chosen = pool if order is None else pool.subset(order)
        return self._column(self.raw_scores(detector, chosen), chosen)

    @staticmethod
    def _column(raw: Any, pool: ClipPool) -> Scores:
        scores = np.asarray(raw, dtype=np.float64).reshape(-1)
        fail_unless(
            len(scores) == len(pool),
            f"score() returned {len(scores)} scores for {len(pool)} clips",
            "one score for every clip",
            "return a float64 array of shape (len(clips),).",
        )
        return scores


def differ(one: Scores, other: Scores, tolerance: float = TOLERANCE) -> NDArray[np.intp]:
    """Return where two arrays of scores differ by more than ``tolerance`` of the largest."""
    finite = np.abs(np.concatenate([one, other]))
    scale = float(finite[np.isfinite(finite)].max(initial=0.0))
    same = np.isclose(one, other, rtol=0.0, atol=tolerance * scale, equal_nan=True)
    return np.flatnonzero(~same)


def check_scores(scores: Any, count: int) -> None:
    """Check that score() returned what it must for ``count`` clips.

    Raises
    ------
    CheckFailure
        When it did not.
    """
    right = isinstance(scores, np.ndarray) and scores.dtype == np.float64
    fail_unless(
        right and scores.shape == (count,),
        f"score() returned {type(scores).__name__}, "
        f"{getattr(scores, 'dtype', 'no dtype')} {_shape(scores)}",
        f"a numpy array, float64 ({count},)",
        "return np.asarray(scores, dtype=np.float64), one number for every clip.",
    )
    check_finite(scores)


def _shape(scores: Any) -> str:
    try:
        return str(np.shape(scores))
    except ValueError:  # lists of unequal lengths
        return "of no one shape"


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
