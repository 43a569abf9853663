from __future__ import annotations

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
    from dataclasses import replace

    anomalies = [replace(c, recording=c.id[-5:]) for c in clips_of("test", "anomaly", 20)]
    anomalies = [replace(c, recording=f"r{i // 4}") for i, c in enumerate(anomalies)]
    split = split_clips(anomalies, SplitModel(generator_train=0.5), generators=True)
    lent = {(c.domain, c.recording) for c in split.generator_train}
    held = {(c.domain, c.recording) for c in split.evaluation}
    assert lent
    assert held
    assert not lent & held
