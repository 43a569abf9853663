from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from asdbench.api import Clip
from asdbench.datasets.mimii import MIMII, MIMIIParams
from asdbench.errors import DataError


def clips(root: Path, **params: Any) -> list[Clip]:
    return list(MIMII(MIMIIParams(root=root, **params)).clips())


def fill(folder: Path, normal: int = 10, abnormal: int = 3) -> None:
    for child, count in (("normal", normal), ("abnormal", abnormal)):
        (folder / child).mkdir(parents=True)
        for index in range(count):
            (folder / child / f"{index:08d}.wav").touch()


def test_lists_individuals_as_sections(tmp_path: Path) -> None:
    fill(tmp_path / "fan/id_00")
    fill(tmp_path / "fan/id_06")
    fill(tmp_path / "pump/id_02")
    found = clips(tmp_path)
    assert Counter((clip.machine, clip.section, clip.label, clip.split) for clip in found) == {
        (machine, section, label, split): count
        for machine, section in (("fan", "00"), ("fan", "06"), ("pump", "02"))
        for label, split, count in (
            ("normal", "train", 7),
            ("normal", "test", 3),
            ("anomaly", "test", 3),
        )
    }
    assert found == sorted(found, key=lambda clip: clip.id)
    assert found[0].id == "fan/id_00/abnormal/00000000.wav"
    assert {clip.domain for clip in found} == {None}
    assert {clip.condition.attributes for clip in found} == {()}


@pytest.mark.parametrize("layout", ["6_dB_fan/fan/id_00", "6_dB_fan/id_00", "6_dB/fan/id_00"])
def test_noise_level_is_an_attribute(tmp_path: Path, layout: str) -> None:
    fill(tmp_path / layout)
    assert {str(clip.condition) for clip in clips(tmp_path)} == {"fan/00/-/snr=6"}


def test_root_may_be_the_machine_folder(tmp_path: Path) -> None:
    fill(tmp_path / "-6_dB_fan/id_00")
    assert {str(clip.condition) for clip in clips(tmp_path / "-6_dB_fan")} == {"fan/00/-/snr=-6"}


def test_a_recording_at_several_noise_levels_stays_on_one_side(tmp_path: Path) -> None:
    for level in ("-6", "0", "6"):
        fill(tmp_path / f"{level}_dB_fan/fan/id_00", normal=60, abnormal=20)
    splits: dict[str | None, set[str]] = {}
    for clip in clips(tmp_path):
        splits.setdefault(clip.recording, set()).add(clip.split)
    assert len(splits) == 80
    assert all(len(each) == 1 for each in splits.values())
    assert Counter(next(iter(each)) for each in splits.values()) == {"train": 40, "test": 40}


@pytest.mark.parametrize(("wanted", "count"), [(0.25, 5), (7, 7), (0.5, 10), ("as_anomalies", 3)])
def test_normals_for_testing(tmp_path: Path, wanted: Any, count: int) -> None:
    fill(tmp_path / "fan/id_00", normal=20)
    found = clips(tmp_path, test_normals=wanted)
    held = [clip.id for clip in found if clip.label == "normal" and clip.split == "test"]
    assert len(held) == count
    other = clips(tmp_path, test_normals=wanted, seed=1)
    assert held != [clip.id for clip in other if clip.label == "normal" and clip.split == "test"]


def test_nothing_left_to_train_with(tmp_path: Path) -> None:
    fill(tmp_path / "fan/id_00", normal=4, abnormal=4)
    with pytest.raises(DataError, match="no normal clips of fan id_00 remain") as caught:
        clips(tmp_path)
    assert "test_normals" in str(caught.value.hint)
    assert len(clips(tmp_path, test_normals=0.5)) == 8


def test_missing_data_says_where_to_get_it(tmp_path: Path) -> None:
    for root in (tmp_path, tmp_path / "none"):
        with pytest.raises(DataError, match="MIMII data") as caught:
            clips(root)
        assert "zenodo.org/records/3384388" in str(caught.value.hint)


@pytest.mark.parametrize("wanted", [0, -1, float("nan"), "half"])
def test_unusable_numbers_are_refused(wanted: Any) -> None:
    with pytest.raises(ValidationError):
        MIMIIParams(root=Path("x"), test_normals=wanted)
