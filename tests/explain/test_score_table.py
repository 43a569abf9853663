from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from asdbench.errors import DataError
from asdbench.explain.places import Place
from asdbench.explain.score_table import read_cell_scores
from asdbench.metrics.definitions import DefinitionId

PLACE = Place("fan", "00", "source", "knn", "made")


def row(clip: str, label: str | None, score: float, **more: object) -> dict[str, object]:
    """Return a row of the score table; the clip's name begins with its domain."""
    domain = clip.split("-")[0]
    facts: dict[str, object] = {
        "clip": clip,
        "origin": "real",
        "pool": "real",
        "detector": "knn",
        "repeat": 0,
        "generation": 0,
        "fold": 0,
        "machine": "fan",
        "section": "00",
        "domain": domain,
        "label": label,
        "condition": f"fan/00/{domain}/vel=4",
        "score": score,
    }
    return facts | more


REAL = [
    row("source-1", "normal", 1.0),
    row("target-1", "normal", 2.0),
    row("source-2", "anomaly", 3.0),
    row("target-2", "anomaly", 4.0),
    row("source-3", None, 9.0),
    row("source-4", "normal", 9.0, detector="gmm"),
    row("source-5", "normal", 9.0, section="01"),
]


def read(folder: Path, *rows: dict[str, object], definition: str = "dcase2022"):
    pd.DataFrame([*REAL, *rows]).to_parquet(folder / "scores.parquet")
    return read_cell_scores(folder, PLACE, DefinitionId(definition), "normals")


def test_a_cell_takes_the_clips_of_its_definition(tmp_path: Path) -> None:
    found = read(tmp_path)
    assert list(found.real_normals.clip) == ["source-1"]
    assert list(found.real_anomalies.clip) == ["source-2", "target-2"]
    assert list(found.named) == ["real normals", "real anomalies"]
    same_domain = read(tmp_path, definition="dcase2021")
    assert list(same_domain.real_anomalies.clip) == ["source-2"]


def test_fits_of_the_detector_are_averaged(tmp_path: Path) -> None:
    found = read(tmp_path, row("source-1", "normal", 5.0, repeat=1))
    assert list(found.real_normals.score) == [3.0]


def test_clips_of_several_fits_of_the_generator_are_kept_apart(tmp_path: Path) -> None:
    made = {"origin": "made", "pool": "made"}
    found = read(
        tmp_path,
        row("source-g", "anomaly", 1.0, **made, generation=0),
        row("source-g", "anomaly", 7.0, **made, generation=1),
    )
    assert sorted(found.generated_anomalies.score) == [1.0, 7.0]


def test_of_a_transductive_detector_one_pool_is_shown(tmp_path: Path) -> None:
    in_paper = {"origin": "made", "pool": "real+made"}
    in_matched = {"origin": "made", "pool": "normals+made"}
    beside = {"origin": "normals", "pool": "normals+made"}
    found = read(
        tmp_path,
        row("source-1", "normal", 100.0, pool="real+made"),
        row("source-g", "anomaly", 1.0, **in_paper),
        row("source-g", "anomaly", 2.0, **in_matched),
        row("source-n", "normal", 3.0, **beside),
    )
    assert list(found.real_normals.score) == [1.0]
    assert list(found.generated_anomalies.score) == [2.0]
    assert list(found.generated_normals.score) == [3.0]


def test_a_table_of_another_run_is_refused(tmp_path: Path) -> None:
    other = Place("pump", "00", "source", "knn", "made")
    read(tmp_path)
    with pytest.raises(DataError, match="no scores of pump/00/source/knn/made"):
        read_cell_scores(tmp_path, other, DefinitionId.DCASE2022, None)
    (tmp_path / "scores.parquet").write_text("nothing")
    with pytest.raises(DataError, match="cannot be read"):
        read_cell_scores(tmp_path, PLACE, DefinitionId.DCASE2022, None)
    (tmp_path / "scores.parquet").unlink()
    with pytest.raises(DataError, match=r"no scores\.parquet"):
        read_cell_scores(tmp_path, PLACE, DefinitionId.DCASE2022, None)
