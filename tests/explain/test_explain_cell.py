"""One cell in full, with its numbers computed again from the score table."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import ks_2samp, wasserstein_distance
from sklearn.metrics import roc_auc_score

from asdbench.engine.run import run
from asdbench.explain import Place, explain
from asdbench.explain.as_json import as_json
from asdbench.explain.conditions import condition_lines
from asdbench.explain.distributions import LEVELS
from asdbench.explain.model import Explanation
from asdbench.explain.score_table import CellScores, Scored
from asdbench.explain.text import render
from asdbench.report.schema import Report
from asdbench.report.write import find_report, read_report
from toy import write_arms

PLACE = Place("fan", "00", "target", "level", "made")
GAIN = "generators.tape.params.gain=1.5"


@pytest.fixture(scope="module")
def arms_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run folder of a suite with all arms, whose generator is louder than it should be."""
    folder = tmp_path_factory.mktemp("explained")
    suite = write_arms(folder / "toy")
    done = run(suite, overrides=[GAIN], store=folder / "store", out=folder / "run", workers=0)
    assert done.complete
    return done.folder


@pytest.fixture(scope="module")
def found(arms_run: Path) -> Explanation:
    return explain(read_report(arms_run), PLACE, find_report(arms_run), clips=3)


def pool(arms_run: Path, origin: str, label: str) -> pd.DataFrame:
    """Return the rows that enter the cell: normals of its domain, anomalies of both."""
    scores = pd.read_parquet(arms_run / "scores.parquet")
    mine = scores[(scores.detector == "level") & (scores.machine == "fan")]
    mine = mine[(mine.origin == origin) & (mine.label == label)]
    return mine[mine.domain == "target"] if label == "normal" else mine


def test_all_arms_stand_side_by_side(found: Explanation) -> None:
    assert [line.arm for line in found.arms] == [
        "real",
        "matched",
        "paper",
        "artifact",
        "coded",
        "codec",
    ]
    assert all(line.value.auc is not None for line in found.arms)
    gaps = {line.arm: line.gap for line in found.arms if line.gap is not None}
    assert set(gaps) == {"matched", "paper", "coded"}
    assert found.headline is not None
    assert found.headline.gap == "matched"
    assert found.headline.value == gaps["matched"].value
    assert found.artifact is not None
    assert found.artifact.machine == "fan"


def test_a_condition_has_the_status_of_the_grid_of_the_cell(arms_run: Path) -> None:
    """Another grid of the generator is on the same map, and both domains are one condition."""
    report = read_report(arms_run)
    rows = [
        row.model_copy(update={"domain": None, "grid": grid, "status": status})
        for row in report.coverage
        for grid, status in ((row.grid, "validated"), ("swept", "measured"))
    ]
    mapped = report.model_copy(update={"coverage": tuple(rows)})
    lines = explain(mapped, PLACE, find_report(arms_run)).conditions
    assert lines
    assert {line.status for line in lines} == {"validated"}


def test_score_pools_are_those_of_the_aucs(found: Explanation, arms_run: Path) -> None:
    assert found.distributions is not None
    expected = {
        "real normals": pool(arms_run, "real", "normal"),
        "real anomalies": pool(arms_run, "real", "anomaly"),
        "generated normals": pool(arms_run, "made-normals", "normal"),
        "generated anomalies": pool(arms_run, "made", "anomaly"),
    }
    assert {spread.name: spread.n for spread in found.distributions.pools} == {
        name: len(frame) for name, frame in expected.items()
    }
    for spread in found.distributions.pools:
        score = expected[spread.name].score
        assert spread.quantiles == pytest.approx(np.quantile(score, LEVELS))
        assert sum(spread.shares) == pytest.approx(1.0)
        inside = score < found.distributions.edges[1]  # the first bin holds what lies below
        assert spread.shares[0] == pytest.approx(inside.mean())


