from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from jsonschema import Draft202012Validator

from asdbench.engine.scores import COLUMNS
from asdbench.errors import DataError
from asdbench.metrics.definitions import DefinitionId
from asdbench.metrics.rank import harmonic_mean
from asdbench.report.build import Facts, build_report
from asdbench.report.cells import Arm, Place, Rules, section_cells
from asdbench.report.markdown import render_markdown
from asdbench.report.means import make_means
from asdbench.report.schema import DataFacts, PluginUse, Problem, Report, SuiteFacts
from asdbench.report.tables import csv_tables
from asdbench.report.write import read_report, report_json, write_report
from asdbench.suite.model import Suite

RULES = Rules(DefinitionId.DCASE2022, 0.95, 200, 1)
PLACE = Place("fan", "00", "ae", "gen", "matched")


def arm(rng: np.random.Generator, n: int = 50, shift: float = 1.0, domains: bool = True) -> Arm:
    anomaly = np.repeat([False, True], n)
    domain = np.tile(["source", "target"], n) if domains else None
    score = rng.standard_normal(2 * n) + shift * anomaly
    return Arm(score, anomaly, domain, score > 1.0)


def generated(rng: np.random.Generator, n: int = 100, shift: float = 1.0) -> Arm:
    domain = np.tile(["source", "target"], n // 2)
    score = rng.standard_normal(n) + shift
    return Arm(score, np.ones(n, bool), domain, None)


def conditions(a: Arm) -> list[str]:
    """The condition of each clip: its domain."""
    return [f"fan/00/{d}/-" for d in (["-"] * len(a.score) if a.domain is None else a.domain)]


def frame(arms: dict[tuple[str, str, int], Arm]) -> pd.DataFrame:
    """A score table from arms by (origin, detector, repeat)."""
    parts = []
    for (origin, detector, repeat), a in arms.items():
        part = pd.DataFrame(
            {
                "clip": [f"c{i}" for i in range(len(a.score))],
                "copy_of": None,
                "origin": origin,
                "generator": None if origin == "real" else "gen",
                "detector": detector,
                "repeat": repeat,
                "pool": origin,
                "fold": 0,
                "generation": 0,
                "recording": None,
                "machine": "fan",
                "section": "00",
                "domain": a.domain,
                "label": np.where(a.anomaly, "anomaly", "normal"),
                "condition": conditions(a),
                "score": a.score,
                "decision": a.decision,
            }
        )
        parts.append(part.astype(COLUMNS))
    return pd.concat(parts, ignore_index=True)


def suite(**changes: object) -> Suite:
    content = {
        "schema": "asdbench/suite@1",
        "name": "s",
        "dataset": {"use": "manifest"},
        "generators": [{"id": "gen", "use": "perturb"}],
        "grids": {"matched": {"generator": "gen"}},
        "detectors": [{"id": "ae", "use": "dcase-ae"}],
        "statistics": {"bootstrap": 100},
        **changes,
    }
    return Suite.model_validate(content)


def facts(simulated: bool = False, problems: tuple[Problem, ...] = ()) -> Facts:
    plugin = PluginUse(id="ae", use="dcase-ae", version="1", code="0" * 64, params={"epochs": 3})
    data = DataFacts(
        dataset=plugin,
        simulated=simulated,
        digest="d" * 64,
        split_digest="s" * 64,
        n_detector_train=1,
        n_generator_train_normal=1,
        n_generator_train_anomaly=1,
        n_test_normal=50,
        n_test_anomaly=50,
        n_test_unlabelled=0,
        normals_shared=False,
        skipped={},
    )
    described = SuiteFacts(name="s", version="1", description="", digest="e" * 64, overrides=())
    return Facts(described, data, (plugin,), (plugin,), problems)


def make_report(rng: np.random.Generator, **options) -> Report:
    scores = frame({("real", "ae", 0): arm(rng), ("matched", "ae", 0): generated(rng)})
    return build_report(suite(), scores, {("fan", "00"): True}, facts(**options))


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(5)


def test_counts_follow_the_definition(rng):
    cells = {c.domain: c for c in section_cells(PLACE, [arm(rng)], [generated(rng)], RULES)}
    source, every = cells["source"], cells["all"]
    # AUC (source): 25 source normals against the 50 anomalies of both domains
    assert (source.n_normal, source.n_anomaly_real, source.n_anomaly_generated) == (25, 50, 100)
    assert (every.n_normal, every.n_anomaly_real, every.n_anomaly_generated) == (50, 50, 100)


def test_gap_is_zero_for_the_same_anomalies(rng):
    real = arm(rng)
    twin = Arm(real.score[real.anomaly], np.ones(50, bool), real.domain[real.anomaly], None)
    for cell in section_cells(PLACE, [real], [twin], RULES):
        assert cell.auc.gap == pytest.approx(0.0, abs=1e-12)
        assert cell.pauc.gap == pytest.approx(0.0, abs=1e-12)


def test_clips_without_domains_have_one_cell(rng):
    (cell,) = section_cells(PLACE, [arm(rng, domains=False)], None, RULES)
    assert cell.domain == "all"
    assert cell.auc.real is not None
    assert cell.auc.generated is None
    assert cell.decisions is not None


def test_missing_class_is_a_reason_not_a_number(rng):
    normals = arm(rng)
    only_normal = Arm(normals.score[:50], np.zeros(50, bool), normals.domain[:50], None)
    for cell in section_cells(PLACE, [only_normal], [generated(rng)], RULES):
        assert cell.auc.real is None
        assert cell.auc.gap is None
        assert cell.auc.reason == "no real anomalous clips"
        assert cell.auc.generated is not None


def test_the_gap_of_repeats_is_their_mean(rng):
    real = [arm(np.random.default_rng(i)) for i in range(3)]
    made = [generated(np.random.default_rng(10 + i)) for i in range(3)]
    cell = next(iter(section_cells(PLACE, real, made, RULES)))
    singles = [
        next(iter(section_cells(PLACE, [r], [g], RULES))) for r, g in zip(real, made, strict=True)
    ]
    assert cell.auc.gap == pytest.approx(np.mean([c.auc.gap for c in singles]))


def test_means_are_those_of_the_cells(rng):
    report = make_report(rng)
    by_domain = {c.domain: c for c in report.cells}
    overall = next(m for m in report.means if m.over == "detector")
    aucs = [by_domain["source"].auc.real, by_domain["target"].auc.real]
    assert overall.auc_real == pytest.approx(np.mean(aucs))
    assert overall.auc_hmean_real == pytest.approx(harmonic_mean(aucs))
    assert overall.pauc_real == pytest.approx(by_domain["all"].pauc.real)
    assert overall.n_cells == 2
    gaps = [by_domain[d].auc.gap for d in ("source", "target")]
    assert overall.auc_abs_gap == pytest.approx(np.mean(np.abs(gaps)))
    (official,) = report.official
    assert official.real == pytest.approx(harmonic_mean([*aucs, by_domain["all"].pauc.real]))


def test_means_over_incomplete_sets_are_null(rng):
    report = make_report(rng)
    broken = [
        c.model_copy(
            update={"status": "error", "auc": c.auc.model_copy(update={"real": None, "gap": None})}
        )
        if c.domain == "target"
        else c
        for c in report.cells
    ]
    overall = next(m for m in make_means(broken) if m.over == "detector")
    assert overall.auc_real is None
    assert overall.auc_gap is None
    assert overall.auc_generated is not None
    assert "incomplete" in overall.reason


def test_missing_scores_make_error_cells(rng):
    scores = frame({("real", "ae", 0): arm(rng)})
    report = build_report(suite(), scores, {("fan", "00"): True, ("fan", "01"): False}, facts())
    assert [(c.section, c.domain, c.status) for c in report.cells] == [
        ("00", "source", "error"),
        ("00", "target", "error"),
        ("00", "all", "error"),
        ("01", "all", "error"),
    ]
    assert not report.complete


def test_json_round_trip_and_schema(rng, tmp_path: Path):
    report = make_report(rng)
    write_report(report, tmp_path)
    again = read_report(tmp_path)
    assert again == report
    assert report_json(again) == (tmp_path / "report.json").read_text()
    schema = Report.model_json_schema(by_alias=True)
    Draft202012Validator(schema).validate(json.loads(report_json(report)))


def test_same_scores_same_bytes():
    first = report_json(make_report(np.random.default_rng(3)))
    assert first == report_json(make_report(np.random.default_rng(3)))


def test_simulated_data_is_called_simulated(rng):
    page = render_markdown(make_report(rng, simulated=True))
    assert page.startswith("# s 1 (simulated data)\n")
    assert "**Simulated data.**" in page
    assert "imulated" not in render_markdown(make_report(rng))


def test_markdown_states_definitions_and_counts(rng):
    report = make_report(rng)
    page = render_markdown(report)
    for name in ("auc", "pauc", "gap"):
        assert report.definitions[name] in page
    assert "25/50/100" in page
    assert f"{report.cells[0].auc.real:.3f}" in page
    assert "nan" not in page.lower()


def test_problems_are_shown_first(rng):
    problem = Problem(task="fit ae fan", error="ValueError", message="no luck\ntrace")
    page = render_markdown(make_report(rng, problems=(problem,)))
    assert page.index("fit ae fan") < page.index("## Cells")


def test_csv_holds_every_cell_at_full_precision(rng):
    report = make_report(rng)
    rows = list(csv.DictReader(io.StringIO(csv_tables(report)["cells.csv"])))
    assert len(rows) == len(report.cells)
    assert float(rows[0]["auc_real"]) == report.cells[0].auc.real
    assert float(rows[0]["auc_gap_low"]) == report.cells[0].auc.gap_low
    assert rows[0]["section"] == "00"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "not JSON"),
        ("[]", "schema None cannot be read"),
        ('{"schema": "asdbench/report@9"}', "asdbench/report@9"),
        ('{"schema": "asdbench/report@1"}', "not a valid report"),
    ],
)
def test_unreadable_reports(tmp_path: Path, content: str, message: str):
    (tmp_path / "report.json").write_text(content)
    with pytest.raises(DataError, match=message):
        read_report(tmp_path)


def test_a_truncated_report_says_how_to_get_it_back(tmp_path: Path):
    (tmp_path / "report.json").write_text('{"schema": ')
    with pytest.raises(DataError, match="Run its suite again"):
        read_report(tmp_path)
    (tmp_path / "suite.yaml").write_text("schema: asdbench/suite@1")
    with pytest.raises(DataError, match="Name a run folder"):
        read_report(tmp_path / "suite.yaml")


def test_missing_report_says_what_to_name(tmp_path: Path):
    with pytest.raises(DataError, match="no report at") as caught:
        read_report(tmp_path)
    assert "run folder" in str(caught.value)


def test_a_domain_without_clips_has_reasons(rng):
    real = arm(rng)
    only_source = Arm(real.score, real.anomaly, np.full(len(real.score), "source"), real.decision)
    cells = {c.domain: c for c in section_cells(PLACE, [only_source], [generated(rng)], RULES)}
    assert cells["target"].auc.real is None
    assert cells["target"].auc.reason == "no real normal clips"
    assert cells["target"].decisions is None
    assert cells["source"].decisions is not None
