from __future__ import annotations

import random

import pytest

from asdbench.errors import AsdbenchError
from asdbench.metrics.dcase import SectionMetrics
from asdbench.metrics.definitions import DefinitionId
from asdbench.metrics.scorefile import ScoreFileError, read_score_file

GOOD = """machine,section,domain,label,score
fan,00,source,normal,0.1
fan,00,source,normal,0.4
fan,00,source,anomaly,0.3
fan,00,target,normal,0.2
fan,00,target,anomaly,0.9
fan,00,target,anomaly,0.35
"""


def read(text: str, definition: str = "dcase2022") -> tuple[SectionMetrics, ...]:
    return read_score_file(text.splitlines(keepends=True), "s.csv", DefinitionId(definition))


def mistakes(text: str, definition: str = "dcase2022") -> list[str]:
    with pytest.raises(ScoreFileError) as caught:
        read(text, definition)
    assert caught.value.exit_code == 2
    assert isinstance(caught.value, AsdbenchError)
    assert "asdbench evaluate --help" in (caught.value.hint or "")
    return caught.value.message.splitlines()


def test_a_good_file() -> None:
    (row,) = read(GOOD)
    assert (row.machine, row.section) == ("fan", "00")
    assert row.auc_source == pytest.approx(4 / 6)
    assert row.auc_target == 1.0
    assert row.decisions == {}


@pytest.mark.parametrize(
    "change",
    [
        {"target": "1", "source": "0", "domain": "target_domain"},
        {"label": "anomaly", ",normal": ",0", ",anomaly,0": ",1,0"},
        {"anomaly,": "abnormal,"},
        {",normal": ",0.0", ",anomaly": ",1.0"},
        {",normal": ",False", ",anomaly": ",True"},
        {"\n": "\r\n"},
        {"machine,": "\ufeffMachine ,", "source": " Source "},
        {"0.3\n": "0.3\n\n , , , , \n"},
        {"fan,00,": '"fan","00",'},
    ],
)
def test_other_spellings_of_the_same_file(change: dict[str, str]) -> None:
    text = GOOD
    for old, new in change.items():
        text = text.replace(old, new)
    assert text != GOOD
    assert read(text) == read(GOOD)


@pytest.mark.parametrize("name", ["file", "clip"])
def test_a_column_of_names_is_not_read(name: str) -> None:
    lines = GOOD.splitlines()
    text = "\n".join([f"{name},{lines[0]}", *(f"x,{line}" for line in lines[1:])])
    assert read(text) == read(GOOD)


def test_order_of_rows_and_columns_does_not_matter() -> None:
    head, *rows = [line.split(",") for line in GOOD.splitlines()]
    random.Random(1).shuffle(rows)
    assert read("\n".join(",".join(row[::-1]) for row in [head, *rows])) == read(GOOD)


def test_sections_stay_text_and_keep_the_order_of_the_file() -> None:
    text = GOOD + GOOD.partition("\n")[2].replace("fan,00", "fan,0")
    text += GOOD.partition("\n")[2].replace("fan", "bearing")
    assert [(row.machine, row.section) for row in read(text)] == [
        ("fan", "00"),
        ("fan", "0"),
        ("bearing", "00"),
    ]


def with_decisions(marks: str) -> str:
    head, *rows = GOOD.splitlines()
    return "\n".join([head + ",decision", *map(",".join, zip(rows, marks, strict=True))])


def test_decisions() -> None:
    (row,) = read(with_decisions("010011"))
    assert row.value("recall_source") == 0.0
    assert row.value("f1_target") == 1.0
    (row,) = read(with_decisions("      "))
    assert row.decisions == {}
    assert mistakes(with_decisions("01 0 1")) == [
        "s.csv: machine fan, section 00: decision is blank for 2 of 6 clips"
    ]
    assert mistakes(with_decisions("01x011")) == [
        "s.csv:4: decision 'x' is not one of normal, anomaly, abnormal, 0, 1"
    ]


