from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from asdbench.datasets.names import parse_name
from asdbench.datasets.tables import read_rows
from asdbench.datasets.truth import Truth, read_attribute_columns, read_truth
from asdbench.errors import DataError

TOYS = ("ToyCar", "ToyTrain")
SOURCE_NORMAL = Truth("normal", "source", (("vel", "6"),))
TARGET_ANOMALY = Truth("anomaly", "target", (("vel", "7"),))
EXPECTED = {
    ("fan", "section_03_0000.wav"): SOURCE_NORMAL,
    ("fan", "section_03_0001.wav"): TARGET_ANOMALY,
}
NAMES = ["section_03_source_test_normal_0000_vel_6", "section_03_target_test_anomaly_0009_vel_7"]

Put = Callable[[str, str], Path]


@pytest.fixture
def put(tmp_path: Path) -> Put:
    def write(name: str, text: str) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    return write


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (
            "dcase_eval.csv",
            "machine,section,file,target_domain,anomaly,name_with_attributes\n"
            f"fan,03,section_03_0000.wav,0,0,{NAMES[0]}\n"
            f"fan,03,section_03_0001.wav,1,1,{NAMES[1]}\n",
        ),
        (
            "mine.csv",
            "label,domain,file,machine,name_with_attributes\n"
            f"normal,source,section_03_0000.wav,fan,{NAMES[0]}\n"
            f"abnormal,target,section_03_0001.wav,fan,{NAMES[1]}\n",
        ),
        (
            "eval_data_list_2022.csv",
            "pump\nsection_03_0000.wav,section_03_target_test_anomaly_0001_vel_6.wav\n"
            f"fan\nsection_03_0000.wav,{NAMES[0]}.wav\r\nsection_03_0001.wav,{NAMES[1]}.wav\r\n",
        ),
        (
            "ground_truth_fan_section_03_test.csv",
            f"section_03_0000.wav,{NAMES[0]}\nsection_03_0001.wav,{NAMES[1]}\n",
        ),
        (
            "ground_truth_fan_section_03_test.csv",
            "section_03_0000.wav,section_03_source_test_normal_0000_noAttribute,"
            f"{NAMES[0]}.wav\r\n"
            "section_03_0001.wav,section_03_target_test_anomaly_0009_noAttribute,"
            f"{NAMES[1]}.wav\r\n",
        ),
        (
            "attributes_03.csv",
            "\ufefffile_name,d1p,d1v,file_name_with_full_attributes\n"
            f"fan/test/section_03_0000.wav,v,1,fan/test/{NAMES[0]}.wav\n"
            f"fan/test/section_03_0001.wav,v,1,w,2,fan/test/{NAMES[1]}.wav\n",
        ),
        (
            "fan/attributes_03_test_correspondence.csv",
            "source_file_name,target_file_name\n"
            f"{NAMES[0]}.wav,section_03_0000.wav\n{NAMES[1]}.wav,section_03_0001.wav\n",
        ),
    ],
    ids=["table", "words", "list", "evaluator", "evaluator-2024", "columns", "correspondence"],
)
def test_every_form(put: Put, name: str, text: str) -> None:
    truth = read_truth(put(name, text))
    assert {key: truth[key] for key in EXPECTED} == EXPECTED


def test_labels_and_domains_in_files_of_their_own(put: Put, tmp_path: Path) -> None:
    file = "ground_truth_fan_section_03_test.csv"
    put(f"ground_truth_data/{file}", "section_03_0000.wav,1\nsection_03_0001.wav,0\n")
    put(f"ground_truth_domain/{file}", "section_03_0000.wav,0\nsection_03_0001.wav,1\n")
    assert read_truth(tmp_path) == {
        ("fan", "section_03_0000.wav"): Truth("anomaly", "source"),
        ("fan", "section_03_0001.wav"): Truth("normal", "target"),
    }


def test_list_of_2020_gives_labels_only(put: Put) -> None:
    text = "fan\nid_01_00000000.wav,normal_id_01_00000098.wav,0\n"
    assert read_truth(put("eval_data_list_2020.csv", text)) == {
        ("fan", "id_01_00000000.wav"): Truth("normal")
    }


