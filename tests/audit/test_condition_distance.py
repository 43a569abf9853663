from __future__ import annotations

import pytest

from asdbench.api import Condition
from asdbench.audit.conditions import (
    Ranges,
    as_number,
    condition_key,
    distance,
    in_order,
    nearest,
    written,
)


def key(section: str = "00", **attributes: str):
    return ("fan", section, tuple(sorted(attributes.items())))


RANGES = Ranges.of([key(vel=v, mic=m)[2] for v, m in (("2", "A"), ("22", "B"), ("12", "A"))])


@pytest.mark.parametrize(
    ("text", "number"), [("6", 6.0), ("-1.5", -1.5), ("0.8", 0.8), ("0", 0.0), ("1e3", 1000.0)]
)
def test_numbers(text: str, number: float):
    assert as_number(text) == number


@pytest.mark.parametrize("text", ["A", "00", "01", "28V", "", "nan", "inf", "-"])
def test_words(text: str):
    assert as_number(text) is None


def test_numbers_count_in_ranges_of_the_data():
    assert distance(key(vel="2"), key(vel="12"), RANGES) == pytest.approx(0.5)
    assert distance(key(vel="2"), key(vel="42"), RANGES) == pytest.approx(2.0)


def test_words_sections_and_missing_attributes_count_one_each():
    assert distance(key(mic="A"), key(mic="B"), RANGES) == 1.0
    assert distance(key(vel="2"), key(vel="2", mic="B"), RANGES) == 1.0
    assert distance(key(vel="2"), key("01", vel="2"), RANGES) == 1.0
    assert distance(key(vel="2", mic="A"), key("01", vel="7", mic="B"), RANGES) == 2.25


def test_without_a_range_another_number_is_another_word():
    assert distance(key(vel="2"), key(vel="3"), Ranges()) == 1.0


def test_the_nearest_is_of_the_same_machine():
    others = [key(vel="22"), key(vel="6"), ("valve", "00", (("vel", "4"),))]
    assert nearest(key(vel="4"), others, RANGES) == (key(vel="6"), pytest.approx(0.1))
    assert nearest(key(vel="4"), others[2:], RANGES) is None
    assert written(key(vel="6")) == "00/vel=6"


def test_the_domain_is_no_part_of_a_condition():
    conditions = [Condition("fan", "00", d, (("vel", "6"),)) for d in ("source", "target", None)]
    assert {condition_key(c) for c in conditions} == {key(vel="6")}


def test_numbers_are_sorted_by_size_and_come_before_words():
    keys = [key(vel=v) for v in ("10", "A", "9", "00")] + [key("01", vel="1")]
    assert [written(k) for k in sorted(keys, key=in_order)] == [
        "00/vel=9",
        "00/vel=10",
        "00/vel=00",
        "00/vel=A",
        "01/vel=1",
    ]
