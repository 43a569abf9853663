"""What a finding rests on beside the numbers: its margin, its level, the demand of its gate."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from asdbench.report.outcome_schema import GateResult
from asdbench.report.schema import Report

Demand = Mapping[str, Any]
"""Settings by name. One that only one report records says nothing: it may be older."""


def changes(old: Demand, now: Demand) -> list[str]:
    """Return e.g. ``margin 0.05 -> 0.5`` for every setting that differs."""
    return [
        f"{name} {_shown(old[name])} -> {_shown(now[name])}"
        for name in old
        if name in now and old[name] != now[name]
    ]


def _shown(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def of_gate(gate: GateResult, report: Report) -> Demand:
    """Return what a gate asked for."""
    fields = {
        name: getattr(gate, name)
        for name in ("check", "reference", "metric", "over", "tolerance")
        if getattr(gate, name) is not None
    }
    published = {
        "/".join(filter(None, ("published", v.method, v.machine, v.section, v.domain))): v.published
        for v in gate.values
        if v.published is not None
    }
    # a condition is validated where its gap lies within the suite's margin
    margins = margins_of(report) if gate.check == "coverage" else {}
    margin = {name: value for name, value in margins.items() if name == "margin"}
    return {**fields, **gate.settings, **published, **margin, "confidence": report.confidence}


def margins_of(report: Report) -> Demand:
    """Return the margins of the verdicts on gaps."""
    names = {"section": "margin", "machine": "margin", "suite": "suite_margin"}
    return {names[row.over]: row.margin for row in report.verdicts}


def demand_notes(base: Report, new: Report) -> Iterator[str]:
    """Yield which margins differ, and which gates of both reports ask for something else."""
    yield from changes(margins_of(base), margins_of(new))
    known = {gate.id: gate for gate in base.gates}
    for gate in new.gates:
        old = known.get(gate.id)
        found = [] if old is None else changes(of_gate(old, base), of_gate(gate, new))
        if found:
            more = f", and {len(found) - 3} more" if len(found) > 3 else ""
            yield f"demand of gate {gate.id} changed: {', '.join(found[:3])}{more}"