def test_one_wrong_name_discredits_the_names_of_its_section(put: Put, tmp_path: Path) -> None:
    put(
        "ground_truth_data/ground_truth_fan_section_03_test.csv",
        "section_03_0000.wav,1\nsection_03_0001.wav,1\nsection_04_0000.wav,1\n",
    )
    put(
        "ground_truth_attributes/ground_truth_fan_section_03_test.csv",
        f"section_03_0000.wav,{NAMES[0]}\nsection_03_0001.wav,{NAMES[1]}\n"
        "section_04_0000.wav,section_04_source_test_anomaly_0000_vel_9\n",
    )
    assert read_truth(tmp_path) == {
        ("fan", "section_03_0000.wav"): Truth("anomaly"),
        ("fan", "section_03_0001.wav"): Truth("anomaly"),
        ("fan", "section_04_0000.wav"): Truth("anomaly", "source", (("vel", "9"),)),
    }


def test_files_that_contradict_each_other_are_an_error(put: Put, tmp_path: Path) -> None:
    put("eval_data_list_1.csv", f"fan\nsection_03_0000.wav,{NAMES[0]}\n")
    put("eval_data_list_2.csv", f"fan\nsection_03_0000.wav,{NAMES[1]}\n")
    with pytest.raises(DataError) as caught:
        read_truth(tmp_path)
    assert "eval_data_list_2.csv:2: fan/section_03_0000.wav" in caught.value.message
    assert "eval_data_list_1.csv:2" in caught.value.message
    assert read_truth(tmp_path, unbelieved=["fan"]) == {("fan", "section_03_0000.wav"): Truth()}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is empty"),
        ("section_03_0000.wav,0\n", ":1: no form of ground truth"),
        ("fan\nsection_03_0000.wav,2\n", ":2: '2' is neither 0, 1"),
        ("fan\nclip.wav,0\n", ":2: no form of ground truth"),
        ("machine,file,anomaly\nfan,section_03_0000.wav,maybe\n", ":2: unknown label 'maybe'"),
        ("machine,file,domain\nfan,section_03_0000.wav,left\n", ":2: unknown domain 'left'"),
    ],
)
def test_malformed_files_are_named_by_line(put: Put, text: str, words: str) -> None:
    with pytest.raises(DataError, match=words):
        read_truth(put("truth.csv", text))


