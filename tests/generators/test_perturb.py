from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest
from pydantic import ValidationError

from asdbench.clips import ClipPool
from asdbench.generators._operations import OPERATIONS
from asdbench.generators.perturb import Perturb, PerturbParams
from asdbench.generators.resample import Resample, ResampleParams

RATE = 8000
both = pytest.mark.parametrize("cls", [Perturb, Resample])


def new(cls):
    return cls(cls.info.params())


def kinds(note: dict[str, str]) -> list[str]:
    return [part.split()[0] for part in note["operations"].split("; ")]


def test_anomalies_are_altered_normals_of_the_condition(pool, ask, make) -> None:
    audio, notes = make(new(Perturb), pool, ask(60, vel="8"))
    assert {note["source"] for note in notes} == {"3", "4"}  # the normals at vel 8
    used = [kinds(note) for note in notes]
    assert {len(found) for found in used} == {1, 2}
    assert set().union(*used) == {"speed", "modulation", "resonance", "impacts", "noise"}
    assert all(len(set(found)) == len(found) for found in used)
    plain, _ = make(new(Perturb), pool, ask(60, "normal", vel="8"))
    for altered, unaltered in zip(audio, plain, strict=True):
        assert not np.array_equal(altered, unaltered)


def test_normals_are_shifted_and_nothing_else(pool, ask, make) -> None:
    perturbed, notes = make(new(Perturb), pool, ask(20, "normal"))
    resampled, _ = make(new(Resample), pool, ask(20, "normal"))
    np.testing.assert_array_equal(perturbed, resampled)
    assert {note["operations"] for note in notes} == {"none"}


def test_a_condition_without_normals_takes_the_nearest(pool, ask, make) -> None:
    _, notes = make(new(Perturb), pool, ask(20, vel="14"))
    assert {note["source_condition"] for note in notes} == {"fan/00/source/vel=8"}


def test_refuses_a_machine_without_normals(pool, ask, context) -> None:
    perturb = new(Perturb)
    perturb.fit(pool.subset([5, 6]), context)
    assert perturb.refuses(ask(1)[0]) == "no normal clip of machine 'fan' to start from"


@pytest.mark.parametrize("kind", list(OPERATIONS))
def test_only_the_chosen_kinds_are_used(pool, ask, make, kind: str) -> None:
    _, notes = make(Perturb(PerturbParams(kinds=(kind,), max_operations=3)), pool, ask(10))
    assert {tuple(kinds(note)) for note in notes} == {(kind,)}


def test_one_to_three_operations_come_in_a_fixed_order(pool, ask, make) -> None:
    _, notes = make(Perturb(PerturbParams(max_operations=3)), pool, ask(300, samples=400))
    order = list(OPERATIONS)
    counts = np.bincount([len(kinds(note)) for note in notes])
    assert len(counts) == 4
    assert np.all(np.abs(counts[1:] - 100) < 30)
    assert all(kinds(note) == sorted(kinds(note), key=order.index) for note in notes)


def test_alteration_grows_with_strength(pool, ask, make) -> None:
    plain, _ = make(new(Perturb), pool, ask(40, "normal"))
    params = [PerturbParams(strength=s, kinds=("noise", "resonance")) for s in (0.1, 0.5, 1, 2)]
    change = []
    for p in params:
        audio, _ = make(Perturb(p), pool, ask(40))
        change.append(np.mean((np.array(audio) - np.array(plain)) ** 2))
    assert change == sorted(change)
    assert change[0] < 0.05 * change[2]


def test_no_clipping_of_a_loud_machine(ask, make) -> None:
    requests = ask(30)
    loud = np.sin(np.arange(RATE)).astype(np.float32)
    pool = ClipPool.from_arrays([loud], RATE, [requests[0].condition], ["normal"])
    audio, notes = make(Perturb(PerturbParams(strength=2)), pool, requests)
    scaled = 0
    for clip, note in zip(audio, notes, strict=True):
        assert np.max(np.abs(clip)) <= 1 - 2**-15
        assert np.sum(np.abs(clip) > 0.9999) < 500  # scaled, not cut off
        scaled += "scaled_db" in note
    assert scaled > 10


@both
def test_same_seed_same_audio_whatever_the_batch_and_order(cls, pool, ask, make) -> None:
    requests = ask(37, vel="8")
    audio, notes = make(new(cls), pool, requests)
    again, _ = make(new(cls), pool, requests)
    np.testing.assert_array_equal(audio, again)
    backward, _ = make(new(cls), pool, requests[::-1])
    np.testing.assert_array_equal(audio, backward[::-1])
    for i in (0, 20, 36):
        alone, note = make(new(cls), pool, [requests[i]])
        np.testing.assert_array_equal(alone[0], audio[i])
        assert note[0] == notes[i]
    other, _ = make(new(cls), pool, [replace(r, seed=r.seed + 1) for r in requests])
    assert not any(np.array_equal(a, b) for a, b in zip(audio, other, strict=True))


