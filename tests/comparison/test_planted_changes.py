"""Planted differences between two runs: each is caught, and named."""

from __future__ import annotations

import pytest
from twin_runs import scores, side

from asdbench.comparison import Comparison, Side, compare
from asdbench.errors import AsdbenchError
from asdbench.report.schema import FoldFacts, Report


def changed(one: Side, **update: object) -> Report:
    return one.report.model_copy(update=update)


def test_a_regression_is_caught_in_its_rows_only(regression: Comparison):
    assert (regression.verdict, regression.exit_code) == ("changed", 3)
    hit = {(row.key.machine, row.key.detector) for row in regression.changes}
    assert hit == {("fan", "ae"), (None, "ae")}
    assert regression.changes[0].value == "auc_real"


def test_a_gate_fails_on_its_metric_only(before: Side, after: Side):
    assert compare(before, after, gates={"auc_real": 0.02}).exit_code == 3
    assert compare(before, after, gates={"auc_artifact": 0.02}).exit_code == 0
    wide = compare(before, after, gates={"auc": 0.5, "auc_gap": 0.02})
    assert {row.value for row in wide.changes} == {"auc_paper_gap", "auc_matched_gap"}
    assert compare(before, after, gates={"verdict": 0.0}).exit_code in (0, 3)


def test_a_gate_that_covers_nothing_does_not_pass(before: Side):
    alone = compare(before, before, gates={"auc_coded": 0.02})
    assert alone.exit_code == 4
    assert "no gate covers a number" in alone.obstacles[0]
    one_of_two = compare(before, before, gates={"auc_coded": 0.02, "auc": 0.02})
    assert one_of_two.exit_code == 0
    assert "gate auc_coded covers no number of the base" in one_of_two.notes
    with pytest.raises(AsdbenchError, match="unknown gate 'auk'"):
        compare(before, before, gates={"auk": 0.02})


def test_a_lost_row(before: Side):
    cells = before.report.cells
    outcome = compare(before, changed(before, cells=cells[1:]))
    assert (outcome.verdict, outcome.exit_code) == ("incomplete", 5)
    assert [str(key) for key in outcome.lost] == ["fan/00/source/ae/made"]
    failed = cells[0].model_copy(update={"status": "error", "reason": "a task failed"})
    assert compare(before, changed(before, cells=(failed, *cells[1:]))).exit_code == 5


def test_a_changed_data_set_is_named(before: Side):
    data = before.report.data
    use = data.dataset.model_copy(update={"params": {"seed": 1}})
    other = data.model_copy(
        update={
            "digest": "0" * 64,
            "sections": {**data.sections, "fan/00": "9" * 64},
            "dataset": use,
            "n_test_anomaly": 159,
        }
    )
    outcome = compare(before, changed(before, data=other))
    assert (outcome.verdict, outcome.exit_code) == ("not comparable", 4)
    (obstacle,) = outcome.obstacles
    assert "different data in fan/00" in obstacle
    assert "seed 0 -> 1" in obstacle
    assert "test anomalies 160 -> 159" in obstacle
    assert not outcome.rows
    rest = compare(before, changed(before, data=other), only=["machine=valve"])
    assert rest.exit_code == 0  # the valve's clips are the same


def test_a_changed_split(before: Side):
    data = before.report.data
    other = data.model_copy(
        update={"split_digest": "0" * 64, "sections": dict.fromkeys(data.sections, "8" * 64)}
    )
    outcome = compare(before, changed(before, data=other))
    assert outcome.exit_code == 4
    assert "different splits in fan/00, valve/00" in outcome.obstacles[0]


def test_another_suite_of_that_name_is_noted(before: Side):
    described = before.report.suite.model_copy(
        update={"digest": "0" * 64, "overrides": ("seeds.master=1",)}
    )
    other = changed(before, suite=described, detectors=before.report.detectors[:1])
    (note,) = [n for n in compare(before.report, other).notes if "contents" in n]
    assert note.endswith("without detectors knn; overrides none -> seeds.master=1")


def test_another_wording_of_a_metric(before: Side):
    texts = {**before.report.definitions, "auc": "all normals against all anomalies"}
    outcome = compare(before, changed(before, definitions=texts))
    assert outcome.exit_code == 4
    assert "different metric definitions: auc was" in outcome.obstacles[0]


def test_swapped_labels(before: Side):
    """The same clips with normal and anomaly exchanged: every real AUC is mirrored."""
    table = before.scores.copy()  # type: ignore[union-attr]
    real = table["origin"] == "real"
    names = table["label"].map({"normal": "anomaly", "anomaly": "normal"})
    table["label"] = table["label"].mask(real, names).astype("string")
    outcome = compare(side(before.scores), side(table))  # type: ignore[arg-type]
    assert outcome.exit_code == 3
    mirrored = {str(r.key) for r in outcome.changes if r.value == "auc_real"}
    assert len(mirrored) == 12
    first = next(r for r in outcome.changes if r.value == "auc_real")
    assert first.status == "regression"
    assert isinstance(first.base, float)
    assert isinstance(first.new, float)
    assert first.base > 0.6
    assert first.new < 0.4


