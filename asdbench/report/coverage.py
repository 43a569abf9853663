"""The coverage map: which conditions have a generated AUC that real clips validate."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from asdbench.audit.conditions import LEAST, ConditionKey, Ranges, in_order, nearest, written
from asdbench.conditions import format_attributes
from asdbench.report.audit_schema import CoverageRow
from asdbench.report.by_condition import ScoredConditions
from asdbench.report.cells import Arm, Rules
from asdbench.report.measured_gaps import measure_gap
from asdbench.report.placed_gaps import headline_gap
from asdbench.report.section_arms import ArmKey, SectionArms, scored_sides
from asdbench.report.trust_schema import GapKind
from asdbench.stats.equivalence import is_equivalent
from asdbench.suite.arms import ArmName, sweep_pairings
from asdbench.suite.model import REAL, Suite


def coverage_rows(
    suite: Suite,
    sections: Sequence[SectionArms],
    arms: Mapping[ArmKey, Sequence[Arm]],
    conditions: ScoredConditions,
    rules: Rules,
) -> Iterator[CoverageRow]:
    """Yield a row for each detector, grid of anomalies, section and condition.

    Parameters
    ----------
    suite
        The suite that was run.
    sections
        What was scored for each arm of each section.
    arms
        All scored clips, those of grids over axes among them.
    conditions
        Of all of them.
    rules
        What the suite says about metrics and their uncertainty.
    """
    groups: dict[tuple[str, str, str], list[SectionArms]] = {}
    for given in [*sections, *_over_axes(suite, arms, rules)]:
        if given.pairing.anomalies is not None:
            place = (given.machine, given.detector, given.pairing.generator)
            groups.setdefault(place, []).append(given)
    real = conditions.counts.get(REAL, {})
    for (machine, *_), found in groups.items():
        measured = [
            row
            for given in found
            for row in _section(
                given,
                conditions,
                suite.statistics.margin,
                suite.grids[str(given.pairing.anomalies)].sweeps,
            )
        ]
        validated = {key for key, row in measured if row.status == "validated"}
        ranges = Ranges.of(key[2] for key in real if key[0] == machine)
        for key, row in measured:
            yield row.model_copy(update=_nearest(key, row, validated, ranges))


def _over_axes(
    suite: Suite, arms: Mapping[ArmKey, Sequence[Arm]], rules: Rules
) -> Iterator[SectionArms]:
    """Yield the arms of grids over axes, each beside its generator's control grids."""
    repeats = suite.seeds.detector_repeats
    places = sorted({(machine, section) for _, _, machine, section in arms})
    for pairing in sweep_pairings(suite):
        for detector in suite.detectors:
            for machine, section in places:
                scored = scored_sides(pairing, arms, (detector.id, machine, section))
                if ("paper", "generated anomalies") in scored:
                    yield SectionArms(
                        pairing, machine, section, detector.id, scored, repeats, rules
                    )


def _section(
    given: SectionArms, conditions: ScoredConditions, margin: float, swept: bool
) -> Iterator[tuple[ConditionKey, CoverageRow]]:
    """Yield each condition that has anomalies, real or of the grid, with its row."""
    grid, gap = str(given.pairing.anomalies), headline_gap(given.pairing)
    real, made = conditions.counts.get(REAL, {}), conditions.counts.get(grid, {})
    place = (given.machine, given.section)
    found = (key for key in real.keys() | made.keys() if key[:2] == place)
    for key in sorted(found, key=in_order):
        if key not in made and swept:
            continue  # a grid over axes was not asked for it
        own = conditions.restricted(given, gap, {key})
        yield (
            key,
            CoverageRow(
                machine=given.machine,
                section=given.section,
                domain=conditions.domains[key],
                condition=format_attributes(key[2]),
                detector=given.detector,
                generator=given.pairing.generator,
                grid=grid,
                n_real=real.get(key, 0),
                n_generated=made.get(key, 0),
                **_numbers(own, gap, real.get(key, 0), made.get(key, 0), margin),
            ),
        )


def _numbers(own: SectionArms, gap: GapKind, real: int, made: int, margin: float) -> dict[str, Any]:
    """Return status, AUCs and gap of one condition."""
    values: dict[str, Any] = {
        "status": "measured" if real else "extrapolated",
        "auc_real": _auc(own, "real") if real else None,
        "auc_generated": _auc(own, gap) if made else None,
    }
    if not made:
        return values | {"reason": "no generated anomalies of the condition"}
    if not real:
        return values
    if min(real, made) < LEAST:
        sides = values["auc_generated"], values["auc_real"]
        values["gap"] = None if None in sides else sides[0] - sides[1]
        return values | {"reason": f"fewer than {LEAST} real or generated anomalies: no interval"}
    measured = measure_gap(own, gap, ("all",), "auc")
    if isinstance(measured, str):
        return values | {"reason": measured}
    found = measured.interval
    values |= {"gap": found.estimate, "low": found.low, "high": found.high, "reason": found.note}
    if found.note is None and is_equivalent(found, margin):  # a note: an interval too narrow
        values["status"] = "validated"
    return values


def _auc(own: SectionArms, arm: ArmName) -> float | None:
    curves = own.curves(arm, "all")
    return None if isinstance(curves, str) else float(np.mean([one.curve.auc for one in curves]))


def _nearest(
    key: ConditionKey, row: CoverageRow, validated: Collection[ConditionKey], ranges: Ranges
) -> dict[str, Any]:
    """Return the nearest validated condition of one that is not."""
    found = None if row.status == "validated" else nearest(key, validated, ranges)
    return {} if found is None else {"nearest": written(found[0]), "distance": found[1]}
