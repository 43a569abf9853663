"""The scores of single clips, from the ``scores.parquet`` of a run folder."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from asdbench.errors import DataError
from asdbench.explain.places import Place
from asdbench.metrics.dcase import pools
from asdbench.metrics.definitions import DefinitionId
from asdbench.report.cells import Subset
from asdbench.suite.model import REAL

if TYPE_CHECKING:
    import pandas as pd

FILE = "scores.parquet"


@dataclass(frozen=True)
class Scored:
    """Some clips with one detector's scores, sorted by name. Arrays are (n,)."""

    clip: NDArray[np.str_]
    condition: NDArray[np.str_]
    """Machine, section, domain and attributes as text."""
    score: NDArray[np.float64]
    """Mean over the fits of the detector."""
    each: NDArray[np.float64]
    """Of each fit of the detector, (n, fits)."""
    generation: NDArray[np.int64]
    """Which fit of the generator made the clip; 0 of real clips."""
    alone: bool = True
    """Whether the scores are those of any arm: not so of a transductive detector."""

    def __len__(self) -> int:
        return len(self.clip)

    def where(self, mask: NDArray[np.bool_]) -> Scored:
        """Return the clips that ``mask`` (n,) chooses."""
        return Scored(
            self.clip[mask],
            self.condition[mask],
            self.score[mask],
            self.each[mask],
            self.generation[mask],
            self.alone,
        )

    def of_fit(self, generation: int) -> Scored:
        """Return the clips that one fit of the generator made."""
        return self.where(self.generation == generation)


def none_scored() -> Scored:
    """Return no clips."""
    nothing = np.zeros(0)
    return Scored(nothing.astype(str), nothing.astype(str), nothing, nothing, nothing.astype(int))


@dataclass(frozen=True)
class CellScores:
    """The clips whose AUC a cell has."""

    real_normals: Scored
    real_anomalies: Scored
    generated_normals: Scored = field(default_factory=none_scored)
    generated_anomalies: Scored = field(default_factory=none_scored)

    @property
    def named(self) -> dict[str, Scored]:
        """The pools that hold clips, by name."""
        every = {
            "real normals": self.real_normals,
            "real anomalies": self.real_anomalies,
            "generated normals": self.generated_normals,
            "generated anomalies": self.generated_anomalies,
        }
        return {name: clips for name, clips in every.items() if len(clips)}


def run_folder(report: Path) -> Path:
    """Return the run folder of a ``report.json``, or the folder where it lies alone."""
    if report.parent.name == "report" and (report.parent.parent / FILE).exists():
        return report.parent.parent
    return report.parent


def read_cell_scores(
    folder: Path, place: Place, definition: DefinitionId, normals_grid: str | None
) -> CellScores:
    """Return the scores of the clips that enter the AUCs of one cell.

    Parameters
    ----------
    folder
        The run folder.
    place
        The cell.
    definition
        Which clips enter.
    normals_grid
        The grid of the same generator that asked for normals, if there is one.

    Raises
    ------
    DataError
        When there is no score table, or it has no scores of this cell.
    """
    import pandas as pd

    path = folder / FILE
    if not path.is_file():
        raise DataError(f"no {FILE} in the folder of the report", "Name the run folder (runs/...).")
    wanted = [
        ("detector", "==", place.detector),
        ("machine", "==", place.machine),
        ("section", "==", place.section),
    ]
    try:
        frame = pd.read_parquet(path, filters=wanted)
    except (OSError, ValueError) as error:
        raise DataError(f"{FILE} cannot be read: {error}", "Run the suite again.") from error
    if not (frame["origin"] == REAL).any():
        raise DataError(f"{FILE} has no scores of {place}", "It belongs to another report.")
    real = _pools(frame, REAL, place, definition)
    made = _pools(frame, place.grid, place, definition)
    beside = _pools(frame, normals_grid, place, definition)
    return CellScores(real[0], real[1], beside[0], made[1])


def _pools(
    frame: pd.DataFrame, origin: str | None, place: Place, definition: DefinitionId
) -> tuple[Scored, Scored]:
    """Return the normals and the anomalies of one origin that enter the cell.

    Clips that several fits of a generator made under one name are different clips.
    """
    own = frame[(frame["origin"] == origin) & frame["label"].notna()] if origin else frame[:0]
    if not len(own):
        return none_scored(), none_scored()
    scored_in = set(own["pool"])  # a transductive detector scores a clip once in every arm
    own = own[own["pool"] == (origin if origin in scored_in else min(scored_in))]
    clip = own["clip"]
    if "generation" in own and own["generation"].nunique() > 1:
        clip = clip + " of fit " + own["generation"].astype("string")
    own = own.assign(clip=clip, generation=own.get("generation", 0))
    facts = own.groupby("clip", sort=True).agg(
        score=("score", "mean"),
        generation=("generation", "first"),
        label=("label", "first"),
        domain=("domain", "first"),
        condition=("condition", "first"),
    )
    anomaly = (facts["label"] == "anomaly").to_numpy(dtype=bool)
    has_domains = not facts["domain"].isna().any()
    masks = pools(
        "auc",
        _subset(place.domain),
        definition,
        anomaly,
        facts["domain"].to_numpy(dtype=str) if has_domains else None,
    )
    every = Scored(
        facts.index.to_numpy(dtype=str),
        facts["condition"].to_numpy(dtype=str),
        facts["score"].to_numpy(dtype=np.float64),
        own.pivot_table("score", "clip", "repeat", sort=True).to_numpy(dtype=np.float64),
        facts["generation"].to_numpy(dtype=np.int64),
        origin in scored_in,
    )
    return every.where(masks[0]), every.where(masks[1])


def _subset(domain: str) -> Subset:
    known: dict[str, Subset] = {"source": "source", "target": "target", "all": "all"}
    return known[domain]
