"""Simulated clips on disk: bytes, resumption, attribute files."""

from __future__ import annotations

import csv
import hashlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

from asdbench.api import Context
from asdbench.datasets.dcase import DCASE, DCASEParams
from asdbench.datasets.simulated import Simulated, SimulatedParams
from asdbench.datasets.simulated.mix import render
from asdbench.datasets.simulated.plan import SECTIONS
from asdbench.datasets.simulated.spec import section_specs
from asdbench.datasets.simulated.write import simulate_to
from asdbench.errors import DataError


def digests(root: Path) -> dict[str, str]:
    return {
        path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(root.rglob("*.*"))
        if path.suffix in (".wav", ".csv")
    }


def simulate(root: Path, **changes: object) -> dict[str, int]:
    options: dict[str, object] = {
        "machines": ("fan",),
        "sections": ("00",),
        "train": 3,
        "test": 1,
        "seconds": 1.0,
    }
    return simulate_to(root, **(options | changes))  # type: ignore[arg-type]


def test_any_subset_in_any_order_by_any_number_of_processes_is_the_same(tmp_path: Path) -> None:
    both = {"machines": ("fan", "valve"), "sections": ("00", "02")}
    simulate(tmp_path / "whole", **both)
    whole = digests(tmp_path / "whole")
    assert len(whole) == 4 * (3 + 1 + 4) + 4

    simulate(tmp_path / "parallel", workers=2, **both)
    assert digests(tmp_path / "parallel") == whole

    simulate(tmp_path / "pieces", machines=("valve",), sections=("02",), train=1)
    simulate(tmp_path / "pieces", machines=("valve", "fan"), sections=("02", "00"))
    pieces = digests(tmp_path / "pieces")
    assert {name: digest for name, digest in whole.items() if name in pieces} == pieces


def test_another_seed_gives_other_audio_under_the_same_names(tmp_path: Path) -> None:
    simulate(tmp_path / "zero")
    simulate(tmp_path / "one", seed=1)
    zero, one = digests(tmp_path / "zero"), digests(tmp_path / "one")
    assert zero.keys() == one.keys()
    assert all(zero[name] != one[name] for name in zero if name.endswith(".wav"))


def test_format_and_rounding(tmp_path: Path) -> None:
    simulate(tmp_path, seconds=10.0, train=1, machines=("gearbox",))
    spec = section_specs("gearbox", "00", 1, 1, 0)[0]
    info = sf.info(tmp_path / spec.file)
    assert (info.samplerate, info.channels, info.subtype) == (16_000, 1, "PCM_16")
    assert info.frames == 160_000
    audio, _ = sf.read(tmp_path / spec.file, dtype="float32")
    assert np.max(np.abs(audio - render(spec))) <= 1 / 32768


def test_a_broken_run_is_continued(tmp_path: Path) -> None:
    assert simulate(tmp_path) == {"written": 8, "kept": 0}
    before = digests(tmp_path)
    clips = sorted(tmp_path.rglob("*.wav"))
    clips[0].write_bytes(clips[0].read_bytes()[:1000])
    clips[1].unlink()
    (clips[1].parent / f".{clips[1].name}.99999.part").write_bytes(b"left by a killed process")
    assert simulate(tmp_path) == {"written": 2, "kept": 6}
    assert digests(tmp_path) == before
    assert simulate(tmp_path, train=4) == {"written": 1, "kept": 8}


def test_an_interrupt_leaves_whole_files_only(tmp_path: Path) -> None:
    def interrupt(done: int, total: int, what: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        simulate(tmp_path, train=60, progress=interrupt)
    clips = list(tmp_path.rglob("*.wav"))
    assert 0 < len(clips) < 64
    assert all(sf.info(clip).frames == 16_000 for clip in clips)
    assert not list(tmp_path.rglob("*.part"))
    counts = simulate(tmp_path, train=60)
    assert counts == {"written": 65 - len(clips), "kept": len(clips)}


@pytest.mark.slow
def test_ctrl_c_with_several_processes_leaves_whole_files_only(tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path\n"
        "from asdbench.datasets.simulated.write import simulate_to\n"
        "if __name__ == '__main__':\n"
        "    simulate_to(Path(sys.argv[1]), ('fan',), ('02',), 2000, 1, workers=2, seconds=1.0)\n"
    )
    (tmp_path / "run.py").write_text(script)
    command = [sys.executable, str(tmp_path / "run.py"), str(tmp_path / "data")]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, start_new_session=True)
    deadline = time.monotonic() + 60
    while len(list((tmp_path / "data").rglob("*.wav"))) < 20 and time.monotonic() < deadline:
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: parent and workers
    _, stderr = process.communicate(timeout=60)
    assert process.returncode != 0
    assert b"KeyboardInterrupt" in stderr
    clips = list((tmp_path / "data").rglob("*.wav"))
    assert 20 <= len(clips) < 2000
    assert all(sf.info(clip).frames == 16_000 for clip in clips)
    assert not list(tmp_path.rglob("*.part"))


