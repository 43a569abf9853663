"""The coverage map and seen conditions, on scores whose truth is known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from asdbench.audit.conditions import SeenConditions
from asdbench.engine.scores import COLUMNS
from asdbench.metrics.definitions import DefinitionId
from asdbench.report.build import scored_arms
from asdbench.report.by_condition import ScoredConditions
from asdbench.report.cells import Rules
from asdbench.report.coverage import coverage_rows
from asdbench.report.section_arms import section_arms
from asdbench.report.seen import seen_rows
from asdbench.suite.model import Suite

MANY = 1500
SWEEP = {"fan": {"00": {"vel": {"from": "dataset", "add": [40]}}}}
SUITE = Suite.model_validate(
    {
        "schema": "asdbench/suite@1",
        "name": "s",
        "dataset": {"use": "manifest"},
        "generators": [{"id": "gen", "use": "g"}],
        "grids": {
            "made": {"generator": "gen"},
            "controls": {"generator": "gen", "label": "normal"},
            "swept": {"generator": "gen", "axes": SWEEP},
        },
        "detectors": [{"id": "ae", "use": "d"}],
        "statistics": {"bootstrap": 200},
    }
)
RULES = Rules(DefinitionId.DCASE2022, 0.95, 200, 1)


def clips(origin, label, velocity, scores, machine="fan", section="00"):
    """Return rows of a score table."""
    count = len(scores)
    domain = "source" if float(velocity) < 10 else "target"
    place = f"{machine}/{section}"
    return pd.DataFrame(
        {
            "clip": [f"{origin}/{place}/{label}/{velocity}/{i:04d}" for i in range(count)],
            "origin": origin,
            "generator": None if origin == "real" else "gen",
            "detector": "ae",
            "repeat": 0,
            "generation": 0,
            "pool": origin,
            "fold": 0,
            "machine": machine,
            "section": section,
            "domain": domain,
            "label": label,
            "condition": f"{place}/{domain}/vel={velocity}",
            "score": scores,
        }
    )


def frame(parts) -> pd.DataFrame:
    table = pd.concat(parts, ignore_index=True)
    for name, kind in COLUMNS.items():
        table[name] = table[name].astype(kind) if name in table else pd.Series(dtype=kind)
    return table


@pytest.fixture(scope="module")
def world() -> pd.DataFrame:
    """A generator that is right at 5 and 15, wrong at 20; 40 has no real anomaly, 30 has three."""
    rng = np.random.default_rng(8)

    def normal(shift, count=MANY):
        return rng.standard_normal(count) + shift

    parts = [
        clips("real", "normal", "5", normal(0)),
        clips("real", "normal", "15", normal(0)),
        clips("controls", "normal", "5", normal(0)),
        clips("controls", "normal", "15", normal(0)),
    ]
    for velocity, real, made in (("5", 0.8, 0.8), ("15", 0.5, 0.5), ("20", 0.5, 1.2)):
        parts += [clips("real", "anomaly", velocity, normal(real))]
        parts += [clips("made", "anomaly", velocity, normal(made))]
    parts += [
        clips("real", "anomaly", "30", normal(0.5, 3)),
        clips("made", "anomaly", "30", normal(0.5, 3)),
        clips("swept", "anomaly", "15", normal(0.5)),
        clips("swept", "anomaly", "40", normal(0.9, 50)),
    ]
    return frame(parts)


def rows_of(table: pd.DataFrame, suite: Suite = SUITE):
    arms = scored_arms(table)
    places = sorted({(m, s) for _, _, m, s in arms})
    sections = list(section_arms(suite, arms, places, RULES))
    conditions = ScoredConditions.of(table)
    return list(coverage_rows(suite, sections, arms, conditions, RULES)), sections, conditions


def test_conditions_are_validated_measured_or_extrapolated(world):
    rows, _, _ = rows_of(world)
    status = {(row.grid, row.condition): row.status for row in rows}
    assert status == {
        ("made", "vel=5"): "validated",
        ("made", "vel=15"): "validated",
        ("made", "vel=20"): "measured",
        ("made", "vel=30"): "measured",
        ("swept", "vel=15"): "validated",
        ("swept", "vel=40"): "extrapolated",
    }


def test_a_gap_has_an_interval_where_clips_suffice(world):
    rows, _, _ = rows_of(world)
    by = {(row.grid, row.condition): row for row in rows}
    wrong = by["made", "vel=20"]
    assert wrong.low > 0.1
    assert wrong.gap == pytest.approx(wrong.auc_generated - wrong.auc_real)
    few = by["made", "vel=30"]
    assert (few.low, few.n_real) == (None, 3)
    assert "fewer than 10" in few.reason
    assert by["made", "vel=5"].domain == "source"


def test_the_distance_is_in_ranges_of_the_real_data(world):
    rows, _, _ = rows_of(world)
    by = {(row.grid, row.condition): row for row in rows}
    beyond = by["swept", "vel=40"]
    assert beyond.auc_real is None
    assert (beyond.n_real, beyond.n_generated) == (0, 50)
    assert beyond.nearest == "00/vel=15"
    assert beyond.distance == pytest.approx((40 - 15) / (30 - 5))
    assert by["made", "vel=20"].distance == pytest.approx(5 / 25)
    assert by["made", "vel=5"].distance is None


def test_nothing_is_near_where_nothing_is_validated(world):
    rows, _, _ = rows_of(world[~world["condition"].str.endswith(("vel=5", "vel=15"))])
    assert {row.status for row in rows} <= {"measured", "extrapolated"}
    assert all(row.nearest is None and row.distance is None for row in rows)


def test_clips_without_a_label_are_on_no_map(world):
    unlabelled = clips("real", "unlabelled", "35", np.zeros(4))
    unlabelled["label"] = pd.Series([None] * 4, dtype="string")
    rows, _, _ = rows_of(pd.concat([world, frame([unlabelled])]))
    assert "vel=35" not in {row.condition for row in rows}
    assert rows == rows_of(world)[0]


def test_swept_clips_enter_no_other_row(world):
    _, sections, _ = rows_of(world)
    assert {arms.pairing.anomalies for arms in sections} == {"made"}


def test_a_grid_over_axes_alone_has_a_map(world):
    alone = {"swept": SUITE.grids["swept"]}
    suite = SUITE.model_copy(update={"grids": alone})
    table = world[~world["origin"].isin(["made", "controls"])]
    rows, sections, _ = rows_of(table, suite)
    assert sections == []
    assert {row.condition: row.status for row in rows} == {
        "vel=15": "validated",
        "vel=40": "extrapolated",
    }
    assert all(row.grid == "swept" for row in rows)


def test_perfect_separation_by_few_clips_validates_nothing():
    rng = np.random.default_rng(0)
    table = frame(
        [
            clips("real", "normal", "5", rng.standard_normal(40)),
            clips("controls", "normal", "5", rng.standard_normal(40)),
            clips("real", "anomaly", "5", 9 + rng.standard_normal(12)),
            clips("made", "anomaly", "5", 3 + rng.standard_normal(12)),
        ]
    )
    rows, _, _ = rows_of(table)
    assert [row.status for row in rows] == ["measured"]


def seen_of(world, seen: SeenConditions):
    _, sections, conditions = rows_of(world)
    return {(r.machine, r.seen): r for r in seen_rows(sections, conditions, {"gen": seen})}


def test_gaps_are_split_by_what_the_generator_learned_from(world):
    keys = frozenset({("fan", "00", (("vel", "5"),)), ("fan", "00", (("vel", "15"),))})
    rows = seen_of(world, SeenConditions(keys))
    seen, unseen = rows["fan", True], rows["fan", False]
    assert (seen.n_conditions, unseen.n_conditions) == (2, 2)
    assert (seen.n_real, unseen.n_real) == (2 * MANY, MANY + 3)
    assert seen.low < 0.0 < seen.high
    assert unseen.low > 0.1
    assert rows[None, True].gap == seen.gap


def test_what_is_not_known_is_said(world):
    rows = seen_of(world, SeenConditions(unknown="it does not say"))
    assert set(rows) == {("fan", False), (None, False)}
    assert rows["fan", False].gap is None
    assert "it does not say" in rows["fan", False].reason


def test_the_mean_over_machines_is_of_their_sections(world):
    other = world[~world["condition"].str.endswith("vel=20")].copy()
    for name in ("clip", "machine", "condition"):
        other[name] = other[name].str.replace("fan", "valve")
    keys = {(m, "00", (("vel", v),)) for m in ("fan", "valve") for v in ("5", "15")}
    rows = seen_of(pd.concat([world, other]), SeenConditions(frozenset(keys)))
    parts = [rows[machine, True].gap for machine in ("fan", "valve")]
    assert rows[None, True].gap == pytest.approx(np.mean(parts))
    assert rows[None, True].n_conditions == 4
