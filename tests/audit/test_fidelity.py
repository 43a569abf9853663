from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from asdbench.audit.classifiers import Classifiers, fit_classifiers
from asdbench.audit.fidelity import Fidelity, Judged, fidelity

VALUES = ("6", "10", "14", "18")
DIMENSIONS = 12


class World:
    """Clips whose vectors depend on an attribute by ``strength``."""

    def __init__(self, strength: float, seed: int = 0) -> None:
        self.rng = np.random.default_rng(seed)
        self.means = strength * self.rng.normal(size=(len(VALUES), DIMENSIONS))
        self.values = [VALUES[i % 4] for i in range(160)]
        recordings = [str(i) for i in range(160)]
        found = fit_classifiers(self.clips(self.values), self.values, recordings, 3)
        assert found is not None
        self.classifiers: Classifiers = found

    def clips(self, values):
        chosen = self.means[[VALUES.index(v) for v in values]]
        return chosen + self.rng.normal(size=(len(values), DIMENSIONS))

    def target(self, values):
        return np.array([self.classifiers.classes.index(v) for v in values])

    def judge(self, asked, made_like) -> Fidelity:
        real = Judged(self.target(self.values), self.classifiers.decided)
        made = Judged(self.target(asked), self.classifiers.decide(self.clips(made_like)))
        return fidelity(real, made, np.random.default_rng(1))


def asked(count: int) -> list[str]:
    return [VALUES[i % 4] for i in range(count)]


def test_a_faithful_generator_keeps_the_attribute():
    found = World(1.0).judge(asked(60), asked(60))
    assert found.finding == "kept"
    assert found.accuracy == pytest.approx(found.ceiling, abs=0.12)
    assert found.chance == 0.25
    assert (found.n_real, found.n_generated) == (160, 60)


def test_a_generator_that_ignores_its_condition_is_named():
    world = World(1.0)
    found = world.judge(asked(60), list(world.rng.permutation(asked(60))))
    assert found.finding == "ignored"
    assert found.p_chance > 0.01 > found.p_ceiling
    assert found.accuracy < 0.5 < found.ceiling


def test_one_that_always_makes_the_same_ignores_it_too():
    assert World(1.0).judge(asked(60), ["6"] * 60).finding == "ignored"


def test_half_right_is_weak():
    world = World(1.0)
    made = [v if i % 2 else VALUES[(VALUES.index(v) + 1) % 4] for i, v in enumerate(asked(120))]
    made = list(np.where(world.rng.random(120) < 0.5, asked(120), made))
    assert world.judge(asked(120), made).finding == "weak"


def test_what_real_clips_do_not_show_is_not_measured():
    found = World(0.0).judge(asked(60), asked(60))
    assert found.finding == "not measured"
    assert "cannot be told" in str(found.reason)


def test_too_few_clips_are_neither_kept_nor_ignored():
    world = World(0.45)
    found = world.judge(asked(8), list(reversed(asked(8))))
    assert found.finding == "not measured"
    assert found.accuracy is not None


def test_one_value_cannot_be_compared():
    found = World(1.0).judge(["6"] * 20, ["6"] * 20)
    assert (found.finding, found.accuracy) == ("not measured", None)


def test_real_draws_are_hardly_ever_weak_or_ignored():
    """Generated clips that are real ones: both tests at 1 %, so no more than a few of 100."""
    world = World(0.6)
    findings = [world.judge(asked(40), asked(40)).finding for _ in range(40)]
    assert findings.count("kept") >= 37
    assert findings.count("ignored") == 0


def test_values_of_too_few_recordings_are_left_out():
    rng = np.random.default_rng(0)
    values = ["a"] * 20 + ["b"] * 20 + ["c"] * 9 + [None] * 5
    found = fit_classifiers(rng.normal(size=(54, 3)), values, [str(i) for i in range(54)], 0)
    assert found is not None
    assert found.classes == ("a", "b")
    assert set(found.clips) == set(range(40))
    one_recording = ["r"] * 20 + [str(i) for i in range(34)]
    assert fit_classifiers(rng.normal(size=(54, 3)), values, one_recording, 0) is None


def test_clips_of_one_recording_never_judge_themselves():
    """Noise that repeats within recordings would be recognized, were it seen in training."""
    rng = np.random.default_rng(5)
    names = [str(i // 4) for i in range(160)]
    vectors = np.repeat(rng.normal(size=(40, 60)), 4, axis=0)
    values = [VALUES[int(name) % 4] for name in names]
    found = fit_classifiers(vectors, values, names, 0)
    target = np.array([found.classes.index(v) for v in values])
    assert np.mean(found.decided.argmax(axis=1) == target) < 0.5


def test_classifiers_survive_a_file(tmp_path):
    found = World(1.0).classifiers
    np.savez(tmp_path / "c.npz", **found.arrays())
    with np.load(tmp_path / "c.npz", allow_pickle=False) as arrays:
        again = Classifiers.of(dict(arrays))
    assert again.classes == found.classes
    vectors = np.random.default_rng(0).normal(size=(7, DIMENSIONS))
    np.testing.assert_array_equal(again.decide(vectors), found.decide(vectors))


def test_memory_does_not_grow_with_the_draws():
    rng = np.random.default_rng(0)
    target = rng.integers(2, size=2000)
    decided = rng.normal(size=(2000, 2))
    tracemalloc.start()
    fidelity(Judged(target, decided), Judged(target, decided), rng)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4999 * 2000 * 8 // 2  # all draws at once hold more than twice as much
