from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from asdbench.api import Clip
from asdbench.audio import AudioFormat
from asdbench.datasets.manifest import Manifest, ManifestParams
from asdbench.datasets.verify import verify
from asdbench.errors import DataError


def write(folder: Path, text: str, *files: str, encoding: str = "utf-8") -> Path:
    for file in files:
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).touch()
    path = folder / "clips.csv"
    path.write_text(text, encoding=encoding)
    return path


def clips(file: Path, **params: Any) -> list[Clip]:
    return list(Manifest(ManifestParams(file=file, **params)).clips())


def refusal(file: Path, **params: Any) -> DataError:
    with pytest.raises(DataError) as caught:
        clips(file, **params)
    return caught.value


def test_all_columns(tmp_path: Path) -> None:
    file = write(
        tmp_path,
        "path,machine,label,section,domain,split,recording,speed,load\n"
        "b.wav,fan,normal,01,source,train,r1,30,\n"
        "a.wav,fan,anomaly,,target,test,,,high\n",
        "a.wav",
        "b.wav",
    )
    a, b = clips(file)
    assert str(a.condition) == "fan/00/target/load=high"
    assert str(b.condition) == "fan/01/source/speed=30"
    assert (a.id, a.path, a.label, a.split, a.recording) == (
        "a.wav",
        tmp_path / "a.wav",
        "anomaly",
        "test",
        None,
    )
    assert (b.label, b.split, b.recording, b.part, b.digest) == (
        "normal",
        "train",
        "r1",
        None,
        None,
    )


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("normal", "normal"),
        ("0", "normal"),
        ("Anomaly", "anomaly"),
        ("abnormal", "anomaly"),
        ("1", "anomaly"),
    ],
)
def test_labels(tmp_path: Path, text: str, label: str) -> None:
    file = write(tmp_path, f"path,machine,label\na.wav,fan,{text}\n", "a.wav")
    assert clips(file)[0].label == label


def test_byte_order_mark_quotes_blank_lines_and_crlf(tmp_path: Path) -> None:
    text = 'path,machine,label\r\n\r\n"a, b.wav",fan,normal\r\n,,\r\n'
    file = write(tmp_path, text, "a, b.wav", encoding="utf-8-sig")
    assert [clip.id for clip in clips(file)] == ["a, b.wav"]


def test_root_and_ways_to_write_a_path(tmp_path: Path) -> None:
    inside = (tmp_path / "data/x/d.wav").as_posix()
    text = f"path,machine,label\n./a.wav,m,0\nx/../b.wav,m,0\nx\\c.wav,m,0\n{inside},m,0\n"
    file = write(tmp_path, text, "data/a.wav", "data/b.wav", "data/x/c.wav", "data/x/d.wav")
    found = clips(file, root=tmp_path / "data/x/..")
    assert [clip.id for clip in found] == ["a.wav", "b.wav", "x/c.wav", "x/d.wav"]
    assert all(clip.path.is_file() for clip in found)


def test_every_mistake_is_reported_with_its_line(tmp_path: Path) -> None:
    file = write(
        tmp_path,
        "path,machine,label,domain,split\n"
        "a.wav,fan,normal,source,train\n"
        "none.wav,fan,normal,,train\n"
        "./a.wav,fan,normal,,train\n"
        "../out.wav,fan,normal,,train\n"
        "/etc/passwd,fan,normal,,train\n"
        ",fan,normal,,train\n"
        "b.wav,,normal,,train\n"
        "c.wav,fan,broken,left,later\n"
        "d.wav,fan,anomaly,,train\n"
        "e.wav,fan,normal\n",
        *(f"{letter}.wav" for letter in "abcde"),
        "../out.wav",
    )
    lines = refusal(file).message.splitlines()[1:]
    expected = {
        3: "no file 'none.wav'",
        4: "listed in line 2 already",
        5: "'../out.wav' lies outside",
        6: "'/etc/passwd' lies outside",
        7: "no path",
        8: "no machine",
        9: "unknown label 'broken', use normal, 0, anomaly, abnormal, 1",
        10: "an anomaly in the split 'train'",
        11: "3 cells, but 5 columns",
    }
    for line, words in expected.items():
        assert any(f"{file}:{line}: " in each and words in each for each in lines), words
    assert sum(f"{file}:9: " in each for each in lines) == 3
    assert len(lines) == 11


def test_only_the_first_twenty_mistakes_are_shown(tmp_path: Path) -> None:
    rows = "".join(f"{i}.wav,fan,normal\n" for i in range(57))
    lines = refusal(write(tmp_path, "path,machine,label\n" + rows)).message.splitlines()
    assert len(lines) == 22
    assert lines[-1].strip() == "and 37 more"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is empty"),
        ("\n\n", "is empty"),
        ("path,machine,label\n", "lists no clips"),
        ("path,machine\na.wav,fan\n", "no column 'label'"),
        ("path,Machine,lable\na.wav,fan,normal\n", "no column 'label'. Did you mean 'lable'"),
        ("path;machine;label\na.wav;fan;normal\n", "no column 'path'"),
        ("path,machine,label,vel,vel\n", "column 'vel' is given twice"),
        ("path,machine,label,\n", "column 4 has no name"),
        ('path,machine,label\n"a.wav,fan,normal\n', "no CSV"),
    ],
)
def test_unusable_tables(tmp_path: Path, text: str, words: str) -> None:
    error = refusal(write(tmp_path, text))
    assert words in error.message
    assert "clips.csv" in error.message


