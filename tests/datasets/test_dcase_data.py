from __future__ import annotations

import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from asdbench.api import Clip, Dataset
from asdbench.datasets.dcase import DCASE, DCASEParams
from asdbench.datasets.simulated import Simulated, SimulatedParams
from asdbench.errors import DataError


def clips(root: Path, year: int = 2022, **params: Any) -> list[Clip]:
    return list(DCASE(DCASEParams(root=root, year=year, **params)).clips())


def touch(root: Path, *files: str) -> None:
    for file in files:
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        (root / file).touch()


TRAIN = "fan/train/section_00_source_train_normal_0000_m-n_W.wav"
TEST = "fan/test/section_00_target_test_anomaly_0003_m-n_Y.wav"


def test_development_set(tmp_path: Path) -> None:
    touch(tmp_path, TRAIN, TEST)
    test, train = clips(tmp_path)
    assert isinstance(DCASE(DCASEParams(root=tmp_path, year=2022)), Dataset)
    assert (train.id, train.path) == (TRAIN, tmp_path / TRAIN)
    assert (train.split, train.label, train.machine) == ("train", "normal", "fan")
    assert str(test.condition) == "fan/00/target/m-n=Y"
    assert (test.split, test.label, test.digest, test.part) == ("test", "anomaly", None, None)


@pytest.mark.parametrize(
    "prefix", ["", "dev_data/", "dev_data/raw/", "raw/", "fan/", "dev_fan/", "dev_data/raw/fan/"]
)
def test_machine_folders_may_lie_deeper(tmp_path: Path, prefix: str) -> None:
    touch(tmp_path, prefix + TRAIN, prefix + TEST)
    assert [clip.id for clip in clips(tmp_path)] == [prefix + TEST, prefix + TRAIN]
    assert {clip.machine for clip in clips(tmp_path)} == {"fan"}


def test_only_the_folder_of_the_subset_is_read(tmp_path: Path) -> None:
    touch(tmp_path, "dev_data/" + TRAIN, "eval_data/fan/test/section_03_0000.wav")
    assert [clip.section for clip in clips(tmp_path, subset="dev")] == ["00"]
    assert [clip.section for clip in clips(tmp_path, subset="eval")] == ["03"]
    assert [clip.section for clip in clips(tmp_path, subset="all")] == ["00", "03"]


def test_folders_of_the_subsets_tell_unknown_machines_apart(tmp_path: Path) -> None:
    name = "mine/test/section_00_source_test_normal_0000.wav"
    touch(tmp_path, "dev_data/" + name, "eval_data/" + name.replace("0000", "0001"))
    assert [clip.id for clip in clips(tmp_path, 2024)] == ["dev_data/" + name]


def test_domain_is_not_read_from_the_path(tmp_path: Path) -> None:
    """The baseline of 2022 takes any file under a path with `source` in it for source."""
    root = tmp_path / "source_recordings"
    touch(root, TEST)
    assert clips(root)[0].domain == "target"


def test_reads_the_layout_of_the_simulated_twin(tmp_path: Path) -> None:
    simulated = Simulated(SimulatedParams(train=3, test=1)).clips()
    touch(tmp_path, *(clip.id for clip in simulated))
    assert [(c.id, c.condition, c.split, c.label) for c in clips(tmp_path)] == [
        (c.id, c.condition, c.split, c.label) for c in simulated
    ]


def test_folders_of_2021(tmp_path: Path) -> None:
    touch(
        tmp_path,
        "fan/train/section_00_source_train_normal_0000_strength_1_ambient.wav",
        "fan/source_test/section_00_source_test_normal_0001.wav",
        "fan/target_test/section_00_target_test_anomaly_0001.wav",
    )
    found = {clip.domain: clip for clip in clips(tmp_path, 2021) if clip.split == "test"}
    assert found["source"].label == "normal"
    assert found["target"].label == "anomaly"
    assert len(clips(tmp_path, 2021)) == 3


def test_names_of_2020_have_ids_and_no_domain(tmp_path: Path) -> None:
    touch(
        tmp_path,
        "fan/train/normal_id_00_00000000.wav",
        "fan/test/anomaly_id_00_00000000.wav",
        "fan/test/id_01_00000000.wav",
        "ToyCar/test/normal_id_01_00000000.wav",
    )
    found = clips(tmp_path, 2020)
    assert [(clip.machine, clip.section, clip.label) for clip in found] == [
        ("ToyCar", "01", "normal"),
        ("fan", "00", "anomaly"),
        ("fan", "00", "normal"),
    ]
    assert {clip.domain for clip in found} == {None}
    assert [clip.label for clip in clips(tmp_path, 2020, subset="eval")] == [None]


