"""Captions are deterministic, readable, and tell conditions apart."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterable
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from asdbench.api import Condition
from asdbench.datasets.names import parse_name
from asdbench.datasets.simulated.plan import SECTIONS
from asdbench.generators.mimii_gen.captions import caption


def condition(machine: str, section: str = "00", **attributes: str) -> Condition:
    named = {name.replace("__", "-"): value for name, value in attributes.items()}
    return Condition(machine, section, "source", tuple(sorted(named.items())))


TWIN = [
    Condition(row.machine, row.section, domain, tuple(sorted(setting)))
    for row in SECTIONS.values()
    for domain in ("source", "target")
    for setting in row.settings(domain)
]


@pytest.mark.parametrize(
    ("where", "label", "sentence"),
    [
        (
            condition("bearing", "01", vel="4", loc="A"),
            "anomaly",
            "A bearing operating on velocity of 4 krpm with anomaly at location A, section 01",
        ),
        (
            condition("bearing", "02", vel="6", f__n="B"),
            "normal",
            "A bearing operating on velocity of 6 krpm in normal condition in factory noise B, "
            "section 02",
        ),
        (
            condition("gearbox", volt="2.3", wt="0", pro="B"),
            "anomaly",
            "A gearbox model B operating on voltage of 2.3 V and weight of 0 g with anomaly, "
            "section 00",
        ),
        (
            condition("gearbox", "02", id="05"),
            "anomaly",
            "A gearbox unit 05 with anomaly, section 02",
        ),
        (
            condition("slider", vel="1000", ac="0.30"),
            "normal",
            "A slider operating on velocity of 1000 mm/s and acceleration of 0.30 m/s^2 "
            "in normal condition, section 00",
        ),
        (
            condition("fan", m__n="W"),
            "anomaly",
            "A fan with anomaly in noise of machine W, section 00",
        ),
        (
            condition("fan", "02", n__lv="L1"),
            "normal",
            "A fan in normal condition at noise level L1, section 02",
        ),
        (
            condition("valve", "01", pat="04", panel="bs-c"),
            "normal",
            "A valve of moving pattern 04 in back-and-side-closed surroundings in normal "
            "condition, section 01",
        ),
        (
            condition("valve", "02", v1pat="04", v2pat="05"),
            "anomaly",
            "A valve of moving pattern 04 at valve 1 and moving pattern 05 at valve 2 with "
            "anomaly, section 02",
        ),
    ],
)
def test_the_machines_of_mimii_dg_read_as_in_the_paper(
    where: Condition, label: Any, sentence: str
) -> None:
    assert caption(where, label) == sentence


@pytest.mark.parametrize(
    ("where", "sentence"),
    [
        (condition("ToyCar", spd="28V"), "A toy car operating on speed of 28V with anomaly"),
        (condition("AirCompressor"), "An air compressor with anomaly"),
        (condition("3DPrinter", mdl="A"), "A 3D printer model A with anomaly"),
        (condition("ToyRCCar", noAttribute="noAttribute"), "A toy RC car with anomaly"),
        (condition("pump_a", feedRate="3"), "A pump a operating on feed rate 3 with anomaly"),
        (condition("Lüfter", flow__rate="9"), "A lüfter operating on flow rate 9 with anomaly"),
    ],
)
def test_other_machines_and_attributes_are_read_out(where: Condition, sentence: str) -> None:
    assert caption(where, "anomaly") == f"{sentence}, section 00"


def test_units_belong_to_the_machines_whose_units_are_known() -> None:
    assert "krpm" not in caption(condition("bandsaw", vel="12"), "normal")


def test_short_keeps_the_first_attribute_and_machine_keeps_none() -> None:
    where = condition("bearing", "01", vel="4", loc="A")
    short = "A bearing operating on velocity of 4 in normal condition"
    assert caption(where, "normal", "short") == short
    assert caption(where, "normal", "machine") == "A bearing in normal condition"
    assert caption(condition("fan", f__n="A"), "anomaly", "short").endswith("in factory noise A")


@pytest.mark.parametrize("detail", ["full", "short", "machine"])
def test_the_domain_is_never_told(detail: Any) -> None:
    for where in TWIN:
        told = {caption(replace(where, domain=d), "normal", detail) for d in ("source", "target")}
        told.add(caption(replace(where, domain=None), "normal", detail))
        assert len(told) == 1
        assert not {"source", "target", "domain"} & set(told.pop().replace(",", "").split())


def test_all_conditions_of_the_twin_have_captions_of_their_own() -> None:
    _assert_distinct(TWIN)
    machines = {caption(where, "anomaly", "machine") for where in TWIN}
    assert len(machines) == 5


@pytest.mark.shared
def test_all_dcase_file_names_have_captions_of_their_own(shared: Path) -> None:
    with gzip.open(shared / "lists" / "mimii_dg_names.csv.gz", "rt", newline="") as file:
        rows = {(row["machine"], row["file_name"]) for row in csv.DictReader(file)}
    parsed = [(machine, parse_name(name)) for machine, name in rows]
    conditions = [
        Condition(machine, name.section, None, name.attributes) for machine, name in parsed if name
    ]
    assert len(conditions) == len(rows) > 50_000
    _assert_distinct(conditions)


def _assert_distinct(conditions: Iterable[Condition]) -> None:
    distinct = {replace(where, domain=None) for where in conditions}
    captions = {caption(where, label) for where, label in product(distinct, ("normal", "anomaly"))}
    assert len(captions) == 2 * len(distinct)
    assert all(text.isprintable() and "  " not in text for text in captions)
