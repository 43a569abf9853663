"""Compare two reports row by row: what changed, what was lost, what is new."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace

from asdbench.comparison.comparability import notes, obstacles
from asdbench.comparison.findings import Found, findings_of
from asdbench.comparison.judging import NOT_EXAMINED, judge, ungated
from asdbench.comparison.numbers import cell_rows, pairs_of
from asdbench.comparison.only import Part, part_of
from asdbench.comparison.outcome import BEYOND, Change, Comparison
from asdbench.comparison.paired import PairedRuns
from asdbench.comparison.quantity import Key
from asdbench.comparison.side import Side
from asdbench.comparison.tolerance import DEFAULT_TOLERANCE, Tolerances
from asdbench.report.schema import Report


def compare(
    base: Report | Side,
    new: Report | Side,
    tolerance: float = DEFAULT_TOLERANCE,
    gates: Mapping[str, float] | None = None,
    only: Sequence[str] = (),
) -> Comparison:
    """Join two reports on machine, section, domain, detector and grid, and judge every number.

    Parameters
    ----------
    base, new
        Reports, or reports with their scores: then differences have paired intervals.
    tolerance
        A number has changed when it moved by more than this, in either direction.
    gates
        Tolerances by name (see :data:`asdbench.comparison.tolerance.NAMES`). With any, only
        these numbers decide about the outcome.
    only
        ``FIELD=NAME`` texts: which rows are compared.

    Raises
    ------
    AsdbenchError
        When ``only`` names nothing that the base has.
    """
    one = base if isinstance(base, Side) else Side(base)
    other = new if isinstance(new, Side) else Side(new)
    part = part_of(one.report, other.report, only)
    tolerances = Tolerances(tolerance, dict(gates or {}))
    found = tuple(obstacles(one.report, other.report, part))
    runs = PairedRuns(one, other)
    remarks = [*notes(one.report, other.report)]
    if runs.obstacle is not None:
        remarks.append(f"{runs.obstacle}: tolerances only, no paired intervals")
    outcome = Comparison(
        suite=f"{one.report.suite.name} {one.report.suite.version}",
        obstacles=found,
        notes=tuple(remarks),
        rows=(),
        lost=(),
        added=(),
        n_rows=0,
        tolerances=dict(gates) if gates else {"default": tolerance},
        confidence=one.report.confidence,
    )
    if found:
        return outcome
    old_rows = {key: cell for key, cell in cell_rows(one.report).items() if part.has(key)}
    new_rows = {key: cell for key, cell in cell_rows(other.report).items() if part.has(key)}
    both = [key for key in old_rows if key in new_rows]
    lost = [key for key in old_rows if key not in new_rows]
    lost += [key for key in both if old_rows[key].status == "ok" != new_rows[key].status]
    pairs = [p for p in pairs_of(one.report, other.report, lost) if part.has(p.key)]
    findings = list(_findings(one.report, other.report, part, tolerances, lost))
    unequal = old_rows.keys() ^ new_rows.keys()
    if unequal:  # a mean over other rows is another number
        pairs = [p for p in pairs if not _is_mean_over(p.key, unequal)]
        findings = [f for f in findings if not _is_mean_over(f.key, unequal)]
        remarks.append("rows are lost or new: means over them are not compared")
    of_base = [p.quantity for p in pairs if p.base is not None]
    idle = tolerances.idle([*of_base, *(None for f in findings if f.status != "new")])
    if idle and len(idle) == len(tolerances.gates) and not lost:
        reason = f"no gate covers a number of the base ({', '.join(idle)})"
        return replace(outcome, obstacles=(reason,))
    remarks += [f"gate {name} covers no number of the base" for name in idle]
    return replace(
        outcome,
        notes=tuple(remarks),
        rows=(*(judge(pair, tolerances, runs.interval) for pair in pairs), *findings),
        lost=tuple(lost),
        added=tuple(key for key in new_rows if key not in old_rows),
        n_rows=len(both),
    )


def _is_mean_over(key: Key, rows: Collection[Key]) -> bool:
    """Return whether a number is a mean over sections to which one of ``rows`` belongs."""
    return key.section is None and any(
        key.machine in (None, row.machine)
        and key.detector in (None, row.detector)
        and key.grid in (None, row.grid)
        for row in rows
    )


def _findings(
    base: Report, new: Report, part: Part, tolerances: Tolerances, lost: Collection[Key]
) -> Iterator[Change]:
    """Yield what became of every finding, and which are new in rows that the base has."""
    old, now = findings_of(base), findings_of(new)
    gated = tolerances.gated(None)
    added = cell_rows(new).keys() - cell_rows(base).keys()
    for key, finding in dict.fromkeys([*old, *now]):
        before, after = old.get((key, finding)), now.get((key, finding))
        whole = finding.kind == "gate"  # a gate looks at all of a report
        absent = key in lost or key in added
        if absent or not part.has(key) or (whole and part.narrows()):
            continue
        after = after or Found(None)
        if before is None:
            why = "the base has no such finding"
            yield Change(key, finding.name, None, after.word, "new", gated, reason=why)
            continue
        words = before.word, after.word
        status, reason = finding.status(before, after)
        if gated:
            yield Change(key, finding.name, *words, status, gated, reason=reason)
        else:
            beyond = status in BEYOND
            reason = reason or NOT_EXAMINED
            yield Change(key, finding.name, *words, ungated(status), gated, beyond, reason=reason)