def test_progress_counts_to_the_end(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    simulate(tmp_path, train=40, progress=lambda done, total, what: seen.append((done, total)))
    assert seen[-1] == (45, 45)
    assert seen == sorted(seen)


def test_another_simulation_is_not_mixed_in(tmp_path: Path) -> None:
    simulate(tmp_path)
    with pytest.raises(DataError, match="another simulation"):
        simulate(tmp_path, seed=5)


def test_real_clips_are_not_mixed_in(tmp_path: Path) -> None:
    (tmp_path / "fan" / "train").mkdir(parents=True)
    with pytest.raises(DataError, match="not simulated here"):
        simulate(tmp_path)


def test_unknown_section(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no section '07' of machine 'fan'"):
        simulate(tmp_path, sections=("07",))
    assert not list(tmp_path.iterdir())


def test_attribute_files(tmp_path: Path) -> None:
    simulate(tmp_path, machines=("bearing", "valve"), sections=("01", "02"), train=4)
    with open(tmp_path / "bearing" / "attributes_01.csv", newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["file_name", "d1p", "d1v", "d2p", "d2v"]
    specs = section_specs("bearing", "01", 4, 1, 0)
    assert [row[0] for row in rows[1:]] == [spec.file for spec in specs]
    for row, spec in zip(rows[1:], specs, strict=True):
        assert tuple(zip(row[1::2], row[2::2], strict=True)) == spec.setting
    with open(tmp_path / "valve" / "attributes_02.csv", newline="") as file:
        valves = list(csv.DictReader(file))
    one_valve = [row for row in valves if "_source_" in row["file_name"]]
    assert all(row["d2p"] == row["d2v"] == "" for row in one_valve)
    two_valves = [row for row in valves if "_target_" in row["file_name"]]
    assert all((row["d1p"], row["d2p"]) == ("v1pat", "v2pat") for row in two_valves)


def test_the_folder_reads_as_dcase_2022(tmp_path: Path) -> None:
    params = SimulatedParams(train=3, test=1, duration=1.0)
    simulate(tmp_path, machines=("bearing", "valve"), sections=("00", "01", "02"))
    read = DCASE(DCASEParams(root=tmp_path, year=2022)).clips()
    ours = [c for c in Simulated(params).clips() if c.machine in ("bearing", "valve")]
    assert [(c.condition, c.split, c.label) for c in read] == [
        (c.condition, c.split, c.label) for c in ours
    ]


def test_a_part_built_into_a_store_equals_the_folder(tmp_path: Path) -> None:
    simulate(tmp_path / "folder", machines=("slider",), sections=("01",))
    params = SimulatedParams(train=3, test=1, duration=1.0)
    data = Simulated(params)
    seen: list[tuple[int, int]] = []
    context = Context(
        seed=123, scratch=tmp_path, progress=lambda done, total, what: seen.append((done, total))
    )
    (tmp_path / "part").mkdir()
    data.build("slider/01", tmp_path / "part", context)
    assert digests(tmp_path / "part") == digests(tmp_path / "folder")
    assert seen[-1] == (8, 8)
    assert all(
        (tmp_path / "part" / clip.path).is_file()
        for clip in data.clips()
        if clip.part == "slider/01"
    )


def test_every_section_renders() -> None:
    for machine, section in SECTIONS:
        for spec in section_specs(machine, section, 1, 1, 0):
            audio = render(spec, 1.0)
            assert audio.dtype == np.float32
            assert audio.shape == (16_000,)
            assert np.isfinite(audio).all()
            assert np.abs(audio).max() < 0.99
            assert audio.std() > 3e-4
