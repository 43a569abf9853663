from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from asdbench.api import Clip, Condition, Domain, Label
from asdbench.engine.split import split_clips
from asdbench.suite.model import SplitModel


def clips_of(split: str, label: Label, count: int, conditions: int = 4) -> list[Clip]:
    domains: tuple[Domain, Domain] = ("source", "target")
    return [
        Clip(
            f"fan/{split}/{domain}_{label}_{i:04d}.wav",
            Path("x.wav"),
            Condition("fan", "00", domain, (("vel", str(i % conditions)),)),
            split,  # type: ignore[arg-type]
            label,
        )
        for domain in domains
        for i in range(count)
    ]


EVERY = [
    *clips_of("train", "normal", 40),
    *clips_of("test", "normal", 20),
    *clips_of("test", "anomaly", 20),
]


@pytest.mark.parametrize("by", ["clip", "condition"])
def test_parts_are_disjoint_and_complete(by):
    split = split_clips(EVERY, SplitModel(generator_train=0.5, by=by), generators=True)
    detector, generator, evaluation = (
        {c.id for c in part}
        for part in (split.detector_train, split.generator_train, split.evaluation)
    )
    assert not detector & generator
    assert not detector & evaluation
    assert not generator & evaluation
    assert detector | generator | evaluation == {c.id for c in EVERY}
    assert all(c.label == "normal" and c.split == "train" for c in split.detector_train)
    assert all(c.split == "test" for c in split.evaluation)
    lent = [c for c in split.generator_train if c.label == "anomaly"]
    assert len(lent) == 20
    assert sum(c.domain == "source" for c in lent) == 10
    assert not any(c.split == "test" and c.label == "normal" for c in split.generator_train)


def test_by_condition_holds_out_whole_conditions():
    split = split_clips(EVERY, SplitModel(by="condition", generator_train=0.5), generators=True)
    lent = {c.condition for c in split.generator_train if c.label == "anomaly"}
    held = {c.condition for c in split.evaluation if c.label == "anomaly"}
    assert len(lent) == 4
    assert len(held) == 4
    assert not lent & held


def test_share_of_normals_is_withheld_from_detectors():
    split = split_clips(EVERY, SplitModel(generator_normals=0.25), generators=True)
    assert len(split.detector_train) == 60
    assert sum(c.label == "normal" for c in split.generator_train) == 20


def test_shared_normals_go_to_both():
    split = split_clips(EVERY, SplitModel(generator_normals="shared"), generators=True)
    normals = {c.id for c in split.generator_train if c.label == "normal"}
    assert normals == {c.id for c in split.detector_train}


def test_without_generators_evaluation_gets_everything():
    split = split_clips(EVERY, SplitModel(), generators=False)
    assert len(split.evaluation) == 80
    assert not split.generator_train
    assert len(split.detector_train) == 80


def test_order_of_listing_is_irrelevant_and_seed_is_not():
    model = SplitModel(seed=3)
    first = split_clips(EVERY, model, generators=True)
    assert first == split_clips(EVERY[::-1], model, generators=True)
    assert first != split_clips(EVERY, SplitModel(seed=4), generators=True)


def test_both_sides_get_one_of_two_anomalies():
    few = [*clips_of("train", "normal", 4), *clips_of("test", "anomaly", 2)]
    for share in (0.01, 0.5, 0.99):
        split = split_clips(few, SplitModel(generator_train=share), generators=True)
        assert sum(c.label == "anomaly" for c in split.generator_train) == 2
        assert sum(c.label == "anomaly" for c in split.evaluation) == 2


def test_recordings_stay_together():
    anomalies = [replace(c, recording=c.id[-5:]) for c in clips_of("test", "anomaly", 20)]
    anomalies = [replace(c, recording=f"r{i // 4}") for i, c in enumerate(anomalies)]
    split = split_clips(anomalies, SplitModel(generator_train=0.5), generators=True)
    lent = {(c.domain, c.recording) for c in split.generator_train}
    held = {(c.domain, c.recording) for c in split.evaluation}
    assert lent
    assert held
    assert not lent & held