@both
def test_global_random_state_is_neither_read_nor_written(cls, pool, ask, make) -> None:
    np.random.seed(1)  # noqa: NPY002
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    audio, _ = make(new(cls), pool, ask(5))
    np.testing.assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002
    np.random.seed(2)  # noqa: NPY002
    again, _ = make(new(cls), pool, ask(5))
    np.testing.assert_array_equal(audio, again)


@both
@pytest.mark.parametrize("label", ["normal", "anomaly"])
@pytest.mark.parametrize(("rate", "samples"), [(8000, 8000), (16000, 5000), (44100, 30011)])
def test_count_length_and_finite_sound(cls, ask, make, label, rate, samples) -> None:
    rng = np.random.default_rng(0)
    clips = [(0.05 * rng.standard_normal(n)).astype(np.float32) for n in (4001, rate, 2 * rate)]
    requests = ask(20, label, samples)
    where = [requests[0].condition] * 3
    pool = ClipPool.from_arrays(clips, rate, where, [label if cls is Resample else "normal"] * 3)
    audio, notes = make(new(cls), pool, requests)
    assert len(audio) == len(notes) == 20
    for clip in audio:
        assert clip.dtype == np.float32
        assert clip.shape == (samples,)
        assert np.all(np.isfinite(clip))
        assert 0.02 < np.sqrt(np.mean(clip**2)) < 0.3


@both
def test_the_training_clips_are_left_as_they_are(cls, pool, ask, make) -> None:
    before = [pool.audio(i).copy() for i in range(len(pool))]
    make(new(cls), pool, ask(20))
    for i, clip in enumerate(before):
        np.testing.assert_array_equal(pool.audio(i), clip)


@both
def test_save_and_load(cls, pool, ask, make, context, tmp_path) -> None:
    requests = ask(6)
    generator = new(cls)
    audio, notes = make(generator, pool, requests)
    folder = tmp_path / "saved"
    folder.mkdir()
    generator.save(folder)
    assert sum(file.stat().st_size for file in folder.iterdir()) < 5000
    loaded = cls.load(folder, generator.params, context)
    again, notes_again = make(loaded, pool, requests, fit=False)
    np.testing.assert_array_equal(audio, again)
    assert notes_again == notes


@both
def test_progress_counts_every_clip(cls, pool, ask, context) -> None:
    seen = []
    generator = new(cls)
    generator.fit(pool, context)
    told = replace(context, progress=lambda done, total, what: seen.append((done, total)))
    list(generator.generate(ask(40), pool, told))
    assert seen == [(16, 40), (32, 40), (40, 40)]


@both
def test_no_requests_no_batches(cls, pool, context) -> None:
    generator = new(cls)
    generator.fit(pool, context)
    assert list(generator.generate([], pool, context)) == []


@both
def test_one_training_clip_is_enough(cls, pool, ask, make) -> None:
    one = pool.subset([0 if cls is Perturb else 5])
    audio, _ = make(new(cls), one, ask(10))
    assert len({clip.tobytes() for clip in audio}) == 10


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": ("speed",)},
        {"kinds": ()},
        {"kinds": ("echo",)},
        {"kinds": ("speed", "speed")},
        {"strength": 0},
        {"strength": 2.1},
        {"strength": float("nan")},
        {"max_operations": 0},
        {"max_operations": 4},
        {"max_shift_ms": -1},
    ],
)
def test_wrong_parameters_are_refused(wrong) -> None:
    with pytest.raises(ValidationError):
        PerturbParams(**wrong)


def test_every_parameter_is_described() -> None:
    for params in (PerturbParams, ResampleParams):
        properties = params.model_json_schema()["properties"]
        assert all(field.get("description") for field in properties.values())


def test_ten_seconds_take_few_milliseconds(ask, make) -> None:
    audio = (0.05 * np.random.default_rng(0).standard_normal(160000)).astype(np.float32)
    requests = ask(48, samples=160000)
    pool = ClipPool.from_arrays([audio], 16000, [requests[0].condition], ["normal"])
    perturb = Perturb(PerturbParams(max_operations=3))
    make(perturb, pool, requests[:4])
    start = time.thread_time()
    make(perturb, pool, requests)
    assert (time.thread_time() - start) / 48 < 0.03  # 4 ms where this was written
