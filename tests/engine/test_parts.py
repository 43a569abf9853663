"""Detectors made of detectors, and detectors whose scores depend on the clips beside."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest

import asdbench
from asdbench.errors import AsdbenchError, SuiteError
from asdbench.metrics.rank import auc
from asdbench.report.schema import Report
from asdbench.suite import load_suite
from toy import write_arms

BANDS = '''
import numpy as np

from asdbench.api import Detector, DetectorInfo, Embedded, Params, Part, detector


@detector("bands")
class Bands(Detector):
    """Its embedding is the level of a clip, once for each half of it."""

    info = DetectorInfo(id="bands", version="1", params=Params, scope="suite")

    def fit(self, train, context): ...

    def embed(self, clips, context):
        halves = [np.array_split(clips.audio(i), 2) for i in range(len(clips))]
        rows = [np.std(half) for clip in halves for half in clip]
        return Embedded(np.array(rows)[:, None], np.repeat(np.arange(len(clips)), 2))

    def score(self, clips, context):
        return np.zeros(len(clips))

    def save(self, folder):
        (folder / "bands.txt").write_text("")

    @classmethod
    def load(cls, folder, params, context):
        return cls(params)


@detector("narrow")
class Narrow(Bands):
    """The same, fitted once a section."""

    info = DetectorInfo(id="narrow", version="1", params=Params, scope="section")


class WholeParams(Params):
    inner: Part = Part(use="narrow")


@detector("whole")
class Whole(Bands):
    """Fitted once a machine, with a part."""

    info = DetectorInfo(id="whole", version="1", params=WholeParams, scope="machine")
'''
SMOOTH = """
  - id: k1
    use: smoothed-ae
    params: &parts {generative: {use: level}, discriminative: {use: bands}, neighbors: 1}
  - {id: k4, use: smoothed-ae, params: {<<: *parts, neighbors: 4}}
  - {id: all, use: smoothed-ae, params: {<<: *parts, neighbors: 1000}}
