from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from asdbench.api import Condition, Label
from asdbench.clips import ClipPool
from asdbench.generators._matching import Distance, Sources


def at(section: str = "00", domain: Any = "source", machine: str = "fan", **attributes: str) -> Any:
    return Condition(machine, section, domain, tuple(sorted(attributes.items())))


def sources(*listed: Condition, label: Label = "normal") -> Sources:
    audio = [np.zeros(1, np.float32)] * len(listed)
    return Sources.of(ClipPool.from_arrays(audio, 16000, list(listed), [label] * len(listed)))


def served(wanted: Condition, *listed: Condition) -> tuple[int, ...]:
    match = sources(*listed).match(wanted, "normal")
    assert match is not None
    return match.clips


def test_the_condition_itself_serves_when_it_has_clips() -> None:
    found = sources(at(v="6"), at(v="8"), at(v="6")).match(at(v="6"), "normal")
    assert found is not None
    assert found.clips == (0, 2)
    assert found.distance.exact
    assert str(found.distance) == "same condition"


@pytest.mark.parametrize(
    ("wanted", "listed", "expected"),
    [
        pytest.param(at(v="9"), [at(v="6"), at(v="8"), at(v="14")], (1,), id="closest number"),
        pytest.param(at(v="10"), [at(v="9"), at(v="100")], (0,), id="numbers, not text"),
        pytest.param(at(v="30V"), [at(v="3V"), at(v="28V")], (1,), id="numbers with a unit"),
        pytest.param(at(v="A1"), [at(v="A2"), at(v="B")], (0, 1), id="text ties are pooled"),
        pytest.param(at(v="7"), [at(v="6"), at(v="8")], (0, 1), id="ties in number are pooled"),
        pytest.param(
            at(v="6"), [at(domain="target", v="6"), at(v="99")], (1,), id="domain before attributes"
        ),
        pytest.param(
            at(v="6"), [at("01", v="6"), at(domain="target", v="9")], (1,), id="section first"
        ),
        pytest.param(at(v="6"), [at("01"), at("02", v="6")], (1,), id="another section if need be"),
        pytest.param(at(v="6", w="B"), [at(v="6", w="A"), at(w="B")], (0, 1), id="absent is far"),
        pytest.param(
            at(v="6", w="100"),
            [at(v="6", w="0"), at(v="8", w="100"), at(v="16", w="100")],
            (1,),
            id="each attribute over its own range",
        ),
        pytest.param(at(v="1.0"), [at(v="1"), at(v="2")], (0,), id="one number written twice"),
    ],
)
def test_nearest(wanted: Condition, listed: list[Condition], expected: tuple[int, ...]) -> None:
    assert served(wanted, *listed) == expected


def test_the_order_of_the_training_clips_does_not_matter() -> None:
    listed = [at(v=str(v)) for v in (3, 9, 5, 7, 9)]
    wanted = at(v="8")
    forward = {listed[i] for i in served(wanted, *listed)}
    backward = {listed[::-1][i] for i in served(wanted, *listed[::-1])}
    assert forward == backward == {at(v="7"), at(v="9")}


def test_another_machine_or_label_never_serves() -> None:
    assert sources(at(machine="valve")).match(at(), "normal") is None
    assert sources(at(), label="anomaly").match(at(), "normal") is None


def test_distance_says_what_differs() -> None:
    match = sources(at("01", "target", v="6"), at("01", "target", v="10")).match(
        at(v="7"), "normal"
    )
    assert match is not None
    assert match.distance == Distance(True, True, 0.25)
    assert str(match.distance) == "other section, other domain, attribute distance 0.25"


def test_json_round_trip() -> None:
    known = sources(at(v="6", w="A"), at("02", None), at(v="6", w="A"), at(odd="a/b,c=d"))
    assert Sources.from_json(json.loads(json.dumps(known.to_json()))) == known
