from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import pytest

from asdbench.errors import DataError
from asdbench.explain.places import Place, find_places
from asdbench.report.schema import Report


def report_of(*names: str) -> Report:
    """Return what `find_places` reads of a report with these cells."""
    cells = []
    for name in names:
        machine, section, domain, detector, *grid = name.split("/")
        cells.append(
            SimpleNamespace(
                machine=machine,
                section=section,
                domain=domain,
                detector=detector,
                grid=grid[0] if grid else None,
            )
        )
    return cast("Report", SimpleNamespace(cells=cells))


REPORT = report_of(
    *(
        f"{machine}/00/{domain}/{detector}/{grid}"
        for machine in ("fan", "valve")
        for domain in ("source", "all")
        for detector in ("ae-mse", "knn")
        for grid in ("diffused", "coded-more")
    )
)


def test_a_whole_name_is_one_cell() -> None:
    found = find_places(REPORT, "fan/00/all/knn/coded-more")
    assert found.one
    assert found.places == (Place("fan", "00", "all", "knn", "coded-more"),)
    assert str(found.places[0]) == "fan/00/all/knn/coded-more"


def test_without_a_grid_it_is_the_first_of_them() -> None:
    found = find_places(REPORT, "fan/00/all/knn")
    assert found.one
    assert [p.grid for p in found.places] == ["diffused", "coded-more"]


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("*", 16),
        ("", 16),
        ("fan", 8),
        ("fan/00//knn", 4),
        ("*/*/*/ae-*/diffused", 4),
        ("fan/00/all/knn/*", 2),
    ],
)
def test_a_part_that_is_missing_or_wild_lists_what_there_is(name: str, count: int) -> None:
    found = find_places(REPORT, name)
    assert len(found.places) == count
    assert found.one is False


def test_a_pattern_that_one_cell_meets_is_that_cell() -> None:
    assert find_places(REPORT, "fan/00/all/k*/co*").one


@pytest.mark.parametrize(
    ("name", "message", "there"),
    [
        ("fn/00", "no machine 'fn' in the report. Did you mean 'fan'?", "fan, valve"),
        ("fan/01", "no section '01' of fan in the report", "00"),
        ("fan/00/al", "no domain 'al' of fan/00 in the report. Did you mean 'all'?", "source, all"),
        (
            "fan/00/all/kn",
            "no detector 'kn' of fan/00/all in the report. Did you mean 'knn'?",
            "ae-mse",
        ),
        (
            "fan/00/all/knn/difused",
            "no grid 'difused' of fan/00/all/knn in the report. Did you mean 'diffused'?",
            "diffused, coded-more",
        ),
        (
            "a/b/c/d/e/f",
            "6 parts, and a cell's name has at most 5",
            "fan/00/source/ae-mse/diffused",
        ),
    ],
)
def test_a_name_that_is_none_gets_its_neighbor(name: str, message: str, there: str) -> None:
    with pytest.raises(DataError) as error:
        find_places(REPORT, name)
    assert message in str(error.value)
    assert there in str(error.value)


def test_cells_without_generated_clips_have_four_parts() -> None:
    bare = report_of("fan/00/all/knn")
    assert find_places(bare, "fan/00/all/knn").places[0].grid is None
    with pytest.raises(DataError, match="nothing was generated"):
        find_places(bare, "fan/00/all/knn/diffused")


def test_a_report_without_cells_is_refused() -> None:
    with pytest.raises(DataError, match="no cells"):
        find_places(report_of(), "*")
