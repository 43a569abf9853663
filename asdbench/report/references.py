"""Published numbers beside this run's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from asdbench.report.outcome_schema import PublishedRow, ReferenceFacts, SelectionRow
from asdbench.report.real_results import Measured, RealResults
from asdbench.report.selection import chosen_detectors
from asdbench.suite.model import Suite
from asdbench.suite.outcome_models import ORACLE, SelectionModel
from asdbench.suite.reference import Reference, ReferenceValue


def reference_facts(references: Mapping[str, Reference]) -> list[ReferenceFacts]:
    """Say what the published numbers are."""
    return [
        ReferenceFacts(id=r.id, source=r.source, what=r.what, sections=r.sections)
        for r in references.values()
    ]


def published_rows(
    suite: Suite,
    references: Mapping[str, Reference],
    selected: Sequence[SelectionRow],
    results: RealResults,
) -> list[PublishedRow]:
    """Return one row for each published number of a method that the suite has a detector for."""
    selections = {selection.id: selection for selection in suite.selections}
    rows = []
    for used in suite.references:
        reference = references[used.use]
        for value in reference.values:
            target = used.detectors.get(value.method)
            if target is not None:
                ours = _ours(value, target, reference, selections, selected, results)
                rows.append(_row(reference.id, target, value, ours))
    return rows


def _row(reference: str, target: str, value: ReferenceValue, ours: Measured) -> PublishedRow:
    return PublishedRow(
        reference=reference,
        method=value.method,
        detector=target,
        machine=value.machine,
        section=value.section,
        domain=value.domain,
        metric=value.metric,
        ours=ours.value,
        published=value.value,
        difference=None if ours.value is None else ours.value - value.value,
        reason=ours.reason,
    )


def _ours(
    value: ReferenceValue,
    target: str,
    reference: Reference,
    selections: Mapping[str, SelectionModel],
    selected: Sequence[SelectionRow],
    results: RealResults,
) -> Measured:
    machines = (value.machine,) if value.machine else reference.machines(value.method)
    absent = [machine for machine in machines if machine not in results.machines]
    if absent:
        return Measured(None, f"{', '.join(absent)}: no part of this run")
    sections = (value.section,) if value.section else reference.sections
    selection = selections.get(target.removesuffix(ORACLE))
    if selection is None:
        detector_of = dict.fromkeys(machines, target)
        return results.measure(value.metric, detector_of, sections, value.domain)
    beyond = [s for s in sections if s not in selection.report_on.sections]
    if beyond:
        return Measured(None, f"'{selection.id}' does not report on section {', '.join(beyond)}")
    picks = chosen_detectors(selected, selection.id, oracle=target.endswith(ORACLE))
    found = {machine: pick for machine in machines if (pick := picks.get(machine)) is not None}
    if len(found) < len(machines):
        return Measured(None, f"'{selection.id}' has no choice for every machine")
    return results.measure(value.metric, found, sections, value.domain)