@pytest.mark.parametrize(
    ("year", "dev", "evaluation"),
    [
        (2022, "fan/test/section_02_source_test_normal_0000.wav", "fan/test/section_03_0000.wav"),
        (
            2021,
            "fan/source_test/section_02_source_test_normal_0000.wav",
            "fan/source_test/section_03_source_test_0000.wav",
        ),
        (
            2024,
            "fan/test/section_00_source_test_normal_0000.wav",
            "Scanner/test/section_00_0000.wav",
        ),
        (
            2020,
            "ToyConveyor/test/normal_id_03_00000000.wav",
            "ToyConveyor/test/id_04_00000000.wav",
        ),
    ],
)
def test_subsets_unpacked_into_one_folder(
    tmp_path: Path, year: int, dev: str, evaluation: str
) -> None:
    touch(tmp_path, dev, evaluation)
    assert [clip.id for clip in clips(tmp_path, year, subset="dev")] == [dev]
    assert [clip.id for clip in clips(tmp_path, year, subset="eval")] == [evaluation]


def test_evaluation_set_without_and_with_ground_truth(tmp_path: Path) -> None:
    touch(
        tmp_path,
        "fan/train/section_03_source_train_normal_0000_m-n_W.wav",
        "fan/test/section_03_0000.wav",
        "fan/test/section_03_0001.wav",
    )
    blind = clips(tmp_path, subset="eval")
    assert [(c.label, c.domain, c.condition.attributes) for c in blind] == [
        (None, None, ()),
        (None, None, ()),
        ("normal", "source", (("m-n", "W"),)),
    ]
    truth = tmp_path / "eval_data_list_2022.csv"
    truth.write_text(
        "fan\n"
        "section_03_0000.wav,section_03_target_test_anomaly_0004_m-n_Y.wav\n"
        "section_03_0001.wav,section_03_source_test_normal_0002_m-n_X.wav\n"
    )
    told = clips(tmp_path, subset="eval", ground_truth=truth)
    assert [(c.label, c.domain, c.condition.attributes) for c in told] == [
        ("anomaly", "target", (("m-n", "Y"),)),
        ("normal", "source", (("m-n", "X"),)),
        ("normal", "source", (("m-n", "W"),)),
    ]


def test_names_of_the_toys_of_2022_give_no_labels(tmp_path: Path) -> None:
    touch(tmp_path, "ToyCar/test/section_03_0000.wav", "fan/test/section_03_0000.wav")
    names = tmp_path / "eval_data_list_2022.csv"
    names.write_text(
        "ToyCar\nsection_03_0000.wav,section_03_target_test_anomaly_0011_car_G2.wav\n"
        "fan\nsection_03_0000.wav,section_03_target_test_anomaly_0011_m-n_Y.wav\n"
    )
    toy, fan = clips(tmp_path, subset="eval", ground_truth=names)
    assert (toy.label, toy.domain, toy.condition.attributes) == (None, None, ())
    assert (fan.label, fan.domain) == ("anomaly", "target")
    columns = tmp_path / "truth.csv"
    columns.write_text("machine,file,anomaly,target_domain\nToyCar,section_03_0000.wav,0,1\n")
    toy, _ = clips(tmp_path, subset="eval", ground_truth=columns)
    assert (toy.label, toy.domain) == ("normal", "target")


def test_ground_truth_that_does_not_fit(tmp_path: Path) -> None:
    touch(tmp_path, TEST)
    truth = tmp_path / "truth.csv"
    truth.write_text("machine,file,anomaly\npump,section_03_0000.wav,1\n")
    with pytest.raises(DataError, match="says nothing of the clips"):
        clips(tmp_path, ground_truth=truth)
    truth.write_text(f"machine,file,anomaly,target_domain\nfan,{Path(TEST).name},0,0\n")
    with pytest.raises(DataError) as caught:
        clips(tmp_path, ground_truth=truth)
    assert f"{TEST}: normal in the ground truth" in caught.value.message
    assert f"{TEST}: domain source in the ground truth" in caught.value.message


def test_lists_of_other_clips_may_contradict_each_other(tmp_path: Path) -> None:
    touch(tmp_path, "fan/test/section_03_0000.wav")
    for year, label in ((1, "normal"), (2, "anomaly")):
        (tmp_path / f"eval_data_list_{year}.csv").write_text(
            f"pump\nsection_03_0000.wav,section_03_source_test_{label}_0000_vel_1.wav\n"
            "fan\nsection_03_0000.wav,section_03_source_test_normal_0000_m-n_W.wav\n"
        )
    assert [clip.label for clip in clips(tmp_path, subset="eval", ground_truth=tmp_path)] == [
        "normal"
    ]


