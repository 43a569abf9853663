"""What verdicts and rankings amount to, in sentences for the page and the terminal.

Words that matter most stand between double asterisks, code between backticks.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import get_args

from asdbench.report.schema import Report
from asdbench.report.text import made_by, with_interval
from asdbench.report.trust_schema import AgreementRow, GapVerdict, LadderRow, VerdictRow

VERDICTS: tuple[GapVerdict, ...] = get_args(GapVerdict)
NO_VERDICT = "no verdict"


def headlines(report: Report) -> list[VerdictRow]:
    """Return the headline AUC gaps of machines and of the suite."""
    return [
        row
        for row in report.verdicts
        if row.headline and row.metric == "auc" and row.over != "section"
    ]


def contestants(report: Report) -> dict[str, list[VerdictRow]]:
    """Return the headline gaps by what was generated, as tables name it."""
    found: dict[str, list[VerdictRow]] = {}
    for row in headlines(report):
        found.setdefault(made_by(row, report), []).append(row)
    return found


def verdict_of(row: VerdictRow) -> str:
    """Return the verdict, or that there is none."""
    return row.verdict or NO_VERDICT


def summary(report: Report, rows: Sequence[VerdictRow]) -> list[str]:
    """Return what the headline gaps of one generator come to, one sentence a line."""
    machines = [row for row in rows if row.over == "machine"]
    named = len({row.machine for row in machines}), len({row.detector for row in machines})
    lines = [
        f"{plural(len(machines), f'{rows[0].gap} gap')} ({plural(named[0], 'machine')}, "
        f"{plural(named[1], 'detector')}): **{counted(machines)}**."
    ]
    lines += [suite_words(row) for row in rows if row.over == "suite" and named[0] > 1]
    return [
        *lines,
        *heard_words(report, rows),
        *(ranking_words(row) for row in rankings(report, rows)),
    ]


def counted(rows: Sequence[VerdictRow]) -> str:
    """Return e.g. ``1 equivalent, 0 negligible, 2 different, 7 inconclusive``."""
    count = Counter(verdict_of(row) for row in rows)
    told = [f"{count[name]} {name}" for name in VERDICTS]
    told += [f"{count[NO_VERDICT]} without a verdict"] if count[NO_VERDICT] else []
    return ", ".join(told)


def suite_words(row: VerdictRow) -> str:
    """Return the gap over all machines with its verdict."""
    if row.value is None:
        return f"{row.detector}: no {row.gap} gap over all machines ({row.reason})."
    shown = with_interval(row.value, row.low, row.high, signed=True)
    return f"{row.detector}: {row.gap} gap over all machines {shown}: **{verdict_of(row)}**."


def heard_words(report: Report, rows: Sequence[VerdictRow]) -> list[str]:
    """Return what the artifact arm of a generator allows; nothing where it was not measured."""
    known = [row for row in _ladder(report, rows) if row.reads != "not measured"]
    if not known:
        return []
    heard = [row for row in known if row.reads != "faults"]
    if not heard:
        return [
            f"Artifact arm: in none of {len(known)} rows was the detector found to tell generated "
            f"normals from real ones; {_reach(report, known)}nothing speaks against the paper's "
            "AUC there."
        ]
    return [
        f"Artifact arm: **in {len(heard)} of {len(known)} rows the detector tells generated "
        "normals from real ones**; there its AUC on generated anomalies against real normals is "
        "not evidence about faults."
    ]


def _reach(report: Report, rows: Sequence[LadderRow]) -> str:
    """Return how far the intervals of the artifact AUCs reach."""
    keys = {(row.machine, row.detector, row.generator) for row in rows}
    ends = [
        end
        for found in report.artifacts
        if (found.machine, found.detector, found.generator) in keys
        for end in (found.auc_low, found.auc_high)
        if end is not None
    ]
    if not ends:
        return ""
    return f"as far as their intervals reach (AUCs of {min(ends):.2f} to {max(ends):.2f}), "


def unheard_words(report: Report) -> list[str]:
    """Return which generators' artifact arm was not measured, and how it would be."""
    names = [
        name
        for name, rows in contestants(report).items()
        if all(row.reads == "not measured" for row in _ladder(report, rows))
    ]
    if not names:
        return []
    controls = {g.generator for g in report.grids.values() if is_control(g.label, g.make)}
    unasked = [rows[0].generator for rows in contestants(report).values()]
    wanted = [generator for generator in unasked if generator not in controls]
    how = (
        f" A grid of generated normals in the suite would tell: `{{generator: {wanted[0]}, "
        "label: normal}`."
        if wanted
        else ""
    )
    return [
        f"The artifact arm of {', '.join(names)} **was not measured**: whether a detector hears "
        f"faults in these anomalies, or the generator, is not known.{how}"
    ]


