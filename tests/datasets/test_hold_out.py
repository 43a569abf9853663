from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from asdbench.datasets.hold_out import Candidate, held_out


def half(normals: int, anomalies: int) -> int:
    return normals // 2


def candidates(count: int, stratum: str = "fan") -> list[Candidate]:
    return [Candidate(f"{stratum}{i}", f"{stratum}{i}", stratum, False) for i in range(count)]


def test_takes_as_many_as_are_wanted_in_every_stratum() -> None:
    chosen = held_out(candidates(10, "fan") + candidates(41, "pump"), 0, half)
    assert sum(name.startswith("fan") for name in chosen) == 5
    assert sum(name.startswith("pump") for name in chosen) == 20


def test_the_choice_depends_on_the_seed_and_not_on_the_order() -> None:
    clips = candidates(40)
    shuffled = random.Random(0).sample(clips, 40)
    assert held_out(clips, 7, half) == held_out(shuffled, 7, half)
    assert len({held_out(clips, seed, half) for seed in range(20)}) == 20


def test_every_clip_is_about_equally_often_held_out() -> None:
    clips = candidates(10)
    counts = dict.fromkeys((clip.id for clip in clips), 0)
    for seed in range(400):
        for name in held_out(clips, seed, half):
            counts[name] += 1
    assert all(150 < count < 250 for count in counts.values())


def test_clips_of_a_recording_count_one_by_one() -> None:
    clips = [Candidate(str(i), f"r{i // 4}", "fan", False) for i in range(40)]
    assert len(held_out(clips, 0, half)) == 20


def test_what_anomalies_and_other_strata_took_along_counts() -> None:
    with_anomaly = [Candidate(f"n{i}", "r", "fan", False) for i in range(5)]
    anomaly = Candidate("a", "r", "fan", True)
    assert held_out([*with_anomaly, anomaly, *candidates(5)], 0, half) == {
        "a",
        *(clip.id for clip in with_anomaly),
    }
    both = [Candidate(f"{s}{i}", str(i), s, False) for s in ("fan", "pump") for i in range(30)]
    assert len(held_out(both, 0, half)) == 30


def test_wanted_learns_the_numbers_of_the_stratum() -> None:
    seen = []

    def wanted(normals: int, anomalies: int) -> int:
        seen.append((normals, anomalies))
        return 0

    clips = [*candidates(5), Candidate("a", "a", "fan", True), Candidate("b", "b", "fan", True)]
    assert held_out(clips, 0, wanted) == {"a", "b"}
    assert seen == [(5, 2)]


@given(
    st.lists(st.tuples(st.integers(0, 9), st.sampled_from(["s", "t"]), st.booleans()), max_size=40),
    st.integers(0, 3),
)
def test_recordings_stay_whole_and_anomalies_are_tested(
    rows: list[tuple[int, str, bool]], seed: int
) -> None:
    clips = [
        Candidate(str(i), str(recording), stratum, anomalous)
        for i, (recording, stratum, anomalous) in enumerate(rows)
    ]
    chosen = held_out(clips, seed, half)
    inside = {clip.recording for clip in clips if clip.id in chosen}
    outside = {clip.recording for clip in clips if clip.id not in chosen}
    assert not inside & outside
    assert not any(clip.anomalous for clip in clips if clip.id not in chosen)
    for stratum in ("s", "t"):
        normals = [clip for clip in clips if clip.stratum == stratum and not clip.anomalous]
        assert sum(clip.id in chosen for clip in normals) >= len(normals) // 2
