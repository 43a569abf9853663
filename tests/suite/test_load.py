from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from asdbench.suite import foreign_code, load_suite

Mistakes = Callable[..., list[str]]


def test_defaults_are_filled_in_and_plugins_are_ready(suite_file: Path) -> None:
    loaded = load_suite("my.yaml")
    assert loaded.source == suite_file
    assert loaded.folder == suite_file.parent
    assert loaded.name_for_people == "my.yaml"
    assert loaded.text == suite_file.read_text()
    assert loaded.dataset.params.file == suite_file.parent / "clips.csv"
    assert loaded.dataset.stated["file"] == "clips.csv"
    assert [plugin.id for plugin in loaded.generators] == ["altered"]
    assert loaded.generators[0].cls.info.id == "perturb"
    assert loaded.suite.detectors[1].params["score"] == "mse"
    assert foreign_code(loaded) == []


def test_the_suite_s_own_folder_holds_what_it_names(suite_file: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    os.chdir(elsewhere)
    assert load_suite("../my.yaml").dataset.params.file == tmp_path / "clips.csv"


def test_a_path_from_the_command_line_is_relative_to_the_caller(
    suite_file: Path, tmp_path: Path
) -> None:
    (tmp_path / "elsewhere").mkdir()
    os.chdir(tmp_path / "elsewhere")
    loaded = load_suite("../my.yaml", ["dataset.file=other.csv"])
    assert loaded.dataset.params.file == tmp_path / "elsewhere" / "other.csv"


def test_variables_are_expanded_and_stay_out_of_the_digest(
    suite_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    suite_file.write_text(suite_file.read_text().replace("clips.csv", "${ASDBENCH_DATA}/clips.csv"))
    digests = set()
    for folder in ("/data", "/mnt/other"):
        monkeypatch.setenv("ASDBENCH_DATA", folder)
        loaded = load_suite("my.yaml")
        assert loaded.dataset.params.file == Path(folder) / "clips.csv"
        digests.add(loaded.digest)
        assert folder not in loaded.suite.model_dump_json()
    monkeypatch.delenv("ASDBENCH_DATA")
    loaded = load_suite("my.yaml", ["dataset.file=/third/clips.csv"])
    digests.add(loaded.digest)
    assert len(digests) == 1
    assert loaded.dataset.params.file == Path("/third/clips.csv")
    assert loaded.overrides == ("--set dataset.file=/third/clips.csv",)
    assert loaded.portable_overrides == ()
    assert "third" not in loaded.suite.model_dump_json()


def test_a_variable_may_have_a_default(suite_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    suite_file.write_text(suite_file.read_text().replace("clips.csv", "${CLIPS:-a/b}.csv"))
    monkeypatch.delenv("CLIPS", raising=False)
    assert load_suite("my.yaml").dataset.params.file == Path("a/b.csv").resolve()
    monkeypatch.setenv("CLIPS", "/c")
    assert load_suite("my.yaml").dataset.params.file == Path("/c.csv")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "${ASDBENCH_DATA}/x.csv",
            "my.yaml:5: the environment variable ASDBENCH_DATA is not set (in "
            "'${ASDBENCH_DATA}/x.csv'). Set it to the folder that holds your data sets: export "
            "ASDBENCH_DATA=/path/to/data; or give the value itself: --set dataset.file=...",
        ),
        (
            "${NO_SUCH_VARIABLE}",
            "my.yaml:5: the environment variable NO_SUCH_VARIABLE is not set (in "
            "'${NO_SUCH_VARIABLE}'). Set it to its value: export NO_SUCH_VARIABLE=VALUE; or give "
            "the value itself: --set dataset.file=...",
        ),
        ("${NO SUCH}", "my.yaml:5: '${NO SUCH}' is not a variable. Write ${NAME} or *"),
    ],
)
def test_a_variable_that_is_not_set(mistakes: Mistakes, text: str, expected: str) -> None:
    found = mistakes(replace=("clips.csv", text))
    assert len(found) == 1
    assert found[0].startswith(expected.removesuffix("*"))


def test_the_digest_is_of_the_meaning(suite_file: Path) -> None:
    digest = load_suite("my.yaml").digest
    text = suite_file.read_text()
    suite_file.write_text("# a comment\n" + text.replace("use: dcase-ae}", 'use: "dcase-ae" }'))
    assert load_suite("my.yaml").digest == digest
    suite_file.write_text(text + "seeds: {detector_repeats: 1}  # the default\n")
    assert load_suite("my.yaml").digest == digest


