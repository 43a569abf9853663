"""Whether a score table is that of a report: the same clips, and the same AUCs."""

from __future__ import annotations

import math

import numpy as np

from asdbench.errors import DataError
from asdbench.explain.places import Place
from asdbench.explain.score_table import CellScores, Scored
from asdbench.metrics.rank import auc
from asdbench.report.arm_schema import ArmRow
from asdbench.report.schema import Cell

_SAME = 1e-9  # two AUCs of the same scores differ by rounding only
_OTHER = "It belongs to another report."


def check_scores(scores: CellScores, cell: Cell, row: ArmRow | None) -> None:
    """Refuse scores that are not those of the report.

    The scores of generated clips are not compared where a transductive detector gave them: each
    arm has others.

    Parameters
    ----------
    scores
        What the table has of the cell.
    cell, row
        The cell and its arms, as the report has them.

    Raises
    ------
    DataError
        When the clips of a pool are more or fewer, or an AUC is another one.
    """
    if cell.status != "ok":
        return
    place = Place.of(cell)
    real, faults = scores.real_normals, scores.real_anomalies
    if (len(real), len(faults)) != (cell.n_normal, cell.n_anomaly_real):
        raise DataError(
            f"scores.parquet has {len(real)} normals and {len(faults)} anomalies of {place}, "
            f"the report {cell.n_normal} and {cell.n_anomaly_real}",
            _OTHER,
        )
    _same_auc(place, "real clips", _auc(real, faults), cell.auc.real)
    if cell.auc.generated is not None:
        made = scores.generated_anomalies
        _same_pool(place, "generated anomalies", made, cell.n_anomaly_generated)
        if made.alone:
            _same_auc(place, "generated anomalies", _auc(real, made), cell.auc.generated)
    if row is not None and row.artifact.auc is not None:
        made = scores.generated_normals
        _same_pool(place, "generated normals", made, row.artifact.n_positive)
        if made.alone:
            _same_auc(place, "generated normals", _auc(real, made), row.artifact.auc)


def _same_pool(place: Place, what: str, made: Scored, expected: int) -> None:
    """Compare sizes: that of one fit of the generator, or of all of them in older reports."""
    fits = len(np.unique(made.generation))
    if made.alone and len(made) not in (expected, expected * fits):
        raise DataError(
            f"scores.parquet has {len(made)} {what} of {place}, the report {expected}", _OTHER
        )


def _auc(negative: Scored, positive: Scored) -> float | None:
    """Return the mean AUC over the fits of the detector and of the generator."""
    fits = [positive.of_fit(number) for number in np.unique(positive.generation)]
    if not len(negative) or not fits:
        return None
    found = [
        auc(normals, anomalies)
        for fit in fits
        for normals, anomalies in zip(negative.each.T, fit.each.T, strict=True)
    ]
    return float(np.mean(found))


def _same_auc(place: Place, what: str, found: float | None, expected: float | None) -> None:
    if found is None or expected is None or math.isclose(found, expected, abs_tol=_SAME):
        return
    raise DataError(
        f"scores.parquet gives {place} an AUC of {found:.3f} on {what}, the report {expected:.3f}",
        _OTHER,
    )