def test_distances_are_those_of_scipy(found: Explanation, arms_run: Path) -> None:
    assert found.distributions is not None
    by_label = {distance.label: distance for distance in found.distributions.distances}
    unit = pool(arms_run, "real", "normal").score.std(ddof=0)
    for label, one in (("normals", "normal"), ("anomalies", "anomaly")):
        origin = "made-normals" if one == "normal" else "made"
        real, made = pool(arms_run, "real", one).score, pool(arms_run, origin, one).score
        assert by_label[label].ks == pytest.approx(ks_2samp(made, real).statistic)
        expected = wasserstein_distance(made, real) / unit
        assert by_label[label].wasserstein == pytest.approx(expected)


def test_the_worst_clips_are_named(found: Explanation, arms_run: Path) -> None:
    assert found.clips is not None
    anomalies = pool(arms_run, "real", "anomaly").sort_values(["score", "clip"])
    normals = pool(arms_run, "real", "normal").sort_values(["score", "clip"])
    assert [line.clip for line in found.clips.missed] == list(anomalies["clip"][:3])
    assert {line.clip for line in found.clips.false_alarms} == set(normals["clip"][-3:])
    lowest = found.clips.missed[0]
    assert lowest.standing == pytest.approx((normals.score > lowest.score).mean())
    assert lowest.condition.startswith("speed=")
    assert len(found.clips.far) == 3
    assert all(line.clip.startswith(("made/", "made-normals/")) for line in found.clips.far)
    distances = [abs(line.standing) for line in found.clips.far]
    assert distances == sorted(distances, reverse=True)


def test_a_clip_in_the_run_folder_can_be_heard(arms_run: Path) -> None:
    every = explain(read_report(arms_run), PLACE, find_report(arms_run), clips=1000)
    assert every.clips is not None
    heard = {line.clip: line.audio for line in every.clips.far if line.audio is not None}
    assert "made/fan/00/000000" in heard
    assert all((arms_run / audio).is_file() for audio in heard.values())


def test_conditions_have_their_own_aucs(found: Explanation, arms_run: Path) -> None:
    normals = pool(arms_run, "real", "normal").score
    anomalies = pool(arms_run, "real", "anomaly")
    assert len(found.conditions) == 4  # two speeds in two domains
    for line in found.conditions:
        own = anomalies[anomalies.condition == f"fan/00/{line.domain}/{line.condition}"].score
        assert line.n_real == len(own)
        truth = [0] * len(normals) + [1] * len(own)
        expected = roc_auc_score(truth, [*normals, *own])
        assert line.auc_real == pytest.approx(expected)
        assert line.gap == pytest.approx((line.auc_generated or 0.0) - (line.auc_real or 0.0))
    gaps = [abs(line.gap or 0.0) for line in found.conditions]
    assert gaps == sorted(gaps, reverse=True)


def test_a_condition_of_few_anomalies_has_no_interval(found: Explanation) -> None:
    assert max(line.n_real for line in found.conditions) < 10
    assert {(line.low, line.high) for line in found.conditions} == {(None, None)}
    page = " ".join(render(found).split())
    assert "Fewer than 10 real or generated anomalies have no interval." in page
    assert "intervals exclude 0" not in page
    rng = np.random.default_rng(0)
    cell = CellScores(*(scored(rng, n, "fan/00/target/speed=6") for n in (40, 9, 40, 40)))
    assert condition_lines(cell, PLACE, matched=True, confidence=0.95)[0].low is None
    cell = CellScores(*(scored(rng, n, "fan/00/target/speed=6") for n in (40, 10, 40, 40)))
    (line,) = condition_lines(cell, PLACE, matched=True, confidence=0.95)
    assert line.low < line.gap < line.high
    several = replace(found, conditions=(*found.conditions, line))
    assert "of 1 intervals exclude 0" in " ".join(render(several).split())


def scored(rng: np.random.Generator, n: int, condition: str) -> Scored:
    score = rng.normal(size=n)
    names = np.array([f"{i}" for i in range(n)])
    return Scored(names, np.full(n, condition), score, score[:, None], np.zeros(n, int))


def test_provenance_names_what_the_cell_was_made_of(found: Explanation) -> None:
    provenance = found.provenance
    assert provenance.detector.id == "level"
    assert provenance.generator is not None
    assert provenance.generator.params["gain"] == 1.5
    assert provenance.seeds["master"] == 20240918
    assert "split" in provenance.seeds
    assert set(provenance.grids) == {"made", "made-normals", "coded", "coded-normals"}


