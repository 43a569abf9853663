from __future__ import annotations

import csv
import json
import signal
from pathlib import Path

import pytest
import soundfile
from trainable import call, start, wait_until, write_plugin

from asdbench.api import Condition
from asdbench.datasets.manifest import Manifest, ManifestParams
from asdbench.datasets.names import parse_name

FAN = Condition("fan", "00", "source", (("m-n", "W"), ("vel", "6")))


@pytest.fixture
def toy(tmp_path: Path) -> str:
    return write_plugin(tmp_path / "plugins")


@pytest.fixture
def command(toy: str, tmp_path: Path) -> list[str | Path]:
    options = ["--seconds", "0.5", "--store", str(tmp_path / "store")]
    place = ["--machine", "fan", "--domain", "source", "--attributes", "vel=6,m-n=W"]
    return ["generate", toy, *place, *options, "--out", tmp_path / "clips"]


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "manifest.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def contents(folder: Path) -> dict[str, bytes]:
    files = [p for p in folder.rglob("*") if p.is_file()]
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in files}


def test_clips_and_their_manifest(command: list[str | Path], tmp_path: Path) -> None:
    done = call(*command, "--count", "3")
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"3 clips written, 0 kept: {tmp_path / 'clips/manifest.csv'}\n"
    found = rows(tmp_path / "clips")
    expected = ["path", "machine", "section", "domain", "attributes", "label", "seed", "notes"]
    assert list(found[0]) == expected
    assert len({row["seed"] for row in found}) == 3
    assert json.loads(found[0]["notes"]) == {"made": 'by, the "toy"'}
    for row in found:
        info = soundfile.info(tmp_path / "clips" / row["path"])
        assert (info.frames, info.samplerate, info.subtype) == (8000, 16000, "PCM_16")
        said = parse_name(Path(row["path"]).name)
        assert said is not None
        assert (said.section, said.domain, said.label) == ("00", "source", "anomaly")
        assert said.attributes == FAN.attributes


def test_the_data_set_plug_in_reads_the_manifest(command: list[str | Path], tmp_path: Path) -> None:
    assert call(*command, "--count", "2", "--label", "normal").returncode == 0
    clips = Manifest(ManifestParams(file=tmp_path / "clips/manifest.csv")).clips()
    assert [clip.condition for clip in clips] == [FAN, FAN]
    assert {clip.label for clip in clips} == {"normal"}


def test_asking_for_more_keeps_what_is_there(command: list[str | Path], tmp_path: Path) -> None:
    assert call(*command, "--count", "2").returncode == 0
    first = contents(tmp_path / "clips")
    stamps = {p: p.stat().st_mtime_ns for p in (tmp_path / "clips").rglob("*.wav")}
    more = call(*command, "--count", "4")
    assert more.stdout.startswith("2 clips written, 2 kept")
    after = contents(tmp_path / "clips")
    assert len(rows(tmp_path / "clips")) == 4
    assert all(after[name] == first[name] for name in first if name != "manifest.csv")
    assert all(path.stat().st_mtime_ns == stamp for path, stamp in stamps.items())
    assert call(*command[:-1], tmp_path / "whole", "--count", "4").returncode == 0
    assert contents(tmp_path / "whole") == after
    # A clip that is lost or damaged is made again.
    victims = sorted(p for p in (tmp_path / "clips").rglob("*.wav"))[:2]
    victims[0].unlink()
    victims[1].write_bytes(victims[1].read_bytes()[:1000])
    assert call(*command, "--count", "4").stdout.startswith("2 clips written, 2 kept")
    assert contents(tmp_path / "clips") == after
    longer = call(*command, "--count", "4", "--seconds", "0.75")
    assert longer.returncode == 2
    assert "lasts 0.5 s, not 0.75 s" in longer.stderr
    assert contents(tmp_path / "clips") == after


def test_another_request_is_refused(command: list[str | Path], tmp_path: Path) -> None:
    assert call(*command, "--count", "2").returncode == 0
    before = contents(tmp_path / "clips")
    other = call(*command, "--count", "2", "--seed", "1", "--set", "preset=base")
    assert other.returncode == 2
    assert "seed: 0 there, 1 asked for" in other.stderr
    assert 'generator.params.preset: "mini" there, "base" asked for' in other.stderr
    fewer = call(*command, "--count", "1")
    assert fewer.returncode == 2
    assert "lists 1 clips that this command does not ask for" in fewer.stderr
    assert contents(tmp_path / "clips") == before


@pytest.mark.slow
def test_killed_generation_resumes_to_the_same_bytes(
    command: list[str | Path], tmp_path: Path
) -> None:
    whole = call(*command[:-1], tmp_path / "whole", "--count", "80", "--set", "pause=0.05")
    assert whole.returncode == 0, whole.stderr
    process = start(*command, "--count", "80", "--set", "pause=0.05")
    wait_until(lambda: len(list((tmp_path / "clips").rglob("*.wav"))) > 60)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    listed = len(rows(tmp_path / "clips"))
    assert 0 < listed < 80
    resumed = call(*command, "--count", "80", "--set", "pause=0.05")
    assert resumed.returncode == 0, resumed.stderr
    assert f"resuming: {listed} of 80 clips are there" in resumed.stderr
    assert contents(tmp_path / "clips") == contents(tmp_path / "whole")


