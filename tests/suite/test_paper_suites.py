"""The suites of the papers say what the papers say."""

from __future__ import annotations

from pathlib import Path

import pytest

from asdbench.suite import LoadedSuite, bundled_suites, load_suite
from asdbench.suite.reference import load_reference

DOCS = Path(__file__).resolve().parents[2] / "docs" / "suites.md"
PAPERS = {
    "mimii_dg_baselines": (2, "mimii_dg_table3"),
    "neighborhood_smoothing": (1 + 5 * 2 + 11 * 2, "neighborhood_smoothing_table2"),
    "gammavae_dcase2024": (3, "gammavae_table2"),
}


@pytest.fixture(autouse=True)
def data(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASDBENCH_DATA", "/data")


@pytest.mark.parametrize("name", PAPERS)
def test_every_published_number_has_a_detector(name: str) -> None:
    number, reference = PAPERS[name]
    loaded = load_suite(name)
    assert len(loaded.detectors) == number
    (used,) = loaded.suite.references
    published = loaded.references[used.use]
    assert used.use == reference == published.id
    assert set(used.detectors) == set(published.methods)
    assert set(loaded.suite.dataset.machines or ()) == {v.machine for v in published.values} - {
        None
    }
    assert set(published.sections) <= set(loaded.suite.dataset.sections or ())
    assert {gate.over for gate in loaded.suite.gates} == {"machine", "all"}


def test_selections_are_those_of_the_smoothing_paper() -> None:
    loaded = load_suite("neighborhood_smoothing")
    serial, proposed = loaded.suite.selections
    assert len(serial.candidates) == 10
    assert len(proposed.candidates) == 22
    published = load_reference("neighborhood_smoothing_table2", loaded.folder)
    for selection in (serial, proposed):
        assert selection.choose_on.sections == ("00", "01", "02")
        assert selection.report_on.sections == published.sections
    settings = {(p.params.neighbors, p.params.pool) for p in _of(loaded, "smoothed-ae")}
    # Table I: what was chosen, and the oracle's choice, are among the candidates
    assert settings >= {(512, "source"), (1024, "all"), (64, "source"), (2048, "all")}
    kinds = {(p.params.clusters, p.params.domain) for p in _of(loaded, "serial-oe")}
    assert kinds == {(n, d) for n in (2, 4, 8, 16, 32) for d in ("all", "source")}


def test_what_a_sweep_varies_needs_no_other_training() -> None:
    for name in ("neighborhood_smoothing", "neighborhood_samples"):
        loaded = load_suite(name)
        for use in ("serial-oe", "smoothed-ae"):
            found = _of(loaded, use)
            fits = {
                str({k: v for k, v in p.stated.items() if k not in p.cls.info.score_params})
                for p in found
            }
            assert len(fits) == min(1, len(found))


def test_the_full_figure_5_can_be_asked_for() -> None:
    shares = [round(0.05 * (i + 1), 2) for i in range(20)]
    loaded = load_suite(
        "neighborhood_samples",
        [
            f"detectors.smooth.sweep.share={shares}",
            f"detectors.smooth.sweep.trial={list(range(20))}",
            "detectors.smooth.sweep.neighbors=[1024]",
            "detectors.smooth.sweep.pool=[source]",
        ],
    )
    assert len(_of(loaded, "smoothed-ae")) == 400


def test_all_detectors_holds_every_detector_that_comes_with_asdbench() -> None:
    from importlib.metadata import distribution

    names = {
        point.name
        for point in distribution("asdbench").entry_points
        if point.group == "asdbench.detectors"
    }
    used = {plugin.cls.info.id for plugin in load_suite("all_detectors").detectors}
    assert used == names


@pytest.mark.skipif(not DOCS.is_file(), reason="needs the checkout")
def test_every_suite_is_documented() -> None:
    page = DOCS.read_text()
    names = {name for name in bundled_suites() if "/" not in name}
    assert {*PAPERS, "neighborhood_samples", "all_detectors"} <= names
    assert [name for name in sorted(names) if f"`{name}`" not in page] == []


def _of(loaded: LoadedSuite, use: str) -> list:
    return [plugin for plugin in loaded.detectors if plugin.cls.info.id == use]
