"""Checks of what a detector may have and need not: progress, embedding, parameters of score()."""

from __future__ import annotations

from typing import Any, Literal, get_args, get_origin

import numpy as np
from pydantic import BaseModel

from asdbench.api import Embedded, SupportsEmbedding
from asdbench.testing.bench import fail_unless
from asdbench.testing.check import Check
from asdbench.testing.conduct import check_progress
from asdbench.testing.detector_bench import TOLERANCE, DetectorBench, check_finite, differ
from asdbench.testing.state import preserved


def optional_checks(bench: DetectorBench) -> list[Check]:
    """Return the checks that apply to the detector."""
    checks = [
        Check(
            "progress",
            "context.progress(done, total, what) is told whole numbers, 0 <= done <= total, and a "
            "text.",
            lambda: _check_progress(bench),
        )
    ]
    if issubclass(bench.cls, SupportsEmbedding):
        checks.append(
            Check(
                "embedding",
                "embed() gives finite float64 rows, one or more for every clip in order, the same "
                "each time.",
                lambda: _check_embedding(bench),
            )
        )
    if alternatives(bench):
        checks.append(
            Check(
                "score-params",
                "score_params are read by score() alone: one fit serves all their values.",
                lambda: _check_score_params(bench),
            )
        )
    if batch_sizes(bench):
        checks.append(
            Check(
                "batch-size",
                "The batch size of score() changes no score.",
                lambda: _check_batch_size(bench),
            )
        )
    return checks


def _check_progress(bench: DetectorBench) -> None:
    bench.raw()
    check_progress(bench.lender)


def _check_embedding(bench: DetectorBench) -> None:
    detector: Any = bench.fitted()
    with preserved():
        first, second = (
            detector.embed(bench.watched(bench.test()), bench.context()) for _ in range(2)
        )
    remedy = "return Embedded(rows, clip), or Embedded.one_per_clip(rows)."
    fail_unless(isinstance(first, Embedded), f"embed() returned {first!r}", "Embedded", remedy)
    rows, clip = np.asarray(first.rows), np.asarray(first.clip)
    fail_unless(
        rows.ndim == 2 and rows.dtype == np.float64 and bool(np.isfinite(rows).all()),
        f"rows are {rows.dtype} {rows.shape}",
        "float64 (rows, dimensions), every value finite",
        remedy,
    )
    fail_unless(
        clip.dtype == np.int64
        and clip.shape == rows.shape[:1]
        and bool((np.diff(clip) >= 0).all())
        and np.array_equal(np.unique(clip), np.arange(len(bench.test()))),
        f"clip is {clip.dtype} {clip.shape}: {clip[:8]} ...",
        f"int64, one for each row, rising, every clip from 0 to {len(bench.test()) - 1}",
        remedy,
    )
    fail_unless(
        np.array_equal(first.rows, second.rows) and np.array_equal(first.clip, second.clip),
        "two calls give other vectors",
        "the same clips give the same vectors",
        "put networks into eval mode; draw nothing at random.",
    )


def alternatives(bench: DetectorBench) -> dict[str, Any]:
    """Return another value for each of score_params of which one is known."""
    found = {}
    for name in sorted(bench.info.score_params & set(bench.info.params.model_fields)):
        annotation = bench.info.params.model_fields[name].annotation
        allowed: tuple[Any, ...] = (False, True) if annotation is bool else ()
        if get_origin(annotation) is Literal:
            allowed = get_args(annotation)
        others = [value for value in allowed if value != getattr(bench.params, name)]
        if others:
            found[name] = others[0]
    return found


def batch_sizes(bench: DetectorBench) -> list[str]:
    """Return the parameters of score() that are sizes of batches."""
    return sorted(name for name in bench.info.score_params if name.endswith("batch_size"))


def _with(params: BaseModel, name: str, value: Any) -> BaseModel:
    given = {key: getattr(params, key) for key in type(params).model_fields}
    return type(params).model_validate(given | {name: value})


def _check_score_params(bench: DetectorBench) -> None:
    bench.base()
    for name, value in alternatives(bench).items():
        loaded, _ = bench.load(_with(bench.params, name, value))
        check_finite(bench.score(loaded, bench.test()))


def _check_batch_size(bench: DetectorBench) -> None:
    expected = bench.score(bench.load()[0], bench.test())
    for name in batch_sizes(bench):
        for value in (1, 7):
            loaded, _ = bench.load(_with(bench.params, name, value))
            wrong = differ(expected, bench.score(loaded, bench.test()))
            fail_unless(
                not len(wrong),
                f"{len(wrong)} scores differ with {name}={value}",
                f"the same scores (within {TOLERANCE:g} of the largest)",
                "put networks into eval mode, and let no statistic go over a batch.",
            )
