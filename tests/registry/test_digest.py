from __future__ import annotations

import importlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from asdbench.errors import PluginError
from asdbench.registry import code_digest, load, source_digest

Source = Callable[..., str]


@pytest.fixture
def import_from(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Path], str]]:
    """Return the digest of package ``digested`` in a folder, imported afresh."""

    def forget() -> None:
        for name in [name for name in sys.modules if name.partition(".")[0] == "digested"]:
            del sys.modules[name]
        importlib.invalidate_caches()

    def digest(folder: Path) -> str:
        forget()
        with monkeypatch.context() as patch:
            patch.syspath_prepend(folder)
            value = source_digest("digested.plug")
            forget()
        return value

    yield digest
    forget()


@pytest.fixture
def package(tmp_path: Path) -> Path:
    folder = tmp_path / "here" / "digested"
    (folder / "deep").mkdir(parents=True)
    (folder / "__init__.py").write_text("")
    (folder / "deep" / "__init__.py").write_text("")
    (folder / "plug.py").write_text("from digested.helper import f\n")
    (folder / "helper.py").write_text("def f():\n    from .deep import inner\n")
    (folder / "deep" / "inner.py").write_text("X = 1\n")
    (folder / "unrelated.py").write_text("Y = 1\n")
    return folder


def test_the_digest_does_not_depend_on_the_folder_or_line_endings(
    package: Path, tmp_path: Path, import_from: Callable[[Path], str]
) -> None:
    shutil.copytree(package, tmp_path / "there" / "digested")
    before = import_from(package.parent)
    assert import_from(tmp_path / "there") == before
    (package / "plug.py").write_bytes(b"\xef\xbb\xbffrom digested.helper import f\r\n")
    assert import_from(package.parent) == before


@pytest.mark.parametrize("name", ["plug.py", "helper.py", "deep/inner.py", "deep/__init__.py"])
def test_any_module_it_uses_changes_the_digest(
    package: Path, name: str, import_from: Callable[[Path], str]
) -> None:
    before = import_from(package.parent)
    with (package / name).open("a") as file:
        file.write("Z = 1\n")
    assert import_from(package.parent) != before


def test_a_module_it_does_not_use_changes_nothing(
    package: Path, import_from: Callable[[Path], str]
) -> None:
    before = import_from(package.parent)
    (package / "unrelated.py").write_text("Y = 2\n")
    assert import_from(package.parent) == before


def test_a_file_is_digested_with_what_it_imports_from_beside_it(
    tmp_path: Path, detector_source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    digests = {}
    for name, value in (("a", 1), ("b", 2), ("c", 1)):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "beside_it.py").write_text(f"A = {value}\n")
        source = "import beside_it\n" + detector_source("mine", decorated=False)
        (folder / "mine.py").write_text(source)
        with monkeypatch.context() as patch:
            patch.syspath_prepend(folder)
            digests[name] = code_digest(load("detectors", "./mine.py:My", folder))
    assert digests["a"] == digests["c"] != digests["b"]


def test_a_file_has_the_same_digest_in_every_folder(
    tmp_path: Path, detector_source: Source
) -> None:
    digests = set()
    for name in ("a", "b"):
        folder = tmp_path / name
        folder.mkdir()
        (folder / f"{name}.py").write_text(detector_source("mine", decorated=False))
        digests.add(code_digest(load("detectors", f"./{name}.py:My", folder)))
    assert len(digests) == 1


def test_built_in_plugins_are_digested_with_their_private_modules_and_features(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cls = load("detectors", "dcase-ae")
    seen: list[str] = []
    from asdbench.registry import digest

    original = digest._normalized

    def spy(path: Path) -> bytes:
        seen.append("/".join(path.parts[-2:]))
        return original(path)

    monkeypatch.setattr(digest, "_normalized", spy)
    assert source_digest(cls.__module__) == code_digest(cls)
    assert {"asdbench/features.py", "detectors/_ae_network.py"} <= set(seen)
    assert not {"asdbench/api.py", "asdbench/errors.py", "asdbench/__init__.py"} & set(seen)


def test_a_class_without_source_is_refused() -> None:
    cls = type("Homeless", (), {"__module__": "no_such_module_at_all"})
    with pytest.raises(PluginError, match="define it in a file"):
        code_digest(cls)


def test_a_package_on_the_path_is_part_of_the_digest(tmp_path):
    """What lies on PYTHONPATH changes without a version: it counts as the plug-in's own code."""
    package = tmp_path / "lib" / "myhelpers"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "sign.py").write_text("SIGN = 1\n")
    plugin = tmp_path / "plug" / "p.py"
    plugin.parent.mkdir()
    plugin.write_text("from myhelpers.sign import SIGN\nimport numpy\n\n\nclass P:\n    pass\n")
    code = (
        "import sys, importlib.util\n"
        f"spec = importlib.util.spec_from_file_location('p_plugin', {str(plugin)!r})\n"
        "m = importlib.util.module_from_spec(spec); sys.modules['p_plugin'] = m\n"
        "spec.loader.exec_module(m)\n"
        "from asdbench.registry import code_digest\n"
        "print(code_digest(m.P))\n"
    )

    def digest() -> str:
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(tmp_path / "lib"), *inherited]),
        }
        done = subprocess.run(
            [sys.executable, "-c", code],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.strip()

    inherited = [p for p in os.environ.get("PYTHONPATH", "").split(os.pathsep) if p]
    first = digest()
    assert first == digest()
    (package / "sign.py").write_text("SIGN = -1\n")
    assert digest() != first