"""


def write(folder: Path) -> Path:
    suite = write_arms(folder)
    text = suite.read_text().replace("./tape.py]", "./tape.py, ./bands.py]")
    text = text.replace("made: {generator: tape, label: anomaly}", MADE)
    start, end = text.index("  - {id: flipped"), text.index("statistics:")
    suite.with_name("bands.py").write_text(BANDS)
    suite.write_text(text[:start] + spelled_out(SMOOTH).strip("\n") + "\n" + text[end:])
    return suite


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    return write(tmp_path / "toy")


MADE = "made: {generator: tape, label: anomaly, multiplier: 2}"


def spelled_out(text: str) -> str:
    """Suites have no anchors; tests need not write the same thing three times."""
    parts = "generative: {use: level}, discriminative: {use: bands}"
    return text.replace("&parts ", "").replace("<<: *parts", parts)


@dataclass(frozen=True)
class Done:
    folder: Path
    report: Report
    scores: pd.DataFrame


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Done:
    """The suite, run once for all tests that only look at it."""
    folder = tmp_path_factory.mktemp("parts")
    result = run(write(folder / "toy"), folder)
    assert not result.report.problems
    return Done(folder, result.report, pd.read_parquet(folder / "run/scores.parquet"))


@pytest.fixture
def scores(done: Done) -> pd.DataFrame:
    return done.scores


def run(suite: Path, tmp_path: Path) -> asdbench.Run:
    return asdbench.run(suite, out=tmp_path / "run", store=tmp_path / "store", workers=1)


def test_one_neighbor_gives_the_score_of_the_part_in_every_arm(scores: pd.DataFrame) -> None:
    level = scores[scores.detector == "level"].drop_duplicates("clip").set_index("clip").score
    smoothed = scores[scores.detector == "k1"]
    assert set(smoothed.pool) == {
        "real", "real+made", "made-normals+made", "real+made-normals", "coded-normals+coded",
        "real+coded-normals",
    }  # fmt: skip
    assert (smoothed.score.to_numpy() == level[smoothed["clip"]].to_numpy()).all()


def test_every_pool_has_the_prevalence_of_the_real_one(scores: pd.DataFrame) -> None:
    smoothed = scores[scores.detector == "k4"]
    keys = ["machine", "pool", "fold"]
    for (machine, pool, _), rows in smoothed.groupby(keys):
        real = smoothed[(smoothed.machine == machine) & (smoothed.pool == "real")]
        counts = real.label.value_counts()
        normals, anomalies = counts["normal"], counts["anomaly"]
        if pool in {"real+made-normals", "real+coded-normals"}:  # normals in place of anomalies
            origins = rows.origin.value_counts()
            assert origins.drop("real").item() / origins["real"] == pytest.approx(
                anomalies / normals, abs=0.2
            )
        else:
            found = rows.label.value_counts()
            assert (found["normal"], found["anomaly"]) == (normals, anomalies), pool
        assert set(rows.domain) == {"source", "target"}


def test_a_larger_arm_is_scored_in_folds_that_hold_every_clip(scores: pd.DataFrame) -> None:
    rows = scores[(scores.detector == "k4") & (scores.pool == "real+made")]
    assert set(rows.fold) == {0, 1}
    made = rows[rows.origin == "made"]
    everything = scores[(scores.detector == "level") & (scores.origin == "made")]
    assert sorted(made["clip"]) == sorted(everything["clip"])
    normals = [set(part[part.origin == "real"]["clip"]) for _, part in rows.groupby("fold")]
    assert normals[0] == normals[1]


def test_the_report_averages_over_folds(done: Done) -> None:
    scores, report = done.scores, done.report
    rows = scores[
        (scores.detector == "k4") & (scores.pool == "real+made") & (scores.machine == "fan")
    ]
    aucs = [
        auc(part[part.label == "normal"].score, part[part.label == "anomaly"].score)
        for _, part in rows.groupby("fold")
    ]
    place = ("fan", "k4", "all")
    arm = next(r for r in report.arms if (r.machine, r.detector, r.domain) == place)
    cell = next(c for c in report.cells if (c.machine, c.detector, c.domain) == place)
    assert arm.paper.auc == pytest.approx(sum(aucs) / 2)
    assert cell.auc.generated == pytest.approx(sum(aucs) / 2)
    assert cell.auc.gap_low is not None
    assert cell.n_anomaly_generated == sum(rows.label == "anomaly")
    assert arm.matched_gap.value is not None
    assert next(d for d in report.detectors if d.id == "k4").transductive


def test_all_neighbors_leave_nothing_to_rank_by(done: Done) -> None:
    rows = [r for r in done.report.arms if r.detector == "all"]
    assert rows
    for row in rows:
        for arm in (row.real, row.matched, row.paper, row.artifact, row.coded, row.codec):
            assert arm.auc == pytest.approx(0.5)


def test_parts_are_fitted_once_and_asked_once(done: Done) -> None:
    fits = list((done.folder / "store/detector").glob("*/*/level.json"))
    assert len(fits) == 2  # one a machine, for `level` itself and as a part of three others
    # Of each machine six arms, four of them in two folds; each asked for scores and embeddings.
    answers = list((done.folder / "store/answers").glob("*/*/DONE"))
    assert len(answers) == 2 * (2 + 4 * 2) * 2


def test_a_parameter_of_a_part_changes_what_comes_out(suite: Path, tmp_path: Path) -> None:
    flipped = suite.read_text().replace("{use: level}", "{use: level, params: {sign: -1}}")
    suite.write_text(flipped)
    run(suite, tmp_path)
    scores = pd.read_parquet(tmp_path / "run/scores.parquet")
    assert (scores[scores.detector == "k1"].score <= 0).all()
    assert (scores[scores.detector == "level"].score >= 0).all()


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ("{use: level}", "{use: lebel}", "unknown detector 'lebel'"),
        ("{use: level}", "{use: level, params: {sing: 1}}", "sing"),
        ("{use: level}", "{used: level}", "used"),
    ],
)
def test_mistakes_in_a_part_have_a_line(suite: Path, before: str, after: str, message: str) -> None:
    text = suite.read_text().replace(before, after, 1)
    suite.write_text(text)
    line = 1 + text[: text.index(after)].count("\n")
    with pytest.raises(SuiteError) as caught:
        load_suite(suite)
    assert message in str(caught.value)
    assert f"{suite}:{line}" in str(caught.value)


def test_a_part_must_cover_what_the_whole_covers(suite: Path, tmp_path: Path) -> None:
    text = suite.read_text()
    start, end = text.index("  - id: k1"), text.index("statistics:")
    suite.write_text(text[:start] + "  - {id: w, use: whole}\n" + text[end:])
    with pytest.raises(AsdbenchError, match="its part 'inner' \\('narrow'\\) once a section"):
        run(suite, tmp_path)


def test_a_part_without_embedding_is_refused(suite: Path) -> None:
    suite.write_text(suite.read_text().replace("{use: bands}", "{use: level}", 1))
    with pytest.raises(SuiteError, match="'level' has no embedding, which 'discriminative'"):
        load_suite(suite)


def test_parameters_may_widen_what_a_fit_covers(toy_suite: Path, tmp_path: Path) -> None:
    text = toy_suite.with_name("level.py").read_text()
    wide = """
    @classmethod
    def scope(cls, params):
        return "suite" if params.sign < 0 else "machine"

    def fit(self"""
    toy_suite.with_name("level.py").write_text(
        text.replace("    def fit(self", wide, 1).replace('frozenset({"sign"})', "frozenset()")
    )
    run(toy_suite, tmp_path)
    titles = {
        json.loads((entry / "info.json").read_text())["title"]
        for entry in (tmp_path / "store/detector").glob("*/*")
    }
    assert titles == {"fit level fan", "fit level pump", "fit flipped suite"}
