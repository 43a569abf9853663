"""The control arms, on scores whose truth is known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from asdbench.engine.scores import COLUMNS
from asdbench.metrics.definitions import DefinitionId
from asdbench.report.arm_means import make_arm_means
from asdbench.report.arms import arm_rows
from asdbench.report.build import Facts, build_report
from asdbench.report.cell_intervals import with_intervals
from asdbench.report.cells import Arm, Place, Rules, section_cells
from asdbench.report.findings import artifact_findings
from asdbench.report.markdown import render_markdown
from asdbench.report.placed_gaps import domains_of, placed_gaps
from asdbench.report.schema import DataFacts, PluginUse, Report, SuiteFacts
from asdbench.report.section_arms import section_arms
from asdbench.suite.arms import Pairing, pairings
from asdbench.suite.model import Suite

GRIDS = {
    "made": {"generator": "gen"},
    "controls": {"generator": "gen", "label": "normal"},
    "coded": {"generator": "gen", "make": "roundtrip"},
    "coded-controls": {"generator": "gen", "label": "normal", "make": "roundtrip"},
}
LABELS = {"made": "anomaly", "controls": "normal", "coded": "anomaly", "coded-controls": "normal"}
RULES = Rules(DefinitionId.DCASE2022, 0.95, 200, 1)


def suite(grids: dict[str, object] = GRIDS, **changes: object) -> Suite:
    content = {
        "schema": "asdbench/suite@1",
        "name": "s",
        "dataset": {"use": "manifest"},
        "generators": [{"id": "gen", "use": "g"}, {"id": "idle", "use": "g"}],
        "grids": grids,
        "detectors": [{"id": "ae", "use": "d"}],
        "statistics": {"bootstrap": 200},
        **changes,
    }
    return Suite.model_validate(content)


def make_arms(
    rng: np.random.Generator,
    n: int = 60,
    shift: float = 1.0,
    artifact: float | dict[str, float] = 0.0,
    coding: float = 0.0,
    domains: bool = True,
) -> dict[tuple[str, str, str, str], list[Arm]]:
    """Arms of all origins: ``artifact`` shifts generated clips, ``coding`` coded ones."""
    domain = np.tile(["source", "target"], n // 2)
    by = artifact if isinstance(artifact, dict) else dict.fromkeys(("source", "target"), artifact)
    offset = np.array([by[d] for d in domain])
    given = domain if domains else None

    def one(scores: np.ndarray, label: str, names: list[str]) -> Arm:
        anomaly = np.full(n, label == "anomaly")
        return Arm(scores, anomaly, given, None, np.array(names))

    normal, anomaly = rng.standard_normal(n), rng.standard_normal(n) + shift
    names = {"normal": [f"n{i:03d}" for i in range(n)], "anomaly": [f"a{i:03d}" for i in range(n)]}
    real = Arm(
        np.concatenate([normal, anomaly]),
        np.repeat([False, True], n),
        np.tile(domain, 2) if domains else None,
        None,
        np.array(names["normal"] + names["anomaly"]),
    )
    back = np.arange(n)[::-1]  # coded clips come in another order
    arms = {
        "real": real,
        "made": one(rng.standard_normal(n) + shift + offset, "anomaly", names["anomaly"]),
        "controls": one(rng.standard_normal(n) + offset, "normal", names["normal"]),
    }
    for origin, scores, label in (
        ("coded", anomaly, "anomaly"),
        ("coded-controls", normal, "normal"),
    ):
        hiss = 0.1 * rng.standard_normal(n)
        arm = one(scores + coding + hiss, label, names[label])
        parts = (arm.score, arm.anomaly, arm.domain, arm.decision, arm.clip)
        arms[origin] = Arm(*(None if part is None else part[back] for part in parts))
    return {(origin, "ae", "fan", "00"): [arm] for origin, arm in arms.items()}


def rows_of(arms, given: Suite | None = None):
    chosen = given or suite()
    made = arms.get(("made", "ae", "fan", "00")) if "made" in chosen.grids else None
    grid = "made" if "made" in chosen.grids else None
    place = Place("fan", "00", "ae", "gen" if grid else None, grid)
    cells = list(section_cells(place, arms["real", "ae", "fan", "00"], made, RULES))
    sections = list(section_arms(chosen, arms, [("fan", "00")], RULES))
    cells = with_intervals(cells, placed_gaps(sections, domains_of(cells)))
    return {row.domain: row for row in arm_rows(sections, cells)}, cells


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(23)


def test_a_perfect_generator_shows_no_artifact_and_no_gap(rng):
    rows, _ = rows_of(make_arms(rng))
    row = rows["all"]
    assert row.artifact.auc_low < 0.5 < row.artifact.auc_high
    assert row.matched_gap.low < 0.0 < row.matched_gap.high
    assert row.paper_gap.low < 0.0 < row.paper_gap.high


def test_an_artifact_moves_the_papers_gap_and_not_the_matched_one(rng):
    rows, _ = rows_of(make_arms(rng, artifact=2.0))
    row = rows["all"]
    assert row.artifact.auc > 0.85
    assert row.paper_gap.low > 0.1
    assert row.matched_gap.low < 0.0 < row.matched_gap.high


def test_a_codec_moves_the_codec_arm_and_not_the_coded_gap(rng):
    rows, _ = rows_of(make_arms(rng, coding=0.5))
    row = rows["all"]
    assert row.codec.auc_low > 0.55
    assert abs(row.coded_gap.value) < 0.03
    # clip by clip, the coded gap is known far better than either AUC
    width = row.coded.auc_high - row.coded.auc_low
    assert row.coded_gap.high - row.coded_gap.low < 0.5 * width


def test_the_papers_gap_is_that_of_the_cell(rng):
    rows, cells = rows_of(make_arms(rng))
    for cell in cells:
        row = rows[cell.domain]
        gap = row.paper_gap
        assert (gap.value, gap.low, gap.high) == (cell.auc.gap, cell.auc.gap_low, cell.auc.gap_high)
        assert row.real.auc == pytest.approx(cell.auc.real, abs=1e-12)
        assert row.paper.auc == pytest.approx(cell.auc.generated, abs=1e-12)
        assert row.paper.pauc == pytest.approx(cell.pauc.generated, abs=1e-12)


def test_which_clips_enter(rng):
    row = rows_of(make_arms(rng, n=60))[0]["source"]
    sizes = {
        name: (getattr(row, name).n_negative, getattr(row, name).n_positive)
        for name in ("real", "coded", "paper", "matched", "artifact", "codec")
    }
    both = dict.fromkeys(("real", "coded", "paper", "matched"), (30, 60))  # anomalies of both
    assert sizes == {**both, "artifact": (30, 30), "codec": (30, 30)}


def test_the_order_of_coded_clips_changes_nothing(rng):
    arms = make_arms(rng)
    first, _ = rows_of(arms)
    key = ("coded-controls", "ae", "fan", "00")
    shuffled = rng.permutation(60)
    arm = arms[key][0]
    parts = (arm.score, arm.anomaly, arm.domain, arm.decision, arm.clip)
    moved = Arm(*(None if part is None else part[shuffled] for part in parts))
    second, _ = rows_of({**arms, key: [moved]})
    assert first == second


def test_missing_arms_have_reasons(rng):
    arms = make_arms(rng)
    alone = suite({"made": GRIDS["made"]})
    row = rows_of(arms, alone)[0]["all"]
    assert row.matched.auc is None
    assert row.matched.reason == (
        "the suite has no grid of generated normals: {generator: gen, label: normal}"
    )
    assert row.coded_gap.value is None
    assert row.coded_gap.reason.endswith("{generator: gen, label: normal, make: roundtrip}")
    assert row.paper.auc is not None
    controls = suite({"controls": GRIDS["controls"]})
    row = rows_of(arms, controls)[0]["all"]
    assert row.grid is None
    assert row.artifact.auc is not None
    assert row.paper_gap.reason.startswith("the suite has no grid of generated anomalies")


def test_a_failed_grid_is_a_reason(rng):
    arms = make_arms(rng)
    del arms["controls", "ae", "fan", "00"]
    row = rows_of(arms)[0]["all"]
    assert row.artifact.auc is None
    assert "a task failed" in row.artifact.reason
    assert row.coded.auc is not None


def test_repeats_are_averaged(rng):
    parts = [make_arms(np.random.default_rng(i)) for i in range(3)]
    arms = {key: [part[key][0] for part in parts] for key in parts[0]}
    several = suite(seeds={"detector_repeats": 3})
    row = rows_of(arms, several)[0]["all"]
    singles = [rows_of(part)[0]["all"] for part in parts]
    assert row.repeats == 3
    assert row.matched_gap.value == pytest.approx(np.mean([s.matched_gap.value for s in singles]))
    assert "mean of 3 fits" in row.artifact.method
    del arms["controls", "ae", "fan", "00"][2]
    assert rows_of(arms, several)[0]["all"].artifact.auc is None


def test_grids_pair_up_by_generator_and_make():
    grids = {**GRIDS, "more": {"generator": "gen", "multiplier": 3}, "x": {"generator": "idle"}}
    found = pairings(suite(grids))
    controls = {
        "generated normals": "controls",
        "coded anomalies": "coded",
        "coded normals": "coded-controls",
    }
    assert found == [
        Pairing("gen", {"generated anomalies": "made", **controls}),
        Pairing("gen", {"generated anomalies": "more", **controls}),
        Pairing("idle", {"generated anomalies": "x"}),
    ]


def test_means_are_those_of_the_rows(rng):
    rows, _ = rows_of(make_arms(rng, artifact={"source": 1.5, "target": -1.5}))
    parts = [rows["source"], rows["target"]]
    (overall,) = [m for m in make_arm_means(list(rows.values())) if m.over == "detector"]
    assert overall.n_cells == 2
    gaps = [p.matched_gap.value for p in parts]
    assert overall.matched_gap == pytest.approx(np.mean(gaps))
    assert overall.matched_abs_gap == pytest.approx(np.mean(np.abs(gaps)))
    artifacts = [p.artifact.auc for p in parts]
    assert overall.auc_artifact == pytest.approx(np.mean(artifacts))
    assert overall.artifact_deviation == pytest.approx(np.mean(np.abs(np.array(artifacts) - 0.5)))
    assert overall.pauc_matched == rows["all"].matched.pauc
    broken = rows["target"].model_copy(
        update={"matched": rows["target"].matched.model_copy(update={"auc": None})}
    )
    (hole,) = [m for m in make_arm_means([rows["source"], broken]) if m.over == "detector"]
    assert hole.auc_matched is None
    assert hole.auc_paper is not None


def test_an_artifact_is_said_in_one_sentence(rng):
    rows, _ = rows_of(make_arms(rng, artifact=2.0))
    (finding,) = artifact_findings(list(rows.values()), 0.95)
    assert finding.finding == "separated"
    low, high = finding.auc_low, finding.auc_high
    ends = sorted(rows[domain].artifact.auc for domain in ("source", "target"))
    assert finding.sentence == (
        "fan, ae: the detector separates normals generated by gen from real ones (AUC "
        f"{finding.auc:.2f} [{low:.2f}, {high:.2f}], from {ends[0]:.2f} to {ends[1]:.2f} by "
        "section and domain): its AUC on generated anomalies against real normals is not evidence "
        "about faults."
    )


def test_opposite_artifacts_do_not_cancel(rng):
    rows, _ = rows_of(make_arms(rng, artifact={"source": 1.5, "target": -1.5}))
    (finding,) = artifact_findings(list(rows.values()), 0.95)
    assert finding.auc_low < 0.5 < finding.auc_high
    assert finding.finding == "separated"
    assert finding.deviation > 0.25
    assert "by section and domain" in finding.sentence


def test_no_artifact_is_no_certificate(rng):
    rows, _ = rows_of(make_arms(rng))
    (finding,) = artifact_findings(list(rows.values()), 0.95)
    assert finding.finding == "not separated"
    assert "as far as that interval reaches" in finding.sentence


def test_perfect_separation_of_few_clips_is_no_finding(rng):
    def finding(n: int):
        rows, _ = rows_of(make_arms(rng, n=n, artifact=50.0, domains=False))
        (found,) = artifact_findings(list(rows.values()), 0.95)
        return found

    assert finding(2).finding == "not separated"  # one chance in three
    many = finding(20)
    assert (many.finding, many.auc) == ("separated", 1.0)
    assert many.auc_low < 1.0


@pytest.mark.slow
@pytest.mark.parametrize("n", [12, 60])
def test_a_perfect_generator_is_seldom_called_artificial(n: int):
    rng = np.random.default_rng(4)
    found = 0
    for _ in range(200):
        rows, _ = rows_of(make_arms(rng, n=n))
        (finding,) = artifact_findings(list(rows.values()), 0.95)
        found += finding.finding == "separated"
    assert found / 200 < 0.12


def test_not_measured_without_generated_normals(rng):
    rows, _ = rows_of(make_arms(rng), suite({"made": GRIDS["made"]}))
    (finding,) = artifact_findings(list(rows.values()), 0.95)
    assert (finding.finding, finding.auc) == ("not measured", None)
    assert "{generator: gen, label: normal}" in finding.sentence


def conditions(a: Arm) -> list[str]:
    """The condition of each clip: its domain."""
    return [f"fan/00/{d}/-" for d in (["-"] * len(a.score) if a.domain is None else a.domain)]


def frame(arms: dict[tuple[str, str, str, str], list[Arm]]) -> pd.DataFrame:
    parts = []
    for (origin, detector, machine, section), (a,) in arms.items():
        values = {
            "clip": a.clip if origin == "real" else [f"{origin}/{i}" for i in range(len(a.score))],
            "copy_of": a.clip if origin.startswith("coded") else None,
            "origin": origin,
            "generator": None if origin == "real" else "gen",
            "detector": detector,
            "repeat": 0,
            "pool": origin,
            "fold": 0,
            "generation": 0,
            "recording": None,
            "machine": machine,
            "section": section,
            "domain": a.domain,
            "label": np.where(a.anomaly, "anomaly", "normal"),
            "condition": conditions(a),
            "score": a.score,
            "decision": None,
        }
        parts.append(pd.DataFrame(values).astype(COLUMNS))
    return pd.concat(parts, ignore_index=True)


def make_report(arms, given: Suite) -> Report:
    plugin = PluginUse(id="gen", use="g", version="1", code="0" * 64, params={})
    data = DataFacts(
        dataset=plugin,
        simulated=False,
        digest="d" * 64,
        split_digest="s" * 64,
        n_detector_train=1,
        n_generator_train_normal=1,
        n_generator_train_anomaly=1,
        n_test_normal=60,
        n_test_anomaly=60,
        n_test_unlabelled=0,
        normals_shared=False,
        skipped={},
    )
    described = SuiteFacts(name="s", version="1", description="", digest="e" * 64, overrides=())
    facts = Facts(described, data, (plugin,), (plugin,), ())
    return build_report(given, frame(arms), {("fan", "00"): True}, facts)


def test_the_page_puts_the_matched_gap_first(rng):
    report = make_report(make_arms(rng, artifact=2.0), suite())
    page = render_markdown(report)
    assert page.index(" matched |") < page.index(" paper |") < page.index("## Cells")
    assert page.index("separates normals generated by gen") < page.index("## Cells")
    row = next(r for r in report.arms if r.domain == "all")
    assert f"{row.codec.auc:.3f} [{row.codec.auc_low:.3f}, {row.codec.auc_high:.3f}]" in page
    assert "60/60/60/60/60/60" in page
    assert "nan" not in page.lower()


def test_the_page_says_when_the_artifact_arm_was_not_measured(rng):
    arms = {key: arm for key, arm in make_arms(rng).items() if key[0] in ("real", "made")}
    page = render_markdown(make_report(arms, suite({"made": GRIDS["made"]})))
    assert page.count("was not measured") == 1
    assert "`{generator: gen, label: normal}`" in page
    assert "## Arms by cell" not in page
