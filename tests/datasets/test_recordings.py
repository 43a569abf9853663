from __future__ import annotations

from pathlib import Path

import pytest

from asdbench.datasets.recordings import Recording, list_recordings
from asdbench.errors import DataError


def touch(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"")


def only(root: Path) -> Recording:
    (recording,) = list_recordings(root)
    return recording


@pytest.mark.parametrize(
    ("name", "machine", "label", "training"),
    [
        # DCASE and what `asdbench generate` writes
        ("fan/test/section_00_source_test_anomaly_0012_vel_8.wav", "fan", "anomaly", False),
        ("fan/train/section_00_source_train_normal_0012_vel_8.wav", "fan", "normal", True),
        ("fan/source_test/section_00_source_test_normal_0000.wav", "fan", "normal", False),
        ("fan/train/normal_id_00_00000012.wav", "fan", "normal", True),
        ("fan/section_00_source_anomaly_0000_vel_6.wav", "fan", "anomaly", False),
        ("dev_data/raw/fan/test/section_00_0003.wav", "fan", None, False),
        # MIMII
        ("fan/id_02/abnormal/00000000.wav", "fan", "anomaly", False),
        ("6_dB_fan/id_02/normal/00000000.wav", "fan", "normal", False),
        ("-6_dB/fan/id_00/normal/00000000.wav", "fan", "normal", False),
        # anything else
        ("fan/normal/a.flac", "fan", "normal", False),
        ("fan/deep/a_anomalous_1.WAV", "fan", "anomaly", False),
        ("fan/normal_or_anomaly.wav", "fan", None, False),
        ("fan/abnormality.wav", "fan", None, False),
        ("fan_section_01_source_test_normal_0001.wav", "fan", "normal", False),
        ("toy_car_normal_id_01_00000001.wav", "toy_car", "normal", False),
        ("a.wav", "root", None, False),
        ("normal/a.wav", "root", "normal", False),
    ],
)
def test_machine_and_label_come_from_the_path(
    tmp_path: Path, name: str, machine: str, label: str | None, training: bool
) -> None:
    root = tmp_path / "root"
    touch(root, name)
    found = only(root)
    assert (found.condition.machine, found.label, found.training) == (machine, label, training)
    assert found.name == name


def test_condition_comes_from_the_name(tmp_path: Path) -> None:
    touch(tmp_path, "fan/test/section_01_target_test_anomaly_0012_vel_8_loc_B.wav")
    condition = only(tmp_path).condition
    assert (condition.section, condition.domain) == ("01", "target")
    assert condition.attributes == (("loc", "B"), ("vel", "8"))
    touch(tmp_path / "mimii", "fan/id_04/normal/00000001.wav")
    assert only(tmp_path / "mimii").condition.section == "04"


@pytest.mark.parametrize("part", ["fan/test", "fan/id_00/normal", "fan/normal", "fan"])
def test_a_folder_within_a_layout_keeps_its_machine(tmp_path: Path, part: str) -> None:
    touch(tmp_path / part, "00000001.wav")
    machine = only(tmp_path / part).condition.machine
    assert machine == "fan"


def test_hidden_and_other_files_are_left_out(tmp_path: Path) -> None:
    touch(tmp_path, "b.wav", "a.wav", "._a.wav", ".git/c.wav", "notes.txt", "d.mp3")
    assert [recording.name for recording in list_recordings(tmp_path)] == ["a.wav", "b.wav"]


def test_absent_and_empty_folders_are_clear_errors(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="nowhere is not a folder"):
        list_recordings(tmp_path / "nowhere")
    touch(tmp_path, "a.mp3")
    with pytest.raises(DataError, match="holds no recordings") as caught:
        list_recordings(tmp_path)
    assert ".flac" in (caught.value.hint or "")
