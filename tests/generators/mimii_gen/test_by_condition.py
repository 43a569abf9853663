from dataclasses import replace

import pytest
import torch

from asdbench.api import Condition
from asdbench.generators.mimii_gen.by_condition import ByCondition
from asdbench.generators.mimii_gen.latents import Statistics


def bearing(section: str = "00", **attributes: str) -> Condition:
    return Condition("bearing", section, "source", tuple(sorted(attributes.items())))


def means(**values: float) -> ByCondition:
    """Conditions ``vel4_A=1.0``: speed, place, and the value of every row of their mean."""
    conditions, rows = [], []
    for name, value in values.items():
        speed, _, place = name.removeprefix("vel").partition("_")
        attributes = {"vel": speed} | ({"loc": place} if place else {})
        conditions.append(bearing(**attributes))
        rows.append(torch.full((128,), value))
    return ByCondition.average(rows, conditions)


def at(found: ByCondition, condition: Condition) -> float:
    row = found.of(condition)
    assert row.shape == (128,)
    assert float(row.std()) == 0.0
    return float(row[0])


def test_clips_of_both_domains_make_one_mean() -> None:
    here = bearing(vel="4")
    found = ByCondition.average(
        [torch.full((128,), 1.0), torch.full((128,), 3.0)], [here, replace(here, domain="target")]
    )
    assert [c.domain for c in found.conditions] == [None]
    assert at(found, here) == 2.0


@pytest.mark.parametrize(
    ("speed", "expected"), [("6", 1.0), ("10", 3.0), ("7", 1.5), ("2", 1.0), ("30", 3.0)]
)
def test_a_speed_between_two_lies_between_and_one_beyond_is_the_last(
    speed: str, expected: float
) -> None:
    assert at(means(vel6=1.0, vel10=3.0), bearing(vel=speed)) == pytest.approx(expected)


def test_other_attributes_stay_what_they_are() -> None:
    found = means(vel4_A=1.0, vel12_A=3.0, vel4_B=10.0, vel12_B=30.0)
    assert at(found, bearing(vel="8", loc="A")) == pytest.approx(2.0)
    assert at(found, bearing(vel="8", loc="B")) == pytest.approx(20.0)


def test_a_category_left_out_or_unknown_is_the_mean_of_what_fits() -> None:
    found = means(vel4_A=1.0, vel12_A=3.0, vel4_B=10.0, vel12_B=30.0)
    assert at(found, bearing(vel="4")) == pytest.approx(5.5)
    assert at(found, bearing(vel="4", loc="Z")) == pytest.approx(5.5)
    assert at(found, bearing()) == pytest.approx(11.0)


def test_normalized_by_condition_every_condition_has_mean_zero() -> None:
    conditions = [bearing(vel="4"), bearing(vel="4"), bearing(vel="8")]
    noise = torch.randn(3, 128, 200, generator=torch.Generator().manual_seed(0))
    clips = 2 * noise + torch.tensor([10.0, 10.0, -30.0])[:, None, None]
    statistics = Statistics.measure(clips, conditions, "condition")
    normal = statistics.normalize(clips, conditions)
    assert float(normal[:2].mean((0, 2)).abs().max()) < 1e-4
    assert float(normal[2].mean(-1).abs().max()) < 1e-4
    assert float(normal.std()) == pytest.approx(1.0, abs=0.01)
    assert torch.allclose(statistics.denormalize(normal, conditions), clips, atol=1e-4)
    between = statistics.denormalize(torch.zeros(1, 128, 5), [bearing(vel="6")])
    assert float(between.mean()) == pytest.approx(-10.0, abs=0.2)
    assert statistics.knows(bearing(vel="5"))
    assert not statistics.knows(bearing("01", vel="4"))
