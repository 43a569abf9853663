"""The clips that a cell's numbers hang on, and where they can be heard."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from asdbench.explain.model import ClipLine, Clips
from asdbench.explain.score_table import CellScores, Scored

_FIRST = "000000"  # the clip of each grid and section that a run folder holds a copy of


def split_condition(text: str) -> tuple[str | None, str]:
    """Return domain and attributes of ``machine/section/domain/attributes``."""
    _, _, domain, attributes = text.split("/", 3)
    return (None if domain == "-" else domain), attributes


def worst_clips(scores: CellScores, count: int, folder: Path | None) -> Clips:
    """Return the ``count`` clips of each kind that most deserve to be listened to.

    Parameters
    ----------
    scores
        Of the cell.
    count
        Clips of each kind.
    folder
        The run folder, where audio may lie; None to look for none.
    """
    normals, anomalies = scores.real_normals, scores.real_anomalies
    missed = np.argsort(anomalies.score, kind="stable")[:count]
    alarms = np.argsort(-normals.score, kind="stable")[:count]
    above = [float(np.mean(normals.score > anomalies.score[i])) for i in missed]
    below = [float(np.mean(anomalies.score < normals.score[i])) for i in alarms]
    return Clips(
        tuple(_lines(anomalies, missed, above, folder)) if len(normals) else (),
        tuple(_lines(normals, alarms, below, folder)) if len(anomalies) else (),
        tuple(_far(scores, count, folder)),
    )


def _far(scores: CellScores, count: int, folder: Path | None) -> list[ClipLine]:
    found: list[ClipLine] = []
    for real, made in (
        (scores.real_normals, scores.generated_normals),
        (scores.real_anomalies, scores.generated_anomalies),
    ):
        deviation = float(np.std(real.score)) if len(real) else 0.0
        if deviation == 0.0 or not len(made):
            continue
        away = (made.score - float(np.mean(real.score))) / deviation
        order = np.argsort(-np.abs(away), kind="stable")[:count]
        found += _lines(made, order, [float(away[i]) for i in order], folder)
    return sorted(found, key=lambda line: -abs(line.standing))[:count]


def _lines(
    clips: Scored, order: NDArray[np.int64], standing: list[float], folder: Path | None
) -> list[ClipLine]:
    lines = []
    for index, stands in zip(order, standing, strict=True):
        domain, attributes = split_condition(str(clips.condition[index]))
        name = str(clips.clip[index])
        audio = _audio(name, folder)
        score = float(clips.score[index])
        lines.append(ClipLine(name, attributes, domain, score, stands, audio))
    return lines


def _audio(clip: str, folder: Path | None) -> str | None:
    """Return where the run folder holds a generated clip: the first of its grid and section."""
    grid, _, rest = clip.partition("/")
    machine, _, place = rest.partition("/")
    section, _, number = place.partition("/")
    if folder is None or number != _FIRST:
        return None
    start = re.sub(r"[^\w.-]+", "_", f"{grid}_{machine}_{section}_")
    found = sorted((folder / "audio").glob(f"{start}*.wav"))
    return found[0].relative_to(folder).as_posix() if found else None
