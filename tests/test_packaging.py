from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = {
    "asdbench": "asdbench",
    "detectors": "asdbench/detectors",
    "generators": "asdbench/generators",
    "suites": "asdbench/suites",
}

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not (ROOT / "pyproject.toml").exists(), reason="needs the checkout to build a wheel from"
    ),
]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build from a copy, as building writes into the source folder."""
    source = tmp_path_factory.mktemp("source")
    for name in (*FOLDERS, "pyproject.toml", "README.md", "LICENSE"):
        path = ROOT / name
        ignore = shutil.ignore_patterns("__pycache__")
        if path.is_dir():
            shutil.copytree(path, source / name, ignore=ignore)
        else:
            shutil.copy(path, source / name)
    out = tmp_path_factory.mktemp("wheel")
    options = ["--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", str(out)]
    done = subprocess.run(
        [sys.executable, "-m", "pip", "wheel", *options, str(source)],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return next(out.glob("*.whl"))


@pytest.fixture(scope="module")
def site(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder into which the wheel is installed; on PYTHONPATH it hides the checkout."""
    folder = tmp_path_factory.mktemp("site")
    options = ["--quiet", "--no-deps", "--target", str(folder)]
    subprocess.run([sys.executable, "-m", "pip", "install", *options, str(wheel)], check=True)
    return folder


def test_wheel_holds_every_module_and_suite(wheel: Path):
    packed = set(zipfile.ZipFile(wheel).namelist())
    for folder, inside in FOLDERS.items():
        for path in (ROOT / folder).rglob("*"):
            if path.suffix in {".py", ".yaml"} or path.name == "py.typed":
                assert f"{inside}/{path.relative_to(ROOT / folder).as_posix()}" in packed
    assert any(name.endswith("licenses/LICENSE") for name in packed)
    assert not any(name.startswith(("tests/", "detectors/", "generators/")) for name in packed)


@pytest.mark.timeout(1500)
def test_the_tests_pass_against_the_wheel(site: Path, tmp_path: Path):
    """All quick tests, copied away from the checkout."""
    shutil.copytree(
        ROOT / "tests", tmp_path / "tests", ignore=shutil.ignore_patterns("__pycache__")
    )
    # The settings of pytest alone, in a folder of their own: not a checkout.
    text = (ROOT / "pyproject.toml").read_text()
    section = text[text.index("[tool.pytest.ini_options]") :]
    settings = tmp_path / "settings" / "pyproject.toml"
    settings.parent.mkdir()
    settings.write_text(section[: section.index("\n[tool.", 1)])
    environment = {
        **os.environ,
        "PYTHONPATH": str(site),
        "ASDBENCH_SHARED": str(tmp_path / "absent"),
    }
    where = subprocess.run(
        [sys.executable, "-c", "import asdbench; print(asdbench.__file__)"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert Path(where.stdout.strip()).is_relative_to(site)
    options = ["-m", "not slow", "-p", "no:cacheprovider", "--rootdir", ".", "-c", str(settings)]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, "tests"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-5000:]
    assert " passed" in done.stdout