def is_control(label: str, make: str) -> bool:
    """Return whether a grid holds generated normals."""
    return (label, make) == ("normal", "generate")


def certifiable_words(report: Report) -> list[str]:
    """Return that the clips are too few for the margin, where they are."""
    lines = []
    for over, what in (("machine", "a machine"), ("suite", "all machines")):
        rows = [r for r in headlines(report) if r.over == over and r.certifiable is not None]
        best = min((r.certifiable for r in rows if r.certifiable is not None), default=0.0)
        if rows and best > rows[0].margin:
            lines.append(f"within {best:.3f} of {what} (margin {rows[0].margin:g})")
    if not lines:
        return []
    return [
        f"**The clips are too few for the margin.** At best they certify a perfect generator "
        f"{' and '.join(lines)}: an inconclusive verdict says little of the generator."
    ]


def _ladder(report: Report, rows: Sequence[VerdictRow]) -> list[LadderRow]:
    key = (rows[0].generator, rows[0].grid)
    return [row for row in report.ladder if (row.generator, row.grid) == key]


def ranking_words(row: AgreementRow) -> str:
    """Return which detector is best by real and by generated anomalies."""
    if row.best_real is None or row.best_generated is None:
        return f"Ranking of the detectors: none ({row.reason})."
    same = row.best_real == row.best_generated
    best = (
        f"Best detector: {_or_tie(row.best_real)} by real and by generated anomalies"
        if same
        else f"Best detector: **{_or_tie(row.best_real)} by real, {_or_tie(row.best_generated)} "
        "by generated anomalies**"
    )
    parts = []
    if row.top1 is not None and row.top1_ceiling is not None:
        parts.append(
            f"the same in {row.top1:.0%} of bootstrap draws, by two sets of real clips in "
            f"{row.top1_ceiling:.0%}"
        )
    if row.tau is not None and row.tau_ceiling is not None and row.n_detectors > 2:
        parts.append(f"tau {row.tau:.2f}, by two sets of real clips {row.tau_ceiling:.2f}")
    if row.regret is not None and not same:
        parts.append(f"choosing by generated ones costs {row.regret:.3f} of real AUC")
    return f"{best} ({'; '.join(parts)})." if parts else f"{best}."


def rankings(report: Report, rows: Sequence[VerdictRow]) -> list[AgreementRow]:
    """Return the rankings by the headline's arm of one generator, over all machines."""
    key = (rows[0].generator, rows[0].grid, rows[0].gap)
    return [
        row
        for row in report.agreement
        if row.machine is None and (row.generator, row.grid, row.gap) == key
    ]


def plural(count: int, noun: str) -> str:
    """Return e.g. ``1 machine`` or ``5 machines``."""
    return f"{count} {noun}" + ("" if count == 1 else "s")


def _or_tie(best: str) -> str:
    """Return the best detector, or that there is none."""
    *others, last = best.split(", ")
    return f"none ({', '.join(others)} and {last} tie)" if others else last
