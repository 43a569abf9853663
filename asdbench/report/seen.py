"""Gaps by whether the generator learned from anomalies of the condition."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from asdbench.audit.conditions import ConditionKey, SeenConditions
from asdbench.report.audit_schema import SeenRow
from asdbench.report.by_condition import ScoredConditions
from asdbench.report.measured_gaps import MeasuredGap, mean_gap, measure_gap
from asdbench.report.placed_gaps import headline_gap
from asdbench.report.section_arms import SectionArms
from asdbench.suite.model import REAL


def seen_rows(
    sections: Sequence[SectionArms],
    conditions: ScoredConditions,
    learned: Mapping[str, SeenConditions],
) -> Iterator[SeenRow]:
    """Yield two rows for each detector, grid and machine, and for all machines together.

    Parameters
    ----------
    sections
        What was scored for each arm of each section.
    conditions
        Of all scored clips.
    learned
        What each generator learned from; nothing is said of others.
    """
    groups: dict[tuple[str, str], list[SectionArms]] = {}
    for given in sections:
        if given.pairing.anomalies is not None and given.pairing.generator in learned:
            groups.setdefault((given.detector, given.pairing.anomalies), []).append(given)
    for found in groups.values():
        known = learned[found[0].pairing.generator]
        machines = dict.fromkeys(given.machine for given in found)
        for machine in (*machines, None):
            here = [given for given in found if machine in (None, given.machine)]
            for seen in (True, False):
                row = _row(machine, here, conditions, known, seen)
                if row is not None:
                    yield row


def _row(
    machine: str | None,
    sections: Sequence[SectionArms],
    conditions: ScoredConditions,
    known: SeenConditions,
    seen: bool,
) -> SeenRow | None:
    """Return the row; None where there is no such condition."""
    pairing = sections[0].pairing
    grid = str(pairing.anomalies)
    real, made = conditions.counts.get(REAL, {}), conditions.counts.get(grid, {})
    places = {(given.machine, given.section) for given in sections}
    kept = {
        key
        for key in real.keys() & made.keys()
        if key[:2] in places and (key in known.seen) == seen
    }
    if not kept:
        return None
    facts: dict[str, Any] = {
        "machine": machine,
        "detector": sections[0].detector,
        "generator": pairing.generator,
        "grid": grid,
        "seen": seen,
        "n_conditions": len(kept),
        "n_real": sum(real[key] for key in kept),
        "n_generated": sum(made[key] for key in kept),
    }
    if not seen and known.unknown is not None:
        reason = f"it is not known whether it learned from them: {known.unknown}"
        return SeenRow(**facts, auc_real=None, auc_generated=None, reason=reason)
    return SeenRow(**facts, **_numbers(sections, conditions, kept))


def _numbers(
    sections: Sequence[SectionArms], conditions: ScoredConditions, kept: set[ConditionKey]
) -> dict[str, Any]:
    """Return the means over the sections that have such conditions."""
    gap = headline_gap(sections[0].pairing)
    parts: dict[str, MeasuredGap] = {}
    values: dict[str, list[float]] = {"real": [], gap: []}
    nothing: dict[str, Any] = {"auc_real": None, "auc_generated": None}
    for given in sections:
        own = {key for key in kept if key[:2] == (given.machine, given.section)}
        if not own:
            continue
        arms = conditions.restricted(given, gap, own)
        measured = measure_gap(arms, gap, ("all",), "auc")
        if isinstance(measured, str):
            return nothing | {"reason": f"{given.machine}/{given.section}: {measured}"}
        parts[f"{given.machine}/{given.section}"] = measured
        for arm, found in values.items():
            curves = arms.curves(arm, "all")
            if not isinstance(curves, str):
                found.append(float(np.mean([one.curve.auc for one in curves])))
    averaged = mean_gap(parts, dict.fromkeys(parts, 1.0))
    if isinstance(averaged, str):
        return nothing | {"reason": averaged}
    mean = averaged.interval
    return {
        "auc_real": float(np.mean(values["real"])),
        "auc_generated": float(np.mean(values[gap])),
        "gap": mean.estimate,
        "low": mean.low,
        "high": mean.high,
        "reason": mean.note,
    }