def test_other_encodings_are_refused_by_line(tmp_path: Path) -> None:
    text = "path,machine,label\na.wav,fan,normal\nb.wav,lüfter,normal\n"
    error = refusal(write(tmp_path, text, encoding="latin-1"))
    assert "clips.csv:3: not UTF-8" in error.message


def test_missing_manifest(tmp_path: Path) -> None:
    error = refusal(tmp_path / "none.csv")
    assert "none.csv" in error.message
    assert "--set dataset.file=" in str(error.hint)


def many(folder: Path, header: str, rows: list[str]) -> Path:
    files = [row.split(",")[0] for row in rows]
    return write(folder, header + "\n" + "\n".join(rows) + "\n", *files)


def test_hold_out_is_stratified(tmp_path: Path) -> None:
    rows = [f"s{i}.wav,fan,normal,00,source" for i in range(40)]
    rows += [f"t{i}.wav,fan,normal,00,target" for i in range(8)]
    rows += [f"p{i}.wav,pump,normal,01," for i in range(10)]
    rows += [f"a{i}.wav,fan,anomaly,00,source" for i in range(6)]
    file = many(tmp_path, "path,machine,label,section,domain", rows)
    found = clips(file, hold_out=0.25)
    tested = Counter(
        (clip.machine, clip.domain, clip.label) for clip in found if clip.split == "test"
    )
    assert tested == {
        ("fan", "source", "normal"): 10,
        ("fan", "target", "normal"): 2,
        ("pump", None, "normal"): 2,
        ("fan", "source", "anomaly"): 6,
    }
    assert found == clips(file, hold_out=0.25)
    assert found != clips(file, hold_out=0.25, seed=1)


def test_hold_out_keeps_recordings_whole(tmp_path: Path) -> None:
    rows = [f"{i}.wav,fan,{'anomaly' if i < 2 else 'normal'},r{i // 4}" for i in range(40)]
    rows += [f"single{i}.wav,fan,normal," for i in range(10)]
    found = clips(many(tmp_path, "path,machine,label,recording", rows))
    sides: dict[str, set[str]] = {}
    for clip in found:
        if clip.recording:
            sides.setdefault(clip.recording, set()).add(clip.split)
    assert all(len(each) == 1 for each in sides.values())
    assert sides["r0"] == {"test"}  # it holds anomalies
    normals = [clip.split for clip in found if clip.label == "normal"]
    assert 24 <= normals.count("test") <= 27


def test_a_recording_named_like_a_clip_is_another(tmp_path: Path) -> None:
    rows = [f"{i}.wav,fan,normal,{'' if i < 20 else f'{i - 20}.wav'}" for i in range(40)]
    splits = {c.id: c.split for c in clips(many(tmp_path, "path,machine,label,recording", rows))}
    assert any(splits[f"{i}.wav"] != splits[f"{i + 20}.wav"] for i in range(20))


@pytest.mark.parametrize("params", [{"hold_out": 0}, {"hold_out": 1}, {"seed": -1}, {"x": 1}])
def test_unusable_parameters_are_refused(params: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ManifestParams.model_validate({"file": "a.csv"} | params)


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.one_of(st.binary(max_size=80), st.text(max_size=80).map(str.encode)))
def test_any_bytes_give_clips_or_a_data_error(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "fuzzed.csv"
    file.write_bytes(b"path,machine,label,domain\n" + content)
    (tmp_path / "a.wav").touch()
    with pytest.raises(DataError, match="fuzzed"):
        clips(file)


@pytest.mark.shared
def test_real_fan_clips(shared: Path, tmp_path: Path) -> None:
    root = shared / "data/mimii_fan_id_00"
    rows = [
        f"{path.relative_to(root).as_posix()},fan,{path.parent.name}"
        for path in sorted(root.rglob("*.wav"))
    ]
    file = tmp_path / "fan.csv"
    file.write_text("path,machine,label\n" + "\n".join(rows) + "\n")
    found = clips(file, root=root)
    assert Counter((clip.label, clip.split) for clip in found) == {
        ("normal", "train"): 10,
        ("normal", "test"): 10,
        ("anomaly", "test"): 20,
    }
    assert verify(found, AudioFormat()) == []
    assert np.all([clip.path.is_file() for clip in found])


def test_what_generate_writes_is_read(tmp_path: Path) -> None:
    header = "path,machine,label,load,attributes,seed,notes\n"
    good = write(tmp_path, header + 'a.wav,fan,1,high,"m-n=W,vel=6",12,"{}"\n', "a.wav")
    assert str(clips(good)[0].condition) == "fan/00/-/load=high,m-n=W,vel=6"
    bad = write(tmp_path, header + "a.wav,fan,1,high,vel,12,-\n", "a.wav")
    assert "clips.csv:2: 'vel' is no attribute" in refusal(bad).message
