from __future__ import annotations

from pathlib import Path

import pytest

from asdbench.api import Clip, Condition, Domain
from asdbench.engine.axes import axis_problems, swept_conditions
from asdbench.suite.model import AxisModel, DatasetModel, GridModel
from asdbench.suite.problem import Place

DATA = AxisModel.model_validate({"from": "dataset"})


def clips(*rows: tuple[int, Domain, dict[str, str]], section: str = "00") -> list[Clip]:
    """Return clips: how many, of which domain, with which attributes."""
    return [
        Clip(
            f"{section}-{row}-{i}",
            Path("x.wav"),
            Condition("bearing", section, domain, tuple(sorted(attributes.items()))),
            "test",
            "anomaly",
        )
        for row, (count, domain, attributes) in enumerate(rows)
        for i in range(count)
    ]


REAL = clips(
    (5, "source", {"vel": "6", "loc": "A"}),
    (2, "source", {"vel": "6", "loc": "B"}),
    (3, "source", {"vel": "10", "loc": "B"}),
    (4, "target", {"vel": "26", "loc": "C"}),
)


def found(axes: dict[str, AxisModel], real: list[Clip] = REAL) -> list[str]:
    return [str(condition) for condition in swept_conditions(real, axes)]


def test_values_of_the_data_keep_what_occurs_with_them_most_often():
    assert found({"vel": DATA}) == [
        "bearing/00/source/loc=A,vel=6",
        "bearing/00/source/loc=B,vel=10",
        "bearing/00/target/loc=C,vel=26",
    ]


def test_new_values_have_domain_and_other_attributes_of_the_nearest():
    axis = AxisModel.model_validate({"from": "dataset", "add": [7, 25]})
    assert found({"vel": axis})[3:] == [
        "bearing/00/source/loc=A,vel=7",
        "bearing/00/target/loc=C,vel=25",
    ]
    # 8 is as far from 6 as from 10: what is most frequent among both wins.
    assert found({"vel": AxisModel(values=(8,))}) == ["bearing/00/source/loc=A,vel=8"]


def test_a_number_is_written_as_the_data_writes_it():
    real = clips((1, "source", {"volt": "1.0"}), (1, "source", {"volt": "2"}))
    assert found({"volt": AxisModel(values=(1, 2.0, 3.5, 4))}, real) == [
        "bearing/00/source/volt=1.0",
        "bearing/00/source/volt=2",
        "bearing/00/source/volt=3.5",
        "bearing/00/source/volt=4",
    ]


def test_a_value_is_asked_for_once():
    axis = AxisModel.model_validate({"from": "dataset", "add": [6, 7, "7"]})
    assert [c.partition("vel=")[2] for c in found({"vel": axis})] == ["6", "10", "26", "7"]


def test_words_that_the_data_does_not_have_are_equally_far_from_all():
    assert found({"loc": AxisModel(values=("Z",))}) == ["bearing/00/source/loc=Z,vel=6"]


def test_two_axes_are_combined():
    axes = {"vel": AxisModel(values=(6, 26)), "loc": AxisModel(values=("A", "C"))}
    assert found(axes) == [
        "bearing/00/source/loc=A,vel=6",
        "bearing/00/source/loc=A,vel=26",  # as far from vel=26 as from loc=A, which is commoner
        "bearing/00/source/loc=C,vel=6",
        "bearing/00/target/loc=C,vel=26",
    ]


def test_a_condition_does_not_depend_on_the_other_values():
    alone = found({"vel": AxisModel(values=(7,))})
    assert alone[0] in found({"vel": AxisModel(values=(100, 7, 3))})


@pytest.mark.parametrize(
    ("axes", "expected"),
    [
        ({"bearing": {"00": {"vel": DATA}}}, []),
        (
            {"bearing": {"00": {"vell": DATA}}},
            [
                "grid 'sweep': bearing/00 has no attribute 'vell'. Did you mean 'vel'? "
                "It has: loc, vel."
            ],
        ),
        (
            {"bearing": {"01": {"vel": DATA}}},
            ["grid 'sweep': bearing has no section '01'. It has: 00."],
        ),
        (
            {"baering": {"00": {"vel": DATA}}},
            ["grid 'sweep': the data has no machine 'baering'. Did you mean 'bearing'? "
             "It has: bearing."],
        ),
    ],
)  # fmt: skip
def test_axes_that_the_data_does_not_have(axes, expected):
    grids = {"sweep": GridModel(generator="g", axes=axes)}
    assert list(axis_problems(grids, DatasetModel(use="x"), REAL, {})) == expected


def test_the_place_of_what_the_data_does_not_have_is_named():
    grids = {"sweep": GridModel(generator="g", axes={"bearing": {"00": {"foo": DATA}}})}
    written = {("grids", "sweep", "axes", "bearing", "00", "foo"): Place("my.yaml", 7, 3)}
    (found,) = axis_problems(grids, DatasetModel(use="x"), REAL, written)
    assert found == "grid 'sweep' (my.yaml:7): bearing/00 has no attribute 'foo'. It has: loc, vel."


def test_what_the_suite_leaves_out_is_not_missed():
    axes = {"fan": {"00": {"m-n": DATA}}, "bearing": {"07": {"vel": DATA}}}
    grids = {"sweep": GridModel(generator="g", axes=axes)}
    chosen = DatasetModel(use="x", machines=("bearing",), sections=("00",))
    assert list(axis_problems(grids, chosen, REAL, {})) == []
