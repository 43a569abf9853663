from __future__ import annotations

import os
import pickle
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from asdbench import api
from asdbench.errors import PluginError
from asdbench.registry import (
    PluginSpec,
    clashes,
    describe_plugin,
    find,
    find_anywhere,
    inspect_file,
    load,
    plugins,
    register_file,
)

Write = Callable[[str, str], Path]
Source = Callable[..., str]


def test_the_built_in_plugins_are_entry_points_like_any_other() -> None:
    refs = {(ref.kind, ref.id): ref for kind in ("detectors", "generators", "datasets")
            for ref in plugins(kind)}  # fmt: skip
    assert {("detectors", "dcase-ae"), ("generators", "perturb"), ("datasets", "manifest")} <= set(
        refs
    )
    assert all(ref.builtin for ref in refs.values() if ref.origin.startswith("asdbench "))


def test_listing_imports_no_plugin_and_no_torch() -> None:
    code = (
        "import sys\nfrom asdbench.registry import KINDS, plugins\n"
        "assert [ref for kind in KINDS for ref in plugins(kind)]\n"
        "bad = [m for m in sys.modules if m.startswith(('torch', 'asdbench.detectors', "
        "'asdbench.generators', 'asdbench.datasets'))]\nassert not bad, bad\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_an_entry_point_is_found_and_loaded(
    detector_source: Source, distribution: Callable[..., Path]
) -> None:
    source = detector_source("theirs", decorated=False)
    distribution("their-dist", "their_module_a", source, {"theirs": "their_module_a:My"})

    ref = find("detectors", "theirs")

    assert ref.origin == "their-dist 1.5, their_module_a:My"
    assert not ref.builtin
    assert "their_module_a" not in sys.modules
    assert ref.load().info.id == "theirs"