@pytest.mark.parametrize("by", ["clip", "condition"])
@pytest.mark.parametrize("folds", [2, 4])
def test_every_anomaly_is_evaluated_once_by_a_fit_that_did_not_see_it(by, folds):
    split = split_clips(EVERY, SplitModel(folds=folds, by=by), generators=True)
    anomalies = {c.id for c in EVERY if c.label == "anomaly"}
    assert {c.id for c in split.evaluation} == {c.id for c in EVERY if c.split == "test"}
    evaluated = [c.id for fold in split.folds for c in fold.evaluation]
    assert sorted(evaluated) == [c.id for c in split.evaluation]
    for fold in split.folds:
        lent = {c.id for c in fold.generator_train if c.label == "anomaly"}
        held = {c.id for c in fold.evaluation if c.label == "anomaly"}
        assert lent == anomalies - held
        assert held
        if by == "condition":
            held_conditions = {c.condition.attributes for c in fold.evaluation if c.id in held}
            lent_conditions = {c.condition.attributes for c in fold.generator_train if c.id in lent}
            assert not held_conditions & lent_conditions  # whatever the domain
    assert not {c.id for c in split.detector_train} & {c.id for c in split.generator_train}


def test_folds_have_equal_shares_of_every_stratum():
    split = split_clips(EVERY, SplitModel(folds=5), generators=True)
    for fold in split.folds:
        shares = Counter((c.domain, c.label) for c in fold.evaluation)
        assert set(shares.values()) == {4}
        assert sum(c.label == "normal" for c in fold.generator_train) == 8  # not folded


def test_folds_depend_on_the_seed_and_not_on_the_listing():
    model = SplitModel(folds=3, seed=1)
    first = split_clips(EVERY, model, generators=True)
    assert first == split_clips(EVERY[::-1], model, generators=True)
    other = split_clips(EVERY, SplitModel(folds=3, seed=2), generators=True)
    assert first.folds != other.folds
    assert first.evaluation == other.evaluation


def test_recordings_stay_in_one_fold_across_domains():
    anomalies = [
        replace(c, recording=f"r{i % 7}") for i, c in enumerate(clips_of("test", "anomaly", 20))
    ]
    split = split_clips(anomalies, SplitModel(folds=3), generators=True)
    held = [{c.recording for c in fold.evaluation} for fold in split.folds]
    assert sum(map(len, held)) == 7
    for fold, recordings in zip(split.folds, held, strict=True):
        assert not recordings & {c.recording for c in fold.generator_train}
    sizes = [len(fold.evaluation) for fold in split.folds]
    assert max(sizes) - min(sizes) <= 6  # a recording has 5 or 6 clips


def test_conditions_beyond_the_folds_are_spread():
    split = split_clips(EVERY, SplitModel(folds=3, by="condition"), generators=True)
    sizes = sorted(sum(c.label == "anomaly" for c in f.evaluation) for f in split.folds)
    assert sizes == [10, 10, 20]  # 4 conditions of 10 clips


def test_normals_follow_the_anomalies_of_their_condition():
    """What a fit makes, normal or not, is of no condition whose anomalies it learned."""
    lonely = [
        replace(c, id=f"{c.id}.lonely", condition=replace(c.condition, attributes=(("vel", "9"),)))
        for c in clips_of("test", "normal", 6)
    ]
    split = split_clips([*EVERY, *lonely], SplitModel(folds=4, by="condition"), generators=True)
    for fold in split.folds:
        learned = {c.condition.attributes for c in fold.generator_train if c.label == "anomaly"}
        assert not learned & {c.condition.attributes for c in fold.evaluation}
        # 10 normals of its condition, and 3 of the 12 that no anomaly shares a condition with.
        assert sum(c.label == "normal" for c in fold.evaluation) == 13


def test_a_fixed_split_is_one_fold():
    split = split_clips(EVERY, SplitModel(), generators=True)
    (fold,) = split.folds
    assert (fold.generator_train, fold.evaluation) == (split.generator_train, split.evaluation)
    assert not split.crossed
    assert not split_clips(EVERY, SplitModel(folds=4), generators=False).folds
