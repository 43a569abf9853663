"""The checks on plug-ins that are known to be good or bad, each in one point."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from broken import DETECTORS, FURTHER, GENERATORS
from broken_detectors import Good, PeekingAndCrashing
from broken_generators import GoodGenerator

from asdbench.testing import Check, CheckFailure, detector_checks, generator_checks

DOCS = Path(__file__).resolve().parents[2] / "docs" / "conformance.md"


def failing(checks: list[Check]) -> dict[str, str]:
    found = {}
    for check in checks:
        try:
            check()
        except CheckFailure as failure:
            found[check.name] = str(failure)
    return found


def test_good_plugins_pass_all_checks() -> None:
    assert failing(detector_checks(Good)) == {}
    assert failing(generator_checks(GoodGenerator)) == {}


def test_every_check_has_a_plugin_that_fails_it() -> None:
    assert {check.name for check in detector_checks(Good)} == set(DETECTORS)
    assert {check.name for check in generator_checks(GoodGenerator)} == set(GENERATORS)


@pytest.mark.parametrize("name", DETECTORS)
def test_a_broken_detector_fails_its_check_and_no_other(name: str) -> None:
    found = failing(detector_checks(DETECTORS[name]))
    assert list(found) == [name], found
    seen, required, remedy = found[name].split("\n")[:3]
    assert seen.startswith("seen: ")
    assert required.startswith("required: ")
    assert remedy.startswith("what to do: ")


@pytest.mark.parametrize("name", GENERATORS)
def test_a_broken_generator_fails_its_check_and_no_other(name: str) -> None:
    found = failing(generator_checks(GENERATORS[name]))
    assert list(found) == [name], found


@pytest.mark.parametrize(("cls", "names"), FURTHER, ids=lambda item: getattr(item, "__name__", ""))
def test_further_faults_are_found_by_their_checks_alone(cls: type, names: set[str]) -> None:
    make = detector_checks if issubclass(cls, Good) else generator_checks
    found = failing(make(cls))
    assert set(found) == names, found


def test_what_a_detector_asked_for_is_told_although_it_then_crashed() -> None:
    found = failing(detector_checks(PeekingAndCrashing))
    assert found["blind"].startswith("seen: it asked the clips for labels")
    assert "IndexError" in found["scores"]


@pytest.mark.parametrize("order", [("any-seed", "save-load"), ("save-load",)])
def test_what_is_left_in_the_process_serves_no_load(order: tuple[str, ...]) -> None:
    (leftover,) = (cls for cls, _ in FURTHER if cls.__name__ == "Leftover")
    found = failing([check for check in detector_checks(leftover) if check.name in order])
    assert list(found) == ["save-load"]


@pytest.mark.parametrize("name", sorted(DETECTORS))
def test_a_check_finds_its_fault_when_it_is_the_only_one_called(name: str) -> None:
    (check,) = (check for check in detector_checks(DETECTORS[name]) if check.name == name)
    with pytest.raises(CheckFailure):
        check()


@pytest.mark.skipif(not DOCS.is_file(), reason="docs/ is not here")
def test_every_check_is_in_the_documentation() -> None:
    rows = re.findall(r"^\| `([a-z-]+)` \|", DOCS.read_text(encoding="utf-8"), re.MULTILINE)
    assert set(rows) == set(DETECTORS) | set(GENERATORS)