def test_attribute_columns_fill_in_where_names_are_silent(tmp_path: Path) -> None:
    silent = "fan/train/section_00_source_train_normal_0001.wav"
    touch(tmp_path, TRAIN, silent)
    (tmp_path / "fan/attributes_00.csv").write_text(
        f"file_name,d1p,d1v\n{TRAIN},m-n,changed\n{silent},m-n,X\n"
    )
    found = {clip.id: dict(clip.condition.attributes) for clip in clips(tmp_path)}
    assert found == {TRAIN: {"m-n": "W"}, silent: {"m-n": "X"}}


def test_files_of_other_kinds_are_ignored(tmp_path: Path) -> None:
    touch(
        tmp_path,
        TRAIN,
        "fan/train/._section_00_source_train_normal_0000_m-n_W.wav",
        "fan/train/.DS_Store",
        "fan/train/notes.txt",
        "fan/test_rename/section_00_target_test_anomaly_0003_m-n_Y.wav",
        "fan/attributes_00.csv",
        ".cache/fan/train/section_00_source_train_normal_0001_m-n_W.wav",
    )
    assert [clip.id for clip in clips(tmp_path)] == [TRAIN]


@pytest.mark.parametrize(
    ("year", "file", "words"),
    [
        (2022, "fan/train/clip_1.wav", "not a name of DCASE Task 2"),
        (2022, "fan/train/normal_id_00_00000000.wav", "id_NN is 2020"),
        (2020, TRAIN, "id_NN is 2020"),
        (
            2022,
            "fan/train/section_00_source_test_normal_0000.wav",
            "a test clip in the folder of the train clips",
        ),
        (2020, "fan/train/anomaly_id_00_00000000.wav", "an anomaly among the training clips"),
    ],
)
def test_names_that_contradict_their_place(
    tmp_path: Path, year: int, file: str, words: str
) -> None:
    touch(tmp_path, file)
    with pytest.raises(DataError) as caught:
        clips(tmp_path, year)
    assert f"{file}: " in caught.value.message
    assert words in caught.value.message


def test_machine_unpacked_twice(tmp_path: Path) -> None:
    touch(tmp_path, TRAIN, "copy/" + TRAIN)
    with pytest.raises(DataError, match=f"{TRAIN} is also copy/{TRAIN}"):
        clips(tmp_path)


def test_missing_data_says_where_to_get_it(tmp_path: Path) -> None:
    for root in (tmp_path / "none", tmp_path):
        with pytest.raises(DataError) as caught:
            clips(root)
        text = str(caught.value)
        assert str(root) in text
        assert "6529888" in text
        assert "--set dataset.root=" in text
        assert "ASDBENCH_DATA" in text
    with pytest.raises(DataError, match="challenge2024"):
        clips(tmp_path, 2024)


def test_unknown_parameters_are_refused() -> None:
    for params in ({"year": 2019}, {"year": 2022, "subset": "test"}, {"year": 2022, "x": 1}):
        with pytest.raises(ValidationError):
            DCASEParams.model_validate({"root": "data"} | params)


def test_listing_is_fast(tmp_path: Path) -> None:
    """A full set of 18,000 clips is listed in a second or two; the limit is ten times that."""
    folder = tmp_path / "bearing" / "train"
    folder.mkdir(parents=True)
    for index in range(2000):
        (folder / f"section_00_source_train_normal_{index:04d}_vel_{index % 9}.wav").touch()
    started = time.process_time()
    assert len(clips(tmp_path)) == 2000
    assert time.process_time() - started < 2


@pytest.mark.shared
def test_real_clips_of_2023(shared: Path) -> None:
    found = clips(shared / "data/dcase2023_dev", 2023)
    assert Counter(clip.machine for clip in found) == dict.fromkeys(
        ["ToyCar", "ToyTrain", "bearing", "fan", "gearbox", "slider", "valve"], 4
    )
    assert Counter(clip.split for clip in found) == {"train": 14, "test": 14}
    assert Counter(clip.label for clip in found) == {"normal": 23, "anomaly": 5}
    assert Counter(clip.domain for clip in found) == {"source": 20, "target": 8}
    assert all(clip.condition.attributes and clip.path.is_file() for clip in found)


@pytest.mark.shared
def test_real_clips_of_2020(shared: Path) -> None:
    found = clips(shared / "data/dcase2020_dev", 2020)
    assert len(found) == len(list((shared / "data/dcase2020_dev").rglob("*.wav"))) == 35
    assert {clip.split for clip in found} == {"test"}
    assert {clip.label for clip in found} == {"normal", "anomaly"}