def test_dcase2020_needs_no_domain() -> None:
    text = "machine,section,label,score\nfan,00,0,1\nfan,00,1,2\n"
    (row,) = read(text, "dcase2020")
    assert (row.auc_all, row.auc_source) == (1.0, None)
    assert read(GOOD.replace("source", "?"), "dcase2020")[0].auc_source is None
    (wrong,) = mistakes(text)
    assert wrong.startswith("s.csv:1: no column domain (source, target) or target_domain (0, 1)")
    assert "--definition dcase2020" in wrong


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("0.3", "nan", "s.csv:4: score 'nan' is not a finite number"),
        ("0.3", "-inf", "s.csv:4: score '-inf' is not a finite number"),
        ("0.3", "high", "s.csv:4: score 'high' is not a finite number"),
        ("0.3", "", "s.csv:4: no score"),
        ("anomaly,0.3", "bad,0.3", "s.csv:4: label 'bad' is not one of normal, anomaly, abnormal,"),
        (
            "source,anomaly",
            "Src,anomaly",
            "s.csv:4: domain 'Src' is not one of source, target, 0, 1",
        ),
        ("source,anomaly", ",anomaly", "s.csv:4: domain '' is not one of"),
        ("fan,00,source,anomaly", ",00,source,anomaly", "s.csv:4: no machine"),
        ("fan,00,source,anomaly", "fan,,source,anomaly", "s.csv:4: no section"),
        ("0.3", "0.3,7", "s.csv:4: 6 cells, the header has 5"),
        (",0.3", "", "s.csv:4: 4 cells, the header has 5"),
        (
            "label",
            "labels",
            "s.csv:1: unknown column 'labels'. Did you mean 'label'? Allowed: machine",
        ),
        ("section", "idx", "s.csv:1: unknown column 'idx'. Allowed: machine"),
        ("label", "score", "s.csv:1: column 'score' occurs twice; keep one"),
        ("label", "target_domain", "s.csv:1: column 'target_domain' says the same as 'domain'"),
    ],
)
def test_mistakes_name_the_line(old: str, new: str, expected: str) -> None:
    assert mistakes(GOOD.replace(old, new, 1))[0].startswith(expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "s.csv:1: empty; expected a header: machine, section, domain"),
        ("\n\n", "s.csv:1: empty"),
        (GOOD.partition("\n")[0], "s.csv: no clips: the file has a header and nothing else"),
        (GOOD.replace(",", ";"), "s.csv:1: columns must be separated by commas"),
        (GOOD.replace(",", "\t"), "s.csv:1: columns must be separated by commas"),
    ],
)
def test_files_without_a_table(text: str, expected: str) -> None:
    (only,) = mistakes(text)
    assert only.startswith(expected)


@pytest.mark.parametrize(
    ("drop", "definition", "expected"),
    [
        ("source,normal", "dcase2022", "no source normal clips among 4"),
        ("target,normal", "dcase2022", "no target normal clips among 5"),
        ("anomaly", "dcase2022", "no anomalous clips among 3"),
        ("source,anomaly", "dcase2021", "no source anomalous clips among 5"),
        ("normal", "dcase2020", "no normal clips among 3"),
    ],
)
def test_missing_classes(drop: str, definition: str, expected: str) -> None:
    text = "\n".join(line for line in GOOD.splitlines() if f",{drop}," not in line)
    assert mistakes(text, definition)[0] == f"s.csv: machine fan, section 00: {expected}"


def test_a_domain_without_anomalies_is_allowed_since_2022() -> None:
    text = "\n".join(line for line in GOOD.splitlines() if "source,anomaly" not in line)
    assert read(text)[0].auc_source is not None


def test_all_mistakes_are_reported_at_once() -> None:
    text = GOOD.replace("0.1", "nan").replace("target,normal", "target,nromal")
    text += GOOD.partition("\n")[2].replace("fan", "valve").replace("anomaly", "normal")
    assert [wrong.partition(" ")[0] for wrong in mistakes(text)] == [
        "s.csv:2:",
        "s.csv:5:",
        "s.csv:",
    ]


def test_rows_are_checked_although_a_column_is_missing() -> None:
    found = mistakes(GOOD.replace("label", "labl").replace("0.1", "nan"))
    assert [wrong.partition(" ")[0] for wrong in found] == ["s.csv:1:", "s.csv:1:", "s.csv:2:"]
    found = mistakes(GOOD.replace("score", "points").replace("anomaly", "anomoly"))
    assert [wrong.partition(" ")[0] for wrong in found[:3]] == ["s.csv:1:", "s.csv:1:", "s.csv:4:"]
    assert not any("no anomalous" in wrong for wrong in found)


def test_long_lists_are_cut_and_counted() -> None:
    found = mistakes(GOOD + "fan,00,source,normal,\n" * 50)
    assert len(found) == 21
    assert found[-1] == "... 50 mistakes in all; the first 20 shown"


def test_nothing_is_said_of_classes_when_rows_are_unusable() -> None:
    text = "\n".join(line for line in GOOD.splitlines() if "target,normal" not in line)
    found = mistakes(text + "\nfan,00,target,normal,nan")
    assert found == ["s.csv:7: score 'nan' is not a finite number"]
    assert mistakes(text + "\nfan,00,target,normal") == ["s.csv:7: 4 cells, the header has 5"]


def test_bytes_that_are_no_text() -> None:
    def lines():  # type: ignore[no-untyped-def]
        yield "machine,section,domain,label,score\n"
        yield b"\xff".decode("utf-8")

    with pytest.raises(ScoreFileError, match="not UTF-8 text"):
        read_score_file(lines(), "s.csv", DefinitionId.DCASE2022)
