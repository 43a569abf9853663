"""What a report says in words: verdicts, findings of audits and controls, gates."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from asdbench.comparison.asked import AskedArms
from asdbench.comparison.demands import Demand, changes, of_gate
from asdbench.comparison.outcome import Status
from asdbench.comparison.quantity import Key
from asdbench.comparison.tolerance import VERDICT
from asdbench.report.schema import Report

_RANKS = {
    "gap": {"equivalent": 0, "negligible": 0, "inconclusive": None, "different": 1},
    "artifact": {"not separated": 0, "not measured": None, "separated": 1},
    "leakage": {"none": 0, "unknown": None, "leaked": 1},
    "memorization": {"not copied": 0, "not measured": None, "copied": 1},
    "fidelity": {"kept": 0, "weak": 1, "not measured": None, "ignored": 2},
    "gate": {"pass": 0, "inconclusive": None, "fail": 1},
}
"""How bad each word is; None where it decides nothing."""


@dataclass(frozen=True)
class Found:
    """What a report says, and under which demand."""

    word: str | None
    demand: Demand = field(default_factory=dict)


@dataclass(frozen=True)
class Finding:
    """Which finding of a row; ``kind`` says which words there are."""

    kind: str
    name: str

    def status(self, found: Found, then: Found) -> tuple[Status, str | None]:
        """Return what became of a finding, and a reason where nothing is decided.

        A gap without an interval has no verdict; its number is compared all the same. Under
        another demand, even the same word says something else.
        """
        base, new = found.word, then.word
        if base is None and new is None:
            return "within tolerance", "no verdict on either side"
        if new is None:
            return "lost", "the new report has no such finding"
        if base is None:
            return "appeared", "the base has none"
        other = changes(found.demand, then.demand)
        if other:
            return "other demand", f"under another demand: {', '.join(other)}"
        ranks = _RANKS[self.kind]
        before, after = ranks[base], ranks[new]
        if base == new or (before == after and before is not None):
            return "within tolerance", None
        if before is None or after is None:
            return "unresolved", f"from '{base}' to '{new}': one of the two decides nothing"
        return ("regression" if after > before else "improvement"), None


Findings = dict[tuple[Key, Finding], Found]


def findings_of(report: Report) -> Findings:
    """Return every finding by what it is about."""
    return dict(_findings(report))


def _findings(report: Report) -> Iterator[tuple[tuple[Key, Finding], Found]]:
    asked = AskedArms.of(report)
    level = {"confidence": report.confidence}
    for v in report.verdicts:
        if not asked.has(v.grid or v.generator, v.gap):
            continue
        key = Key(v.machine, v.section, v.domain, v.detector, v.grid or v.generator)
        demand = {"margin": v.margin, **level}
        yield (key, Finding("gap", f"{VERDICT}_{v.metric}_{v.gap}")), Found(v.verdict, demand)
    for a in report.artifacts:
        key = Key(a.machine, None, None, a.detector, a.generator)
        yield (key, Finding("artifact", "artifact")), Found(a.finding, level)
    for leak in report.leakage:
        key = Key(None, None, None, None, leak.generator)
        yield (key, Finding("leakage", "leakage")), Found(leak.status)
    for m in report.memorization:
        key = Key(m.machine, None, None, None, m.grid)
        yield (key, Finding("memorization", "memorization")), Found(m.finding)
    for f in report.fidelity:
        key = Key(f.machine, f.section, None, None, f.grid)
        yield (key, Finding("fidelity", f"fidelity_{f.attribute}")), Found(f.finding)
    for gate in report.gates:
        key = Key(None, None, None, None, None)
        yield (key, Finding("gate", f"gate_{gate.id}")), Found(gate.verdict, of_gate(gate, report))
