from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asdbench.api import Condition
from asdbench.conditions import (
    as_attributes,
    format_attributes,
    format_condition,
    parse_attributes,
    parse_condition,
)
from asdbench.errors import DataError

ANY = st.characters(exclude_categories=())  # surrogates too: names of files may hold them
TEXT = st.text(ANY, min_size=1, max_size=8)
ATTRIBUTES = st.dictionaries(TEXT, st.text(ANY, max_size=8), max_size=4).map(as_attributes)
CONDITIONS = st.builds(
    Condition, TEXT, TEXT, st.sampled_from([None, "source", "target"]), ATTRIBUTES
)


@given(CONDITIONS)
def test_parse_inverts_format(condition: Condition) -> None:
    text = format_condition(condition)
    assert parse_condition(text) == condition
    assert text.count("/") == 3


@given(ATTRIBUTES)
def test_parse_inverts_format_of_attributes(attributes: tuple[tuple[str, str], ...]) -> None:
    assert parse_attributes(format_attributes(attributes)) == attributes


@given(CONDITIONS, CONDITIONS)
def test_different_conditions_have_different_texts(a: Condition, b: Condition) -> None:
    assert (format_condition(a) == format_condition(b)) == (a == b)


@pytest.mark.parametrize(
    "condition",
    [
        Condition("fan", "00", "source", (("m-n", "W"),)),
        Condition("valve", "01", "target", (("panel", "bs-c"), ("pat", "04"))),
        Condition("3DPrinter", "00"),
    ],
)
def test_text_is_the_readable_one(condition: Condition) -> None:
    assert format_condition(condition) == str(condition)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("fan/00/source", "no condition"),
        ("fan/00/left/-", "unknown domain 'left'"),
        ("fan/00/-/vel", "'vel' is no attribute"),
        ("fan/00/-/vel=6=7", "'vel=6=7' is no attribute"),
        ("fan/00/-/", "'' is no attribute"),
        ("fan/00/-/vel=6,vel=7", "given twice"),
    ],
)
def test_malformed_text_is_refused(text: str, words: str) -> None:
    with pytest.raises(DataError, match=words):
        parse_condition(text)


def test_attributes_are_sorted_by_name() -> None:
    assert as_attributes({"vel": "6", "loc": "B"}) == (("loc", "B"), ("vel", "6"))