def test_folder_without_ground_truth(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no ground truth in"):
        read_truth(tmp_path)


def test_attribute_columns(put: Put) -> None:
    text = (
        "file_name,d1p,d1v,d2p,d2v\n"
        "valve/train/section_02_source_train_normal_0000.wav,v1pat,04,v2pat,05\n"
        "valve/train/section_02_source_train_normal_0001.wav,v1pat,04\n"
        "valve/train/section_02_source_train_normal_0002.wav,noAttribute,\n"
    )
    assert read_attribute_columns(put("attributes_02.csv", text)) == {
        "section_02_source_train_normal_0000.wav": (("v1pat", "04"), ("v2pat", "05")),
        "section_02_source_train_normal_0001.wav": (("v1pat", "04"),),
        "section_02_source_train_normal_0002.wav": (),
    }
    with pytest.raises(DataError, match="file_name"):
        read_attribute_columns(put("other.csv", "a,b\n"))


@pytest.mark.shared
@pytest.mark.parametrize(
    ("year", "sources"),
    [
        (2021, ["eval_data_lists/eval_data_list_2021.csv"]),
        (2022, ["eval_data_lists/eval_data_list_2022.csv", "dcase2022_evaluator"]),
        (2023, ["eval_data_lists/eval_data_list_2023.csv", "dcase2023_task2_evaluator"]),
        (
            2024,
            [
                "eval_data_lists/eval_data_list_2024.csv",
                "eval_data_lists/eval_data_list_2024_corrected_by_dcase-asd-toolkit.csv",
                "dcase2024_task2_evaluator",
            ],
        ),
        (2025, ["eval_data_lists/eval_data_list_2025.csv"]),
    ],
)
def test_all_real_lists_agree_with_the_known_truth(
    shared: Path, year: int, sources: list[str]
) -> None:
    known = read_truth(shared / f"oracle/ground_truth/dcase{year}_eval.csv")
    assert None not in {truth.label for truth in known.values()}
    assert None not in {truth.domain for truth in known.values()}
    for source in sources:
        told = read_truth(shared / "lists/attributes" / source)
        assert told.keys() == known.keys()
        for key, truth in told.items():
            if year == 2022 and key[0] in TOYS:
                continue
            assert (truth.label, truth.domain) == (known[key].label, known[key].domain)
            # The known truth hides what the names of 2024 hide.
            assert known[key].attributes in ((), truth.attributes)


@pytest.mark.shared
@pytest.mark.parametrize(
    "source",
    ["dcase2022_evaluator", "eval_data_lists/eval_data_list_2022.csv"],
)
def test_toy_names_of_2022_are_wrong_and_not_believed(shared: Path, source: str) -> None:
    known = read_truth(shared / "oracle/ground_truth/dcase2022_eval.csv")
    path = shared / "lists/attributes" / source
    told = read_truth(path)
    toys = [key for key in known if key[0] in TOYS]
    assert len(toys) == 1200
    assert sum(told[key].label != known[key].label for key in toys) == 608
    assert sum(told[key].domain != known[key].domain for key in toys) == 592
    careful = read_truth(path, unbelieved=TOYS)
    assert {careful[key] for key in toys} == {Truth()}
    others = [key for key in known if key[0] not in TOYS]
    assert all(careful[key] == told[key] for key in others)


@pytest.mark.shared
def test_corrected_toy_names_of_2022_have_wrong_domains(shared: Path) -> None:
    known = read_truth(shared / "oracle/ground_truth/dcase2022_eval.csv")
    name = "eval_data_list_2022_corrected_by_dcase-asd-toolkit.csv"
    told = read_truth(shared / "lists/attributes/eval_data_lists" / name)
    assert all(told[key].label == truth.label for key, truth in known.items())
    assert sum(told[key].domain != truth.domain for key, truth in known.items()) == 592


@pytest.mark.shared
def test_list_of_2020_says_the_same_in_names_and_columns(shared: Path) -> None:
    file = shared / "lists/attributes/eval_data_lists/eval_data_list_2020.csv"
    truth = read_truth(file)
    rows = [row.cells for row in read_rows(file) if len(row.cells) == 3]
    assert len(truth) == len(rows) == 7103
    for _, full, code in rows:
        parsed = parse_name(full)
        assert parsed is not None
        assert parsed.label == ("anomaly" if code == "1" else "normal")
    labels = Counter(truth.label for truth in truth.values())
    assert labels["anomaly"] == sum(code == "1" for *_, code in rows)


@pytest.mark.shared
def test_attribute_columns_agree_with_the_names(shared: Path) -> None:
    """Columns d1p, d1v... and full names differ in two known ways only."""
    differences: Counter[str] = Counter()
    files = sorted((shared / "lists/attributes").rglob("*attributes_[0-9][0-9].csv"))
    assert len(files) == 23
    for file in files:
        columns = read_attribute_columns(file)
        for row in read_rows(file)[1:]:
            full = row.cells[-1] if row.cells[-1].endswith(".wav") else row.cells[0]
            parsed = parse_name(full.split("/")[-1])
            assert parsed is not None
            in_name = dict(parsed.attributes)
            for name, value in columns[row.cells[0].split("/")[-1]]:
                if in_name.get(name) == value:
                    differences["none"] += 1
                elif name == "speed" and in_name.get("spd") == value:
                    differences["speed is spd"] += 1
                elif name == "v1pat" and in_name == {"v2pat": value}:
                    differences["second valve alone"] += 1
                else:
                    differences[f"{file}: {row.cells}"] += 1
    assert set(differences) == {"none", "speed is spd", "second valve alone"}
    assert differences["speed is spd"] == 800
    assert differences["second valve alone"] == 32


@pytest.mark.shared
def test_correspondences_reveal_attributes_and_nothing_else(shared: Path) -> None:
    files = sorted((shared / "lists/attributes").rglob("*_correspondence.csv"))
    assert len(files) == 27
    for file in files:
        truth = read_truth(file)
        assert len(truth) == (1000 if "train" in file.name else 200)
        for (machine, name), told in truth.items():
            assert machine == file.parent.name
            parsed = parse_name(name)
            assert parsed is not None
            assert parsed.attributes == ()
            assert told.attributes
            assert parsed.label in (None, told.label)
            assert parsed.domain in (None, told.domain)
