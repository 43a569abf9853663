"""Plug-ins that tests write to disk."""

from __future__ import annotations

import importlib
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

DETECTOR = """
from asdbench.api import Detector, DetectorInfo, Params, detector

class MyParams(Params):
    k: int = 1

{decorator}
class {name}(Detector):
    info = DetectorInfo(id="{id}", version="1", params=MyParams)
    def fit(self, train, context): ...
    def score(self, clips, context): ...
    def save(self, folder): ...
    @classmethod
    def load(cls, folder, params, context): ...
"""


@pytest.fixture
def detector_source() -> Callable[..., str]:
    """Return the source of a detector, by default decorated."""

    def source(plugin_id: str, name: str = "My", decorated: bool = True) -> str:
        decorator = f'@detector("{plugin_id}")' if decorated else ""
        return DETECTOR.format(decorator=decorator, name=name, id=plugin_id)

    return source


@pytest.fixture(autouse=True)
def no_registered_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("asdbench.registry.discovery._registered_files", {})


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, str], Path]:
    def write(name: str, text: str) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text))
        return path

    return write


@pytest.fixture
def distribution(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Install a distribution with one module and entry points for detectors."""

    def install(name: str, module: str, source: str, entry_points: dict[str, str]) -> Path:
        folder = tmp_path / f"site-{name}"
        info = folder / f"{name.replace('-', '_')}-1.5.dist-info"
        info.mkdir(parents=True)
        (folder / f"{module}.py").write_text(source)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.5\n")
        lines = [f"{key} = {value}" for key, value in entry_points.items()]
        (info / "entry_points.txt").write_text("\n".join(["[asdbench.detectors]", *lines]))
        monkeypatch.syspath_prepend(folder)
        importlib.invalidate_caches()
        return folder

    return install
