"""What is said of parameters that a plug-in's model refuses."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from broken_detectors import Good, GoodParams
from pydantic import Field

from asdbench.errors import PluginError
from asdbench.testing import CheckFailure, detector_checks


class Bounded(GoodParams):
    neighbors: int = Field(default=1, ge=1)


class Demanding(GoodParams):
    sign: int


class Contradictory(Demanding):
    neighbors: int = Field(default=0, ge=1)


def detector(params: type[GoodParams], check_params: Any, **changed: Any) -> type[Good]:
    class Made(Good):
        info = replace(Good.info, params=params, **changed)

    Made.check_params = check_params
    return Made


def info_failure(cls: type[Good]) -> str:
    (check,) = (check for check in detector_checks(cls) if check.name == "info")
    with pytest.raises(CheckFailure) as failure:
        check()
    return str(failure.value)


def test_an_unknown_parameter_is_told_with_the_nearest() -> None:
    with pytest.raises(PluginError) as error:
        detector_checks(detector(Bounded, {"neigbors": 3}))
    said = str(error.value)
    assert "unknown parameter 'neigbors'. Did you mean 'neighbors'?" in said
    assert "Allowed: distance, neighbors, score_batch_size" in said
    assert "http" not in said


def test_a_wrong_value_is_told() -> None:
    with pytest.raises(PluginError, match="'neighbors' is 0: input should be greater than or"):
        detector_checks(detector(Bounded, {"neighbors": 0}))


def test_a_required_parameter_has_its_remedy_on_the_command_line() -> None:
    with pytest.raises(PluginError, match="parameter 'sign' is required") as error:
        detector_checks(detector(Demanding, {}))
    assert "--set sign=VALUE" in str(error.value)


def test_a_default_that_breaks_its_own_bound_is_told() -> None:
    said = info_failure(detector(Contradictory, {"sign": 1}))
    assert "the default of 'neighbors', 0, breaks its own bound: input should be" in said


def test_unknown_score_params_are_told_with_the_nearest() -> None:
    said = info_failure(detector(Bounded, {}, score_params=frozenset({"distanse"})))
    assert "distanse. Did you mean 'distance'?" in said
    assert "distance, neighbors, score_batch_size" in said
