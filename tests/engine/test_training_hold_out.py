from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from asdbench.api import Clip, Condition, Domain, Label
from asdbench.engine.hold_out import HoldOut, hold_out


def clip(
    index: int,
    label: Label = "normal",
    vel: str | None = "6",
    section: str = "00",
    domain: Domain = "source",
    recording: str | None = None,
) -> Clip:
    attributes = (("vel", vel),) if vel is not None else ()
    condition = Condition("fan", section, domain, attributes)
    name = f"{section}/{domain}/{label}/{vel}/{index}"
    return Clip(name, Path(name), condition, "test", label, recording=recording)


def section(name: str, velocities: int) -> list[Clip]:
    domains: tuple[Domain, ...] = ("source", "target")
    labels: tuple[Label, ...] = ("normal", "anomaly")
    return [
        clip(i, label, str(v), name, domain)
        for v in range(velocities)
        for domain in domains
        for label in labels
        for i in range(5)
    ]


@pytest.mark.parametrize("seed", range(5))
def test_whole_conditions_are_held_out(seed: int) -> None:
    clips = [*section("00", 10), *section("01", 2), *section("02", 1)]
    kept, held = hold_out(clips, HoldOut(0.2, "condition", seed))
    assert sorted([*kept, *held], key=lambda c: c.id) == sorted(clips, key=lambda c: c.id)

    def conditions(of: tuple[Clip, ...]) -> set[tuple[str, object]]:
        return {(c.section, c.condition.attributes) for c in of}

    # Neither label nor domain lets a held-out condition back in.
    assert not conditions(kept) & conditions(held)
    assert Counter(name for name, _ in conditions(held)) == {"00": 2, "01": 1}
    assert Counter(name for name, _ in conditions(kept)) == {"00": 8, "01": 1, "02": 1}


def test_single_clips_are_held_out_in_every_stratum() -> None:
    clips = [*section("00", 4), *section("01", 2)]
    kept, held = hold_out(clips, HoldOut(0.25, "clip", 0))
    assert len(kept) + len(held) == len(clips)
    assert not set(kept) & set(held)
    assert Counter((c.section, c.label) for c in held) == {
        ("00", "normal"): 10,
        ("00", "anomaly"): 10,
        ("01", "normal"): 5,
        ("01", "anomaly"): 5,
    }


def test_clips_of_one_recording_stay_together() -> None:
    clips = [clip(i, recording=f"r{i // 4}") for i in range(80)]
    kept, held = hold_out(clips, HoldOut(0.2, "clip", 3))
    assert len(held) == 16
    assert not {c.recording for c in kept} & {c.recording for c in held}
    whole = [replace(c, recording="one") for c in clips]
    assert hold_out(whole, HoldOut(0.9, "clip", 3))[1] == ()


def test_the_choice_depends_on_seed_and_names_alone() -> None:
    clips = section("00", 10)
    for by in ("clip", "condition"):
        rule = HoldOut(0.3, by, 1)  # type: ignore[arg-type]
        assert hold_out(clips, rule) == hold_out(clips[::-1], rule)
        assert hold_out(clips, rule) != hold_out(clips, replace(rule, seed=2))


@pytest.mark.parametrize("by", ["clip", "condition"])
def test_nothing_held_out_of_nothing_wanted(by: str) -> None:
    clips = section("00", 3)
    kept, held = hold_out(clips, HoldOut(0.0, by))  # type: ignore[arg-type]
    assert len(kept) == len(clips)
    assert held == ()
