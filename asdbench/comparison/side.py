"""One side of a comparison: a report, and the scores that it was made from where they are kept."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from asdbench.errors import DataError
from asdbench.report.schema import Report
from asdbench.report.write import find_report, read_report

if TYPE_CHECKING:
    import pandas as pd

SCORES = "scores.parquet"


@dataclass(frozen=True)
class Side:
    """A report with its score table (see :mod:`asdbench.engine.scores`), or without."""

    report: Report
    scores: pd.DataFrame | None = None


def read_side(place: Path) -> Side:
    """Read a run folder, a report folder or a ``report.json``, with the scores beside it.

    Raises
    ------
    DataError
        When there is no report, or a file cannot be read.
    """
    path = find_report(place)
    report = read_report(path)
    folders = [path.parent, path.parent.parent] if path.parent.name == "report" else [path.parent]
    for folder in folders:
        if (folder / SCORES).is_file():
            return Side(report, _read_scores(folder / SCORES))
    return Side(report)


def _read_scores(path: Path) -> pd.DataFrame:
    import pandas as pd

    try:
        return pd.read_parquet(path)
    except (OSError, ValueError) as error:  # pyarrow's errors are ValueErrors
        raise DataError(
            f"{path} is no score table: {error}", "Delete it to compare the reports alone."
        ) from error