def test_a_null_that_became_a_number_and_back(before: Side):
    row = before.report.arms[0]
    empty = row.matched.model_copy(update={"auc": None, "reason": "no generated normals"})
    arms = (row.model_copy(update={"matched": empty}), *before.report.arms[1:])
    without = Side(changed(before, arms=arms), before.scores)
    appeared = compare(without, before)
    assert appeared.exit_code == 3
    (change,) = appeared.changes
    assert (change.status, change.value) == ("appeared", "auc_matched")
    assert "no generated normals" in (change.reason or "")
    assert compare(before, without).exit_code == 5


def test_a_verdict_that_changed(before: Side):
    rows = list(before.report.verdicts)
    place = next(i for i, v in enumerate(rows) if v.verdict is not None)
    for words, code in (
        (("equivalent", "different"), 3),
        (("equivalent", "negligible"), 0),
        (("equivalent", "inconclusive"), 0),
    ):
        sides = []
        for word in words:
            changed_row = rows[place].model_copy(update={"verdict": word})
            verdicts = (*rows[:place], changed_row, *rows[place + 1 :])
            sides.append(Side(changed(before, verdicts=verdicts), before.scores))
        outcome = compare(*sides)
        assert outcome.exit_code == code, words
        (row,) = [r for r in outcome.rows if (r.base, r.new) == words]
        status = {"different": "regression", "negligible": "within tolerance"}
        assert row.status == status.get(words[1], "unresolved")
        assert row.value.startswith("verdict_")


def test_a_part_of_a_run_compares_with_the_whole(before: Side):
    """A run with --only machine=fan has other data digests, and the same clips of the fan."""
    table = before.scores
    assert table is not None
    part = side(table[table["machine"] == "fan"].reset_index(drop=True))
    data = part.report.data.model_copy(
        update={"digest": "1" * 64, "sections": {"fan/00": "c" * 64}}
    )
    one = Side(part.report.model_copy(update={"data": data}), part.scores)
    whole = side(table)
    outcome = compare(whole, one)
    assert outcome.exit_code == 5
    assert any("means over them are not compared" in note for note in outcome.notes)
    assert all(row.key.section is not None for row in outcome.rows)
    narrowed = compare(whole, one, only=["machine=fan"])
    assert narrowed.exit_code == 0, narrowed
    assert narrowed.n_rows == 6
    assert compare(whole, one, only=["machine=fan", "detector=ae"]).n_rows == 3
    with pytest.raises(AsdbenchError, match="no machine 'fam'"):
        compare(whole, one, only=["machine=fam"])


def test_more_clips_resolve_what_few_cannot():
    unresolved = []
    for n in (20, 400):
        pair = side(scores(n)), side(scores(n, noise=0.1, seed=1))
        outcome = compare(*pair, gates={"auc_real": 0.02})
        unresolved.append(len(outcome.unresolved))
    assert unresolved[0] > 6
    assert unresolved[1] == 0


def test_only_what_a_gate_covers_is_called_better_or_worse(before: Side, after: Side):
    """What no gate covers has no interval, so nothing is said of it but that it moved."""
    outcome = compare(before, after, gates={"auc_artifact": 0.02})
    assert outcome.verdict == "same"
    assert not {"regression", "improvement", "moved", "unresolved"} & outcome.counts.keys()
    others = [row for row in outcome.rows if not row.gated]
    assert {row.status for row in others} == {"not examined"}
    assert {row.beyond for row in others} == {True, False}
    assert "auc_real" in {row.value for row in outcome.shown}
    assert all(row.beyond for row in outcome.shown if not row.gated)


def test_other_folds_are_another_split(before: Side):
    fold = FoldFacts(
        n_generator_train_normal=0,
        n_generator_train_anomaly=9,
        n_test_normal=9,
        n_test_anomaly=9,
    )

    def folded(n: int, by: str) -> Report:
        update = {"folds": (fold,) * n, "folds_by": by}
        return changed(before, data=before.report.data.model_copy(update=update))

    two = folded(2, "clip")
    assert compare(two, two).exit_code == 0
    for other in (folded(3, "clip"), folded(2, "condition"), before.report):
        outcome = compare(two, other)
        assert outcome.exit_code == 4
        (obstacle,) = outcome.obstacles
        assert "different splits: generators cross-fitted in 2 folds by clip" in obstacle


def test_other_fits_of_generators_are_noted(before: Side):
    rows = before.report.components
    assert rows
    twice = tuple(row.model_copy(update={"generator_repeats": 2}) for row in rows)
    assert "fits of each generator 1 -> 2" in (
        compare(before.report, changed(before, components=twice)).notes
    )
