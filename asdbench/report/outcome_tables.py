"""Selections, published numbers and gates as Markdown."""

from __future__ import annotations

from collections.abc import Sequence

from asdbench.report.gate_tables import gate_blocks
from asdbench.report.outcome_schema import PublishedRow, ReferenceFacts
from asdbench.report.schema import Report
from asdbench.report.text import escaped, notes, number, table

SIMULATED = (
    "**Simulated data.** The published numbers were measured on recorded machines: beside numbers "
    "from a simulation they mean nothing, except that the comparison works."
)


def outcome_blocks(report: Report) -> list[str]:
    """Return the sections on selections, published numbers and gates; what there is of them."""
    return [*_selections(report), *_published(report), *gate_blocks(report)]


def _selections(report: Report) -> list[str]:
    if not report.selections:
        return []
    caption = (
        "For each machine, the detector with the highest harmonic mean of AUC and pAUC on the "
        "sections to choose on, and its result on the sections to report on. *Oracle*: the best on "
        "the sections to report on themselves, an upper bound and not a result."
    )
    rows = [
        [
            r.selection,
            escaped(r.machine or "all"),
            r.chosen or "",
            r.oracle or "",
            number(r.validation),
            number(r.hmean),
            number(r.auc),
            number(r.pauc),
            number(r.oracle_hmean),
        ]
        for r in report.selections
    ]
    headers = ["selection", "machine", "chosen", "oracle's choice", "hmean (choosing)", "hmean"]
    headers += ["AUC", "pAUC", "hmean (oracle)"]
    found = [(r.reason, f"{r.selection} of {r.machine or 'all'}") for r in report.selections]
    return [
        "## Selections",
        caption,
        table(rows, headers, 4),
        *notes(found, "tables/selections.csv"),
    ]


def _published(report: Report) -> list[str]:
    if not report.references:
        return []
    blocks = ["## Published numbers", SIMULATED if report.data.simulated else ""]
    for reference in report.references:
        mine = [row for row in report.published if row.reference == reference.id]
        blocks += [f"### {reference.id}", *_reference(reference, mine)]
    return blocks


def _reference(reference: ReferenceFacts, rows: Sequence[PublishedRow]) -> list[str]:
    there = [row for row in rows if row.ours is not None]
    shown = [
        [
            escaped(r.method),
            r.detector,
            escaped(r.machine or "all"),
            escaped(r.section or "all"),
            r.domain or "both",
            r.metric,
            number(r.ours),
            number(r.published),
            number(r.difference, signed=True),
        ]
        for r in there
    ]
    headers = ["method", "detector", "machine", "section", "domain", "metric"]
    headers += ["ours", "published", "difference"]
    found = [
        (r.reason, "/".join([r.method, *(p for p in (r.machine, r.section, r.domain) if p)]))
        for r in rows
    ]
    count = f"{len(there)} of {len(rows)} published numbers have a counterpart in this run."
    return [
        escaped(reference.source),
        f"{escaped(reference.what)} {count}",
        table(shown, headers, 6) if shown else "",
        *notes(found, "tables/published.csv"),
    ]