@pytest.mark.parametrize(
    "override",
    [
        "seeds.master=1",
        "detectors.ae-mse.params.epochs=3",
        "split.by=condition",
        "grids.faults.multiplier=2",
        "dataset.machines=[fan]",
    ],
)
def test_what_can_change_a_number_changes_the_digest(suite_file: Path, override: str) -> None:
    assert load_suite("my.yaml", [override]).digest != load_suite("my.yaml").digest


def test_only_changes_the_digest(suite_file: Path) -> None:
    whole = load_suite("my.yaml").digest
    part = load_suite("my.yaml", only=["machine=fan"]).digest
    assert part != whole
    assert load_suite("my.yaml", ["dataset.machines=[fan]"]).digest == part


def test_the_digest_is_the_same_in_another_folder_and_process(
    suite_file: Path, tmp_path: Path
) -> None:
    digest = load_suite("my.yaml").digest
    copy = tmp_path / "copy" / "your.yaml"
    copy.parent.mkdir()
    copy.write_text(suite_file.read_text())
    code = (
        "import sys; from asdbench.suite import load_suite; print(load_suite(sys.argv[1]).digest)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(copy)], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == digest


DETECTOR = """\
from pathlib import Path
from asdbench.api import Detector, DetectorInfo, Params, detector

class Inner(Params):
    weights: tuple[Path, ...] = ()

class P(Params):
    inner: Inner = Inner()
    rate: float = 0.1

@detector("mine")
class Mine(Detector):
    info = DetectorInfo(id="mine", version="1", params=P)
    def fit(self, train, context): ...
    def score(self, clips, context): ...
    def save(self, folder): ...
    @classmethod
    def load(cls, folder, params, context): ...
"""


def test_plugins_in_files_load_again_in_another_process(suite_file: Path, tmp_path: Path) -> None:
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "mine.py").write_text(DETECTOR)
    extra = (
        "  - {id: named, use: mine, params: {inner: {weights: [w/a.bin, /b.bin]}, rate: 1}}\n"
        "  - {id: filed, use: ./code/mine.py:Mine}\n"
        "plugins: [code/mine.py]\n"
    )
    suite_file.write_text(suite_file.read_text() + extra)

    loaded = load_suite("my.yaml")

    named = loaded.detectors[2]
    assert named.params.inner.weights == (tmp_path / "w/a.bin", Path("/b.bin"))
    assert named.stated == {"inner": {"weights": ["w/a.bin", "/b.bin"]}, "rate": 1.0}
    assert json.loads(json.dumps(named.use.values)) == named.use.values
    assert foreign_code(loaded) == [f"{tmp_path}/code/mine.py, Mine"]
    assert str(tmp_path) not in loaded.suite.model_dump_json()
    code = (
        "import pickle, sys\n"
        "for use in pickle.load(sys.stdin.buffer):\n"
        "    cls, params = use.load()\n"
        "    print(cls.info.id, [str(p) for p in params.inner.weights])\n"
    )
    uses = [plugin.use for plugin in loaded.detectors[2:]]
    done = subprocess.run(
        [sys.executable, "-c", code], input=pickle.dumps(uses), capture_output=True, check=True
    )
    assert done.stdout.decode().splitlines() == [
        f"mine ['{tmp_path}/w/a.bin', '/b.bin']",
        "mine []",
    ]


def test_the_identity_of_parameters_holds_the_content_of_files(
    suite_file: Path, tmp_path: Path
) -> None:
    (tmp_path / "mine.py").write_text(DETECTOR)
    entry = "  - {id: m, use: ./mine.py:Mine, params: {inner: {weights: [w.bin, folder]}}}\n"
    suite_file.write_text(suite_file.read_text() + entry)
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "a").write_text("a")
    (tmp_path / "w.bin").write_bytes(b"one")

    def identity() -> dict[str, object]:
        return load_suite("my.yaml").detectors[2].identity

    first = identity()
    assert str(tmp_path) not in json.dumps(first)
    assert identity() == first
    (tmp_path / "w.bin").write_bytes(b"two")
    second = identity()
    assert second != first
    (tmp_path / "folder" / "a").rename(tmp_path / "folder" / "b")
    assert identity() not in (first, second)


def test_an_unused_plugin_file_is_foreign_code_too(suite_file: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(DETECTOR)
    suite_file.write_text(suite_file.read_text() + "plugins: [mine.py]\n")
    assert foreign_code(load_suite("my.yaml")) == [str(tmp_path / "mine.py")]
