"""Fixtures shared by all tests."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from toy import write_arms, write_toy

ROOT = Path(__file__).resolve().parents[1]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Start what takes longest first, so that parallel workers end together."""
    items.sort(key=lambda item: item.path.name != "test_packaging.py")


@pytest.fixture(scope="session")
def shared() -> Path:
    """Reference material that is not part of the repository; its tests skip without it."""
    folder = Path(os.environ.get("ASDBENCH_SHARED", ROOT.parent / "shared"))
    if not (folder / "oracle").is_dir():
        pytest.skip(f"reference material not found at {folder} (set ASDBENCH_SHARED)")
    return folder


@pytest.fixture
def toy_suite(tmp_path: Path) -> Path:
    """A small suite with its clips and detector, ready to run."""
    return write_toy(tmp_path / "toy")


@pytest.fixture
def arms_suite(tmp_path: Path) -> Path:
    """The same clips and detector with a generator that has a codec, and grids for every arm."""
    return write_arms(tmp_path / "toy")