def test_the_page_is_narrow_and_survives_a_pipe(found: Explanation) -> None:
    page = render(found)
    assert max(map(len, page.splitlines())) <= 100
    assert "█" in page
    plain = render(found, plain=True)
    assert "#" in plain
    assert plain.isascii()
    assert "\x1b" not in page
    for heading in ("AUCs side by side", "Missed", "False alarms", "Conditions", "Provenance"):
        assert heading in page


def test_domain_all_is_said_to_pool_the_domains(found: Explanation, arms_run: Path) -> None:
    said = "the clips of all domains enter one AUC"
    assert said not in render(found)
    whole = explain(read_report(arms_run), replace(PLACE, domain="all"), find_report(arms_run))
    assert said in render(whole)


def test_json_holds_all_of_it(found: Explanation) -> None:
    content = json.loads(json.dumps(as_json(found), allow_nan=False))
    assert content["cell"] == str(PLACE)
    assert content["arms"][0]["value"]["auc"] == found.arms[0].value.auc
    assert len(content["clips"]["missed"]) == 3
    assert content["provenance"]["detector"]["use"] == "level"


def test_a_bare_report_shows_what_it_can_and_says_what_is_missing(
    arms_run: Path, tmp_path: Path
) -> None:
    alone = tmp_path / "report.json"
    shutil.copyfile(arms_run / "report" / "report.json", alone)
    found = explain(read_report(alone), PLACE, find_report(alone))
    assert found.distributions is found.clips is None
    assert found.conditions == ()
    missing = " ".join(found.missing)
    assert "Histograms, clips and conditions: no scores.parquet" in missing
    assert "Seeds: no suite.lock.yaml" in missing
    assert len(found.arms) == 6
    assert "== Not shown" in render(found)


def test_scores_of_another_run_are_refused(arms_run: Path, tmp_path: Path) -> None:
    (tmp_path / "report").mkdir()
    file = tmp_path / "report" / "report.json"
    shutil.copyfile(arms_run / "report" / "report.json", file)
    scores = pd.read_parquet(arms_run / "scores.parquet")
    moved = scores.score.where(scores.label == "normal", scores.score + 1.0)
    scores.assign(score=moved).to_parquet(tmp_path / "scores.parquet")
    found = explain(read_report(file), PLACE, file)
    assert found.clips is None
    assert "It belongs to another report." in " ".join(found.missing)


@pytest.mark.parametrize("origin", ["made", "made-normals"])
@pytest.mark.parametrize("change", ["other scores", "fewer clips"])
def test_generated_clips_of_another_run_are_refused(
    arms_run: Path, tmp_path: Path, origin: str, change: str
) -> None:
    (tmp_path / "report").mkdir()
    file = tmp_path / "report" / "report.json"
    shutil.copyfile(arms_run / "report" / "report.json", file)
    scores = pd.read_parquet(arms_run / "scores.parquet")
    own = scores.origin == origin
    if change == "fewer clips":
        first = scores[own & (scores.domain == "target")]["clip"].min()
        scores = scores[~own | (scores["clip"] != first)]
    else:
        scores = scores.assign(score=scores.score.where(~own, -scores.score))
    scores.to_parquet(tmp_path / "scores.parquet")
    found = explain(read_report(file), PLACE, file)
    assert found.distributions is found.clips is None
    (said,) = found.missing[:1]
    assert f"generated {'anomalies' if origin == 'made' else 'normals'}" in said
    assert "It belongs to another report." in said


def test_an_older_report_without_arms_and_verdicts_is_explained(arms_run: Path) -> None:
    report = read_report(arms_run)
    later = ("arms", "arm_means", "artifacts", "verdicts", "ladder", "score_distances")
    empty: dict[str, object] = dict.fromkeys(later, ())
    older: Report = report.model_copy(update=empty)
    found = explain(older, PLACE, find_report(arms_run))
    assert [line.arm for line in found.arms] == ["real", "paper"]
    assert found.headline is not None
    assert found.headline.gap == "paper"
    assert found.headline.verdict is None
    assert "has no verdicts" in " ".join(found.missing)
    assert found.distributions is not None
    assert "Headline gap (paper)" in render(found)