def test_conditions_from_files(toy: str, tmp_path: Path) -> None:
    table = tmp_path / "wanted.csv"
    table.write_text(
        "machine,section,label,count,m-n,vel,domain,attributes\n"
        "fan,01,normal,2,W,6,source,\n"
        'fan,01,normal,,,,source,"m-n=W,vel=6"\n'
        "valve,,,,,,,\n"
    )
    listing = tmp_path / "wanted.yaml"
    listing.write_text(
        '- {machine: fan, section: "01", label: normal, count: 2, domain: source,\n'
        '   attributes: {m-n: W, vel: "6"}}\n'
        '- {machine: fan, section: "01", label: normal, domain: source,\n'
        '   attributes: {vel: "6", m-n: W}}\n'
        "- {machine: valve}\n"
    )
    options = ["--seconds", "0.1", "--count", "1", "--store", tmp_path / "store"]
    for file, out in ((table, "a"), (listing, "b")):
        done = call("generate", toy, "--conditions", file, *options, "--out", tmp_path / out)
        assert done.returncode == 0, done.stderr
    assert contents(tmp_path / "a") == contents(tmp_path / "b")
    found = rows(tmp_path / "a")
    assert [(row["machine"], row["section"], row["label"]) for row in found] == [
        *[("fan", "01", "normal")] * 3,
        ("valve", "00", "anomaly"),
    ]
    assert {row["attributes"] for row in found} == {"m-n=W,vel=6", "-"}
    assert len({row["seed"] for row in found}) == 4


def test_names_are_safe(toy: str, tmp_path: Path) -> None:
    place = ["--machine", "../x y", "--section", "a/b", "--attributes", "n%2Fm=1%2C5"]
    options = ["--seconds", "0.1", "--count", "1", "--store", tmp_path / "store"]
    done = call("generate", toy, *place, *options, "--out", tmp_path / "deep/clips")
    assert done.returncode == 0, done.stderr
    (row,) = rows(tmp_path / "deep/clips")
    assert row["path"] == "-x-y/section_a-b_anomaly_0000_n-m_1-5.wav"
    assert row["machine"] == "../x y"
    (clip,) = Manifest(ManifestParams(file=tmp_path / "deep/clips/manifest.csv")).clips()
    assert clip.condition == Condition("../x y", "a/b", None, (("n/m", "1,5"),))


def test_generators_that_need_clips(toy_suite: Path, toy: str, tmp_path: Path) -> None:
    options = ["--seconds", "0.5", "--count", "2", "--store", tmp_path / "store"]
    needy = toy.replace(":Toy", ":Needy")
    for name in (needy, "perturb"):
        bare = call("generate", name, "--machine", "fan", *options, "--out", tmp_path / "bare")
        assert bare.returncode == 2
        assert "--suite SUITE, or --data DATASET" in bare.stderr
        given = ["--suite", toy_suite, "--out", tmp_path / f"of-{name[-5:]}"]
        fed = call("generate", name, "--machine", "fan", *options, *given)
        assert fed.returncode == 0, fed.stderr
        assert "learning from 10 clips (4 normal, 6 anomalous)" in fed.stderr
    assert len(rows(tmp_path / "of-rturb")) == 2
    unknown = ["--machine", "valve", "--suite", toy_suite, "--out", tmp_path / "unknown"]
    done = call("generate", "perturb", *unknown, *options)
    assert done.returncode == 2
    assert "no clips of valve to learn from" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], "one of --machine and --conditions"),
        (["--machine", "rocket"], "refuses rocket/00/-/-: unknown machine"),
        (["--machine", "fan", "--label", "odd"], "unknown label 'odd'"),
        (["--machine", "fan", "--domain", "moon"], "unknown domain 'moon'"),
        (["--machine", "fan", "--attributes", "vel"], "'vel' is no attribute"),
        (["--machine", "fan", "--conditions", "x.yaml"], "one of --machine and --conditions"),
        (["--conditions", "absent.yaml"], "no conditions file absent.yaml"),
        (["--conditions", "WRONG"], "wrong.yaml:1: unknown key 'sektion'. Did you mean 'section'?"),
        (["--conditions", "WRONG"], "wrong.yaml:2: label: expected one of 'normal', 'anomaly'"),
        (["--machine", "fan", "--set", "pauze=1"], "Did you mean 'pause'?"),
        (["--machine", "fan", "--device", "cuda:99"], "device 'cuda:99' is not there"),
    ],
)
def test_generation_mistakes(arguments: list[str], expected: str, toy: str, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text('- {machine: fan, sektion: "00"}\n- {machine: fan, label: odd}\n')
    named = [str(wrong) if argument == "WRONG" else argument for argument in arguments]
    done = call("generate", toy, *named, "--out", tmp_path / "out", "--store", tmp_path / "s")
    assert done.returncode == 2
    assert expected in " ".join(done.stderr.split())
    assert not list((tmp_path).rglob("*.wav"))