def test_an_entry_point_whose_class_is_also_decorated_does_not_clash_with_itself(
    detector_source: Source, distribution: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(api.DECORATED, "detectors", {})
    distribution("d", "their_module_b", detector_source("twice"), {"twice": "their_module_b:My"})
    first = load("detectors", "twice")
    assert load("detectors", "twice") is first


def test_a_broken_plugin_breaks_only_itself(distribution: Callable[..., Path]) -> None:
    source = "raise RuntimeError('no license key')"
    distribution("broken-dist", "broken_module", source, {"broken": "broken_module:My"})

    assert "broken" in [ref.id for ref in plugins("detectors")]
    assert load("generators", "perturb").info.id == "perturb"
    with pytest.raises(PluginError) as caught:
        load("detectors", "broken")
    assert "broken-dist 1.5" in str(caught.value)
    assert "RuntimeError: no license key" in str(caught.value)
    assert isinstance(caught.value.__cause__, RuntimeError)


def test_a_plugin_that_exits_or_lacks_its_class_is_broken_too(
    distribution: Callable[..., Path],
) -> None:
    distribution("e", "exits_module", "raise SystemExit(0)", {"exits": "exits_module:My"})
    distribution("n", "lacks_module", "", {"lacks": "lacks_module:My"})
    with pytest.raises(PluginError, match="SystemExit"):
        load("detectors", "exits")
    with pytest.raises(PluginError, match=r"AttributeError.*My"):
        load("detectors", "lacks")


def test_two_entry_points_of_one_name_clash(distribution: Callable[..., Path]) -> None:
    distribution("one", "clash_one", "", {"same": "clash_one:My"})
    distribution("two", "clash_two", "", {"same": "clash_two:My", "other": "clash_two:Other"})
    with pytest.raises(PluginError) as caught:
        find("detectors", "same")
    assert "one 1.5, clash_one:My" in str(caught.value)
    assert "two 1.5, clash_two:My" in str(caught.value)
    assert find("detectors", "other").id == "other"
    assert len(clashes(plugins("detectors"))) == 1


def test_an_entry_point_and_a_decorator_clash(detector_source: Source, write: Write) -> None:
    path = write("mine.py", detector_source("dcase-ae"))
    with pytest.raises(PluginError) as caught:
        register_file(path)
    assert str(path) in str(caught.value)
    assert "asdbench.detectors.dcase_ae" in str(caught.value)
    assert load("generators", "perturb")
    assert find("detectors", "dcase-ae").builtin, "a refused file must leave no trace"


def test_two_files_of_one_name_clash(detector_source: Source, write: Write) -> None:
    first = write("a/mine.py", detector_source("mine"))
    second = write("b/mine.py", detector_source("mine"))
    register_file(first)
    with pytest.raises(PluginError) as caught:
        register_file(second)
    assert str(first) in str(caught.value)
    assert str(second) in str(caught.value)


def test_one_file_that_decorates_two_classes_alike_is_refused(
    detector_source: Source, write: Write
) -> None:
    source = detector_source("mine", "A") + detector_source("mine", "B")
    with pytest.raises(PluginError, match="defined twice"):
        register_file(write("mine.py", source))


def test_a_registered_file_is_known_by_name(detector_source: Source, write: Write) -> None:
    path = write("mine.py", detector_source("mine"))
    assert [ref.id for ref in register_file(path)] == ["mine"]
    register_file(path)  # again: no clash with itself
    cls = load("detectors", "mine")
    assert cls is load("detectors", "mine")
    assert "mine" not in api.DECORATED["detectors"]


def test_a_file_that_registers_nothing_is_refused(detector_source: Source, write: Write) -> None:
    with pytest.raises(PluginError, match="registers nothing"):
        register_file(write("mine.py", detector_source("mine", decorated=False)))


def test_files_of_one_suite_are_unknown_to_another(detector_source: Source, write: Write) -> None:
    path = write("mine.py", detector_source("mine"))
    inspect_file(path)
    assert find("detectors", "mine", files=[path]).origin == f"{path}, My"
    with pytest.raises(PluginError, match="unknown detector 'mine'"):
        find("detectors", "mine")


def test_a_class_in_a_file_is_imported_once_and_anew_when_the_file_changes(
    detector_source: Source, write: Write, tmp_path: Path
) -> None:
    path = write("mine.py", "COUNT = 1\n" + detector_source("mine", decorated=False))
    before = path.stat()
    first = load("detectors", "./mine.py:My", tmp_path)
    assert load("detectors", "mine.py:My", tmp_path) is first
    path.write_text(path.read_text().replace("COUNT = 1", "COUNT = 2"))
    os.utime(path, (before.st_atime, before.st_mtime))
    second = load("detectors", "./mine.py:My", tmp_path)
    assert sys.modules[second.__module__].COUNT == 2
    assert sys.modules[first.__module__].COUNT == 1


def test_a_file_is_compiled_as_it_would_be_by_itself(
    detector_source: Source, write: Write, tmp_path: Path
) -> None:
    write("mine.py", "X: 1 + 1 = 0\n" + detector_source("mine", decorated=False))
    module = sys.modules[load("detectors", "./mine.py:My", tmp_path).__module__]
    assert module.__annotations__["X"] == 2  # the importer's __future__ imports are its own


@pytest.mark.parametrize(
    ("use", "message"),
    [
        ("./gone.py:My", "gone.py cannot be read: No such file"),
        ("./mine.py:NOinfo", "has no class 'NOinfo'. Did you mean 'NoInfo'?"),
        ("./mine.py", "Write ./file.py:Class"),
        ("../mine", "Write ./file.py:Class"),
        ("./mine.py:MyParams", "is not a subclass of asdbench.api.Detector"),
        ("./mine.py:NoInfo", "has no 'info' of type asdbench.api.DetectorInfo"),
        ("./mine.py:NoScore", "lacks the methods: score"),
        ("./wrong.py:My", "SyntaxError: .* \\(line 1\\)"),
        ("./alone.py:My", "Put its folder on PYTHONPATH to use mine.py"),
        ("./needs.py:My", "Install the package that provides 'no_such_package'"),
    ],
)
def test_what_is_wrong_with_a_class_in_a_file(
    detector_source: Source, write: Write, tmp_path: Path, use: str, message: str
) -> None:
    source = detector_source("mine", decorated=False)
    lacking = source.replace("class My(", "class NoScore(").replace(
        "    def score(self, clips, context): ...\n", ""
    )
    no_info = source.replace("class My(", "class NoInfo(").replace("    info = ", "    inf = ")
    write("mine.py", source + lacking + no_info)
    write("wrong.py", "def (:\n")
    write("alone.py", "import mine\n")
    write("needs.py", "import no_such_package\n")
    with pytest.raises(PluginError) as caught:
        load("detectors", use, tmp_path)
    assert re.search(message.replace("?", "\\?"), str(caught.value)), str(caught.value)


def test_a_registered_name_must_agree_with_the_info(detector_source: Source, write: Write) -> None:
    source = detector_source("mine").replace('id="mine"', 'id="other"')
    register_file(write("mine.py", source))
    with pytest.raises(PluginError, match="calls itself 'other'"):
        load("detectors", "mine")


def test_an_unknown_name_says_the_nearest_and_all() -> None:
    with pytest.raises(PluginError) as caught:
        load("detectors", "DCASE_AE")
    assert "unknown detector 'DCASE_AE'. Did you mean 'dcase-ae'?" in str(caught.value)
    assert "Run 'asdbench plugins list'." in str(caught.value)
    with pytest.raises(PluginError, match=r"unknown plug-in 'purturb'\. Did you mean 'perturb'"):
        find_anywhere("purturb")


def test_find_anywhere_finds_out_the_kind(detector_source: Source, write: Write) -> None:
    assert [ref.kind for ref in find_anywhere("perturb")] == ["generators"]
    path = write("mine.py", detector_source("mine", decorated=False))
    assert [ref.kind for ref in find_anywhere(f"{path}:My")] == ["detectors"]


def test_a_description_has_every_parameter(detector_source: Source, write: Write) -> None:
    register_file(write("mine.py", detector_source("mine")))
    described = describe_plugin(find("detectors", "mine"))
    assert (described.id, described.version, described.kind) == ("mine", "1", "detectors")
    [parameter] = described.parameters
    assert (parameter.name, parameter.type, parameter.default) == ("k", "a whole number", "1")


def test_a_spec_loads_in_a_fresh_process(
    detector_source: Source, write: Write, tmp_path: Path
) -> None:
    path = write("mine.py", detector_source("mine"))
    register_file(path)
    write("sub/file.py", detector_source("in-file", "InFile", decorated=False))
    specs = [
        PluginSpec.of("detectors", "mine", tmp_path),
        PluginSpec.of("detectors", "./sub/file.py:InFile", tmp_path),
        PluginSpec.of("detectors", "dcase-ae", tmp_path),
    ]
    code = (
        "import pickle, sys\n"
        "specs = pickle.load(sys.stdin.buffer)\n"
        "assert [s.load().info.id for s in specs] == ['mine', 'in-file', 'dcase-ae']\n"
        "assert specs[0].load() is specs[0].load()\n"
    )
    subprocess.run([sys.executable, "-c", code], input=pickle.dumps(specs), check=True, cwd=os.sep)
