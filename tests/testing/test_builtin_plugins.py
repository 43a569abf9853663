"""Every built-in detector and generator passes the checks, with its own parameters for them."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from asdbench.errors import WeightsError
from asdbench.registry import load, plugins
from asdbench.testing import Check, CheckFailure, detector_checks, generator_checks

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "my_detector.py"
_QUICK = {"gmm", "knn", "perturb", "resample"}
"""Others take more than a few seconds."""


def builtin(kind: str) -> list[object]:
    ids = [ref.id for ref in plugins(kind) if ref.builtin]  # type: ignore[arg-type]
    return [pytest.param(i, marks=() if i in _QUICK else pytest.mark.slow) for i in ids]


@pytest.fixture(autouse=True)
def _one_thread() -> object:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def failing(checks: list[Check]) -> list[str]:
    found = []
    for check in checks:
        try:
            check()
        except CheckFailure as failure:
            found.append(f"{check}: {failure}")
    return found


@pytest.mark.parametrize("name", builtin("detectors"))
def test_a_built_in_detector_keeps_the_contract(name: str) -> None:
    assert not failing(detector_checks(load("detectors", name)))


@pytest.mark.parametrize("name", builtin("generators"))
def test_a_built_in_generator_keeps_the_contract(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cls = load("generators", name)
    params = None
    if name == "audioldm2":
        monkeypatch.syspath_prepend(Path(__file__).parents[1] / "generators")
        from tiny_audioldm2 import save_tiny_pipeline

        params = cls.check_params | {"source": str(save_tiny_pipeline(tmp_path / "tiny"))}
    assert not failing(generator_checks(cls, params))


@pytest.mark.skipif(not EXAMPLE.is_file(), reason="examples/ is not here")
def test_the_example_keeps_the_contract() -> None:
    assert not failing(detector_checks(load("detectors", f"{EXAMPLE}:MyKNN")))


def test_absent_weights_are_no_failure_of_the_plugin(tmp_path: Path) -> None:
    checks = generator_checks(load("generators", "audioldm2"), {"source": str(tmp_path / "none")})
    by_name = {check.name: check for check in checks}
    by_name["info"]()
    with pytest.raises(WeightsError):
        by_name["clips"]()
