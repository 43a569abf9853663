"""Detectors chosen on some sections and reported on others, beside the oracle."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from asdbench.report.outcome_schema import SelectionRow
from asdbench.report.real_results import Measured, RealResults
from asdbench.suite.outcome_models import SelectionModel


def select(selections: Sequence[SelectionModel], results: RealResults) -> list[SelectionRow]:
    """Return a row for each selection and machine, and one over all machines."""
    rows = []
    for selection in selections:
        mine = [_row(selection, machine, results) for machine in results.machines]
        rows += [*mine, _over_all(selection, mine, results)]
    return rows


def chosen_detectors(
    rows: Sequence[SelectionRow], selection: str, oracle: bool
) -> Mapping[str, str | None]:
    """Return the detector that a selection, or its oracle, stands for on each machine."""
    return {
        row.machine: row.oracle if oracle else row.chosen
        for row in rows
        if row.selection == selection and row.machine is not None
    }


def _row(selection: SelectionModel, machine: str, results: RealResults) -> SelectionRow:
    candidates = selection.candidates
    chosen, validation = _best(candidates, machine, selection.choose_on.sections, results)
    there = selection.report_on.sections
    oracle, bound = _best(candidates, machine, there, results)
    none = Measured(None, validation.reason)
    found = [
        results.measure(metric, {machine: chosen}, there) if chosen is not None else none
        for metric in ("hmean", "auc", "pauc")
    ]
    reasons = (validation.reason, *(m.reason for m in found), bound.reason)
    return SelectionRow(
        selection=selection.id,
        machine=machine,
        candidates=len(candidates),
        chosen=chosen,
        validation=validation.value,
        hmean=found[0].value,
        auc=found[1].value,
        pauc=found[2].value,
        oracle=oracle,
        oracle_hmean=bound.value,
        reason="; ".join(dict.fromkeys(r for r in reasons if r)) or None,
    )


def _best(
    candidates: Sequence[str], machine: str, sections: Sequence[str], results: RealResults
) -> tuple[str | None, Measured]:
    """Return the detector with the highest harmonic mean; the first of equals.

    None unless every candidate has one: the best of those that happened to succeed is no choice.
    """
    found = [results.measure("hmean", {machine: name}, sections) for name in candidates]
    missing = [measured.reason for measured in found if measured.value is None]
    if missing:
        why = f"{len(missing)} of {len(found)} have no result to choose by ({missing[0]})"
        return None, Measured(None, why)
    values = [m.value for m in found if m.value is not None]
    at = max(range(len(values)), key=values.__getitem__)
    return candidates[at], found[at]


def _over_all(
    selection: SelectionModel, rows: Sequence[SelectionRow], results: RealResults
) -> SelectionRow:
    chosen = {row.machine: row.chosen for row in rows if row.machine and row.chosen}
    oracles = {row.machine: row.oracle for row in rows if row.machine and row.oracle}
    choose, there = selection.choose_on.sections, selection.report_on.sections
    complete = len(chosen) == len(rows)
    lacking = f"{len(rows) - len(chosen)} of {len(rows)} machines have no choice"
    none = Measured(None, lacking)
    validation = results.measure("hmean", chosen, choose) if complete else none
    found = [
        results.measure(metric, chosen, there) if complete else none
        for metric in ("hmean", "auc", "pauc")
    ]
    bound = none
    if len(oracles) == len(rows):
        bound = results.measure("hmean", oracles, there)
    reasons = (validation.reason, *(m.reason for m in found), bound.reason)
    return SelectionRow(
        selection=selection.id,
        machine=None,
        candidates=len(selection.candidates),
        chosen=None,
        validation=validation.value,
        hmean=found[0].value,
        auc=found[1].value,
        pauc=found[2].value,
        oracle=None,
        oracle_hmean=bound.value,
        reason="; ".join(dict.fromkeys(r for r in reasons if r)) or None,
    )
