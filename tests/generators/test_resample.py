from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from pydantic import ValidationError

from asdbench.clips import ClipPool
from asdbench.errors import PluginError
from asdbench.generators.resample import Resample, ResampleParams

RATE = 8000


@pytest.fixture
def resample() -> Resample:
    return Resample(ResampleParams())


def test_every_clip_is_a_shifted_clip_of_the_label_and_condition(resample, pool, ask, make) -> None:
    audio, notes = make(resample, pool, ask(40, vel="8"))
    assert {note["source"] for note in notes} == {"5", "6"}  # the anomalies at vel 8
    for clip, note in zip(audio, notes, strict=True):
        assert clip.dtype == np.float32
        source, start = pool.audio(int(note["source"])), int(note["start_samples"])
        assert 1 <= abs(start) <= 800  # 100 ms
        assert not np.array_equal(clip, source)
        if start > 0:  # the fade takes 20 ms, 160 samples
            np.testing.assert_array_equal(clip[: 7840 - start], source[start:7840])
        else:
            np.testing.assert_array_equal(clip[160 - start : 7840], source[160 : 7840 + start])
        assert note["match"] == "same condition"
        assert note["operations"] == "none"


def test_normals_are_drawn_from_normals(resample, pool, ask, make) -> None:
    _, notes = make(resample, pool, ask(30, "normal", vel="6"))
    assert {note["source"] for note in notes} == {"0", "1", "2"}


def test_the_nearest_condition_serves(resample, pool, ask, make) -> None:
    _, notes = make(resample, pool, ask(20, vel="12"))
    assert {note["source"] for note in notes} == {"7", "8"}  # 14 is nearer to 12 than 8 is
    assert notes[0]["source_condition"] == "fan/00/source/vel=14"
    assert notes[0]["match"] == "same section, same domain, attribute distance 0.25"


def test_refusals(pool, ask, context) -> None:
    nearest, strict = Resample(ResampleParams()), Resample(ResampleParams(fallback="refuse"))
    nearest.fit(pool, context)
    strict.fit(pool, context)
    known, unknown = ask(1, vel="8")[0], ask(1, vel="12")[0]
    assert nearest.refuses(known) is None
    assert nearest.refuses(unknown) is None
    assert strict.refuses(known) is None
    assert strict.refuses(unknown) == "no anomaly clip of condition fan/00/source/vel=12"
    other = replace(known, condition=replace(known.condition, machine="valve"))
    for generator in (nearest, strict):
        assert generator.refuses(other) == "no anomaly clip of machine 'valve' to start from"
    with pytest.raises(PluginError, match="no anomaly clip of machine 'valve'"):
        list(nearest.generate([other], pool, context))


def test_no_anomalies_no_anomalies(resample, pool, ask, context) -> None:
    resample.fit(pool.subset([0, 1, 2]), context)
    assert resample.refuses(ask(1)[0]) == "no anomaly clip of machine 'fan' to start from"
    assert resample.refuses(ask(1, "normal")[0]) is None


def test_fitting_again_forgets(resample, pool, ask, context) -> None:
    request = ask(1)[0]
    resample.fit(pool, context)
    assert resample.refuses(request) is None
    resample.fit(pool.subset([0]), context)
    assert resample.refuses(request) is not None


def test_without_a_shift_clips_are_copies(pool, ask, make) -> None:
    audio, notes = make(Resample(ResampleParams(max_shift_ms=0)), pool, ask(5, vel="8"))
    for clip, note in zip(audio, notes, strict=True):
        np.testing.assert_array_equal(clip, pool.audio(int(note["source"])))


@pytest.mark.parametrize("samples", [3000, 8000, 20000])
def test_unequal_lengths(resample, ask, make, samples: int) -> None:
    rng = np.random.default_rng(0)
    clips = [(0.1 * rng.standard_normal(n)).astype(np.float32) for n in (2000, 8000, 11000)]
    requests = ask(30, samples=samples)
    pool = ClipPool.from_arrays(clips, RATE, [requests[0].condition] * 3, ["anomaly"] * 3)
    audio, notes = make(resample, pool, requests)
    assert {len(clip) for clip in audio} == {samples}
    assert {note["source"] for note in notes} == {"0", "1", "2"}
    for clip in audio:
        assert np.sqrt(np.mean(clip**2)) == pytest.approx(0.1, rel=0.05)


def test_a_clip_beyond_full_scale_is_scaled_and_the_notes_say_so(resample, ask, make) -> None:
    loud = np.sin(np.arange(8000)).astype(np.float32) * 2
    requests = ask(3)
    pool = ClipPool.from_arrays([loud], RATE, [requests[0].condition], ["anomaly"])
    audio, notes = make(resample, pool, requests)
    assert np.max(np.abs(audio)) <= 1.0
    assert all(-9.1 < float(note["scaled_db"]) < -6.0 for note in notes)


def test_other_clips_than_fitted_are_an_error(resample, pool, ask, context) -> None:
    resample.fit(pool, context)
    with pytest.raises(PluginError, match="fitted on other clips"):
        list(resample.generate(ask(1), pool.subset([0, 5]), context))


def test_unknown_and_impossible_parameters() -> None:
    for wrong in ({"shift": 1}, {"max_shift_ms": -1}, {"max_shift_ms": float("inf")}):
        with pytest.raises(ValidationError):
            ResampleParams(**wrong)
    with pytest.raises(ValidationError):
        ResampleParams(fallback="none")
