"""Two runs on the same clips, made of scores with a known truth."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from asdbench.comparison import Side
from asdbench.engine.scores import COLUMNS
from asdbench.report.build import Facts, build_report
from asdbench.report.schema import DataFacts, PluginUse, SuiteFacts
from asdbench.report.write import write_report
from asdbench.suite.model import Suite

SECTIONS = {("fan", "00"): True, ("valve", "00"): True}
MADE = {
    grid: {f"{machine}/{section}": f"{grid} {machine}" for machine, section in SECTIONS}
    for grid in ("made", "made-normals")
}


def suite(repeats: int = 1) -> Suite:
    return Suite.model_validate(
        {
            "schema": "asdbench/suite@1",
            "name": "twin",
            "dataset": {"use": "simulated"},
            "generators": [{"id": "gen", "use": "perturb"}],
            "grids": {
                "made": {"generator": "gen"},
                "made-normals": {"generator": "gen", "label": "normal"},
            },
            "detectors": [{"id": "ae", "use": "dcase-ae"}, {"id": "knn", "use": "knn"}],
            "statistics": {"bootstrap": 100},
            "seeds": {"detector_repeats": repeats},
        }
    )


def scores(
    n: int = 40, repeats: int = 1, shift: float = 0.8, noise: float = 0.0, seed: int = 0
) -> pd.DataFrame:
    """Scores of ``n`` clips for each domain and label; those of one ``seed`` are the same clips.

    ``noise`` is what one fit adds to the scores; ``shift`` how far anomalies lie from normals.
    """
    clips = np.random.default_rng(7)
    own = np.random.default_rng(seed)
    parts = []
    for machine, section in SECTIONS:
        for origin, label in (
            ("real", "normal"),
            ("real", "anomaly"),
            ("made", "anomaly"),
            ("made-normals", "normal"),
        ):
            domains = np.repeat(["source", "target"], n)
            base = clips.standard_normal(2 * n)
            for detector in ("ae", "knn"):
                for repeat in range(repeats):
                    score = base + shift * (label == "anomaly") + noise * own.standard_normal(2 * n)
                    part = {
                        "clip": [f"{origin}/{machine}/{label}/{i:04d}" for i in range(2 * n)],
                        "origin": origin,
                        "generator": None if origin == "real" else "gen",
                        "detector": detector,
                        "repeat": repeat,
                        "pool": origin,
                        "fold": 0,
                        "machine": machine,
                        "section": section,
                        "domain": domains,
                        "label": label,
                        "condition": [f"{machine}/{section}/{d}/speed=6" for d in domains],
                        "score": score,
                    }
                    parts.append(pd.DataFrame(part))
    found = pd.concat(parts, ignore_index=True)
    for name in COLUMNS:
        if name not in found:
            found[name] = 0 if COLUMNS[name].startswith("int") else None
    return found.astype(COLUMNS)


def side(table: pd.DataFrame, repeats: int = 1, made: dict[str, dict[str, str]] = MADE) -> Side:
    """The report of a score table, with it."""
    plugins = tuple(
        PluginUse(id=name, use=use, version="1", code="0" * 64, params={})
        for name, use in (("ae", "dcase-ae"), ("knn", "knn"))
    )
    generator = PluginUse(id="gen", use="perturb", version="1", code="0" * 64, params={})
    sections = {f"{machine}/{section}": "c" * 64 for machine, section in SECTIONS}
    data = DataFacts(
        dataset=PluginUse(
            id="simulated", use="simulated", version="1", code="0" * 64, params={"seed": 0}
        ),
        simulated=True,
        digest="d" * 64,
        split_digest="s" * 64,
        sections=sections,
        n_detector_train=100,
        n_generator_train_normal=0,
        n_generator_train_anomaly=20,
        n_test_normal=160,
        n_test_anomaly=160,
        n_test_unlabelled=0,
        normals_shared=False,
        skipped={},
    )
    facts = Facts(
        SuiteFacts(name="twin", version="1.0.0", description="", digest="f" * 64, overrides=()),
        data,
        plugins,
        (generator,),
        (),
        made=made,
    )
    return Side(build_report(suite(repeats), table, SECTIONS, facts), table)


def write(folder: Path, one: Side) -> Path:
    """A run folder."""
    write_report(one.report, folder / "report", ())
    assert one.scores is not None
    one.scores.to_parquet(folder / "scores.parquet", index=False)
    return folder
