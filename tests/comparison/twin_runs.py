"""Two runs on the same clips, made of scores with a known truth."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from asdbench.comparison import Side
from asdbench.engine.scores import COLUMNS
from asdbench.metrics.definitions import DefinitionId
from asdbench.report.arms import arm_rows
from asdbench.report.build import Facts, build_report, scored_arms
from asdbench.report.cells import Place, Rules, section_cells
from asdbench.report.schema import DataFacts, GridFacts, PluginUse, Report, SuiteFacts
from asdbench.report.section_arms import section_arms
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
    n: int = 40, repeats: int = 1, worse: float = 0.0, noise: float = 0.0, seed: int = 0
) -> pd.DataFrame:
    """Scores of ``n`` clips for each domain and label, the same clips in every call.

    ``noise`` is what each fit adds to the scores, drawn from ``seed``; ``worse`` how much nearer
    real anomalies of the fan lie to its normals for the detector ``ae``.
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
                    hurt = worse * (origin == "real" and (machine, detector) == ("fan", "ae"))
                    score = base + (0.8 - hurt) * (label == "anomaly")
                    score = score + noise * own.standard_normal(2 * n)
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


def facts(made: Mapping[str, Mapping[str, str]] = MADE) -> Facts:
    def use(name: str, plugin: str, **params: object) -> PluginUse:
        return PluginUse(id=name, use=plugin, version="1", code="0" * 64, params=params)

    data = DataFacts(
        dataset=use("simulated", "simulated", seed=0),
        simulated=True,
        digest="d" * 64,
        split_digest="s" * 64,
        sections={f"{machine}/{section}": "c" * 64 for machine, section in SECTIONS},
        n_detector_train=100,
        n_generator_train_normal=0,
        n_generator_train_anomaly=20,
        n_test_normal=160,
        n_test_anomaly=160,
        n_test_unlabelled=0,
        normals_shared=False,
        skipped={},
    )
    described = SuiteFacts(
        name="twin", version="1.0.0", description="", digest="f" * 64, overrides=()
    )
    detectors = (use("ae", "dcase-ae"), use("knn", "knn"))
    return Facts(described, data, detectors, (use("gen", "perturb"),), (), made=made)


def full_side(table: pd.DataFrame) -> Side:
    """The report of a score table, verdicts included, with it."""
    return Side(build_report(suite(), table, SECTIONS, facts()), table)


def side(
    table: pd.DataFrame, repeats: int = 1, made: Mapping[str, Mapping[str, str]] = MADE
) -> Side:
    """Cells and arms of a score table, with it: quick, as no verdict is computed."""
    asked, known = suite(repeats), facts(made)
    rules = Rules(DefinitionId.DCASE2022, 0.95, 100, 0)
    arms = scored_arms(table)
    cells = [
        cell
        for detector in ("ae", "knn")
        for machine, section in SECTIONS
        if ("real", detector, machine, section) in arms
        for cell in section_cells(
            Place(machine, section, detector, "gen", "made"),
            arms["real", detector, machine, section],
            arms["made", detector, machine, section],
            rules,
        )
    ]
    report = Report(
        schema="asdbench/report@1",
        asdbench="0",
        suite=known.suite,
        data=known.data,
        definition="dcase2022",
        definitions={"auc": "normals of a domain against anomalies of both"},
        confidence=0.95,
        detectors=known.detectors,
        generators=known.generators,
        grids={
            name: GridFacts(**grid.model_dump(), clips=dict(made[name]))
            for name, grid in asked.grids.items()
        },
        cells=tuple(cells),
        means=(),
        official=(),
        arms=tuple(arm_rows(list(section_arms(asked, arms, list(SECTIONS), rules)), cells)),
    )
    return Side(report, table)


def write(folder: Path, one: Side) -> Path:
    """A run folder."""
    write_report(one.report, folder / "report", ())
    assert one.scores is not None
    one.scores.to_parquet(folder / "scores.parquet", index=False)
    return folder
