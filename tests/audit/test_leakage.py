from __future__ import annotations

import numpy as np

from asdbench.api import TrainingClip, TrainingManifest, audio_digest
from asdbench.audit.leakage import Learned, find_leakage, leakage_sentence

RATE = 16000
NOTHING = TrainingManifest()
EVALUATION = {"a": "1" * 32, "b": "2" * 32}


def learned(lent: dict[str, str], manifest: TrainingManifest | None = NOTHING):
    return Learned(lent, EVALUATION, declares=True, manifest=manifest)


def test_the_digest_is_of_samples_and_not_of_how_they_are_stored():
    rng = np.random.default_rng(0)
    clip = np.round(rng.uniform(-1, 1, 800) * 32767).astype(np.float32) / np.float32(32768)
    assert audio_digest(clip) == audio_digest(clip.astype(">f4").astype(np.float32))
    assert audio_digest(clip[::-1]) == audio_digest(np.ascontiguousarray(clip[::-1]))
    assert audio_digest(clip) != audio_digest(clip[1:])
    assert len(audio_digest(clip)) == 32


def test_the_same_audio_under_another_name_is_leaked():
    found = find_leakage([learned({"x": "2" * 32, "y": "3" * 32})], RATE)
    assert (found.status, found.overlap, found.checked, found.lent) == ("leaked", ("b",), 2, 2)
    text = leakage_sentence("gen", found, RATE)
    assert text.startswith("gen learned from 1 of the 2 evaluation clips")


def test_other_audio_is_none():
    found = find_leakage([learned({"x": "3" * 32})], RATE)
    assert found.status == "none"
    assert "altered copies would not be found" in leakage_sentence("gen", found, RATE)


def test_clips_of_the_manifest_are_looked_through():
    manifest = TrainingManifest([TrainingClip("1" * 32), TrainingClip("4" * 32)], RATE)
    found = find_leakage([learned({}, manifest)], RATE)
    assert (found.status, found.overlap, found.listed) == ("leaked", ("a",), 2)


def test_who_does_not_say_is_unknown_and_still_caught():
    mute = Learned({"x": "3" * 32}, EVALUATION, declares=False)
    assert find_leakage([mute], RATE).status == "unknown"
    caught = Learned({"x": "1" * 32}, EVALUATION, declares=False)
    assert find_leakage([caught], RATE).status == "leaked"


def test_weights_of_unknown_origin_are_unknown():
    found = find_leakage([learned({"x": "3" * 32}, None)], RATE)
    assert found.status == "unknown"
    assert "nobody knows" in leakage_sentence("gen", found, RATE)


def test_digests_at_another_rate_cannot_be_compared():
    manifest = TrainingManifest([TrainingClip("1" * 32)], 48000)
    found = find_leakage([learned({}, manifest)], RATE)
    assert found.status == "unknown"
    assert "48000 Hz" in str(found.unknown)


def test_each_fit_is_compared_with_its_own_evaluation():
    first = Learned({"b": "2" * 32}, {"a": "1" * 32}, True, NOTHING)
    second = Learned({"a": "1" * 32}, {"b": "2" * 32}, True, NOTHING)
    crossed = find_leakage([first, second], RATE)
    assert (crossed.status, crossed.checked, crossed.lent) == ("none", 2, 2)


def test_who_returns_evaluation_clips_learned_from_them_whatever_it_says():
    found = find_leakage([learned({"x": "3" * 32})], RATE, {"1" * 32, "7" * 32})
    assert (found.status, found.overlap, found.returned) == ("leaked", ("a",), 1)
    text = leakage_sentence("gen", found, RATE)
    assert "they are among the clips that it made (1, sample for sample)" in text


def test_a_fit_may_return_what_it_was_given_though_another_is_evaluated_on_it():
    first = Learned({"b": "2" * 32}, {"a": "1" * 32}, True, NOTHING)
    second = Learned({"a": "1" * 32}, {"b": "2" * 32}, True, NOTHING)
    assert find_leakage([first, second], RATE, {"1" * 32, "2" * 32}).status == "none"
