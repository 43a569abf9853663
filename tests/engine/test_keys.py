"""What the store calls the work of a suite must not change unless the work does."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import pytest

from asdbench.engine.plan import make_plan
from asdbench.engine.sources import Sources
from asdbench.engine.store import Store, digest
from asdbench.suite import load_suite

KINDS = ("generator", "clips", "detector", "scores")


@pytest.fixture(autouse=True)
def fixed_material(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out of the keys what changes with every edit of a plug-in."""
    monkeypatch.setattr("asdbench.engine.sources.code_digest", lambda cls: cls.info.id)
    monkeypatch.setattr(Sources, "digest", lambda self, clip: clip.id)


def keys(suite: Path, tmp_path: Path) -> dict[str, str]:
    plan = make_plan(load_suite(suite), Store(tmp_path / "store"))
    found = defaultdict(list)
    for task in plan.tasks:
        found[task.entry.kind].append(task.entry.key)
    return {kind: digest(sorted(found[kind]))[:16] for kind in KINDS}


def test_a_store_stays_valid_for_suites_without_the_newer_options(arms_suite: Path, tmp_path: Path):
    # Written before cross-fitting, repeats of generators and sweeps were known. A change here
    # makes every store stale: raise KEY_VERSION with it.
    assert keys(arms_suite, tmp_path) == {
        "generator": "f0dbad69b7e3f290",
        "clips": "ae6663862d5511ad",
        "detector": "05ad344603876f28",
        "scores": "2b733cfafc530e33",
    }
