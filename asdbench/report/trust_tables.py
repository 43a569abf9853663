"""The verdicts as Markdown: a summary in words, one row a machine and detector, what gaps mean."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Protocol

from asdbench.report.arm_schema import ArmMean
from asdbench.report.schema import Report
from asdbench.report.text import escaped, made_by, notes, number, table, with_interval
from asdbench.report.trust_schema import VerdictRow
from asdbench.report.trust_words import (
    certifiable_words,
    contestants,
    headlines,
    summary,
    unheard_words,
    verdict_of,
)


def verdict_blocks(report: Report) -> list[str]:
    """Return the section that a report begins with; nothing where nothing was generated."""
    if not report.verdicts:
        return []
    groups = contestants(report)
    blocks = ["## Verdicts"]
    for name, rows in groups.items():
        blocks += [f"**{escaped(name)}**", _listed(summary(report, rows))]
    blocks += [marked_up(line) for line in (*unheard_words(report), *certifiable_words(report))]
    blocks.append(_caption(report))
    for name, rows in groups.items():
        blocks += [f"### Verdicts of {escaped(name)}", _table(report, rows)]
    found = [
        (text, "/".join([row.machine or "all machines", row.detector, made_by(row, report)]))
        for row in headlines(report)
        for text in (row.reason, row.note)
    ]
    return [*blocks, *notes(found, "tables/verdicts.csv"), *_meaning(report)]


def _listed(lines: Sequence[str]) -> str:
    return "\n".join(f"- {marked_up(line)}" for line in lines)


def _caption(report: Report) -> str:
    machine, suite = _margins(report)
    return (
        "Do generated anomalies say of a detector what real ones say? Gap: AUC with generated "
        f"clips - AUC with real ones, with its {report.confidence:.0%} interval. *matched* sets "
        "generated anomalies against generated normals; *paper* against real ones. Verdict, "
        f"against a margin of {machine:g} for a machine and {suite:g} over all machines: "
        "**equivalent**: the interval lies inside the margin; **negligible**: so it does, and "
        "excludes 0; **different**: it excludes 0 and does not lie inside; **inconclusive**: "
        "anything else, which is no evidence of equality. Certifiable: the smallest margin that a "
        "perfect generator would meet in 80 of 100 such runs. Floor: what 95 of 100 random halves "
        "of the real clips differ by less than, at these sizes. AUCs are means over sections and "
        "domains. *artifact*: real against generated normals, ideal 0.5. *reads*: what the paper's "
        "AUC is evidence about."
    )


def _margins(report: Report) -> tuple[float, float]:
    by = {row.over: row.margin for row in report.verdicts}
    return by["machine"], by["suite"]


def _table(report: Report, rows: Sequence[VerdictRow]) -> str:
    means = {_key(m): m for m in report.arm_means if m.over in ("machine", "detector")}
    reads = {_key(row): row.reads for row in report.ladder}
    papers = {
        _key(row): row
        for row in report.verdicts
        if (row.gap, row.metric) == ("paper", "auc") and row.over != "section"
    }
    shown = []
    one = len({row.machine for row in rows}) <= 2  # a machine and all machines: the same
    rows = [row for row in rows if row.machine is not None or not one]
    for row in sorted(rows, key=lambda r: (r.machine is None, r.machine or "")):
        paper = papers.get(_key(row)) if row.gap != "paper" else None
        shown.append(
            [
                escaped(row.machine) if row.machine is not None else "**all**",
                row.detector,
                *_aucs(means.get(_key(row))),
                with_interval(row.value, row.low, row.high, signed=True),
                f"**{verdict_of(row)}**",
                number(row.certifiable),
                number(row.noise_floor),
                number(row.p_permutation),
                with_interval(paper.value, paper.low, paper.high, signed=True) if paper else "-",
                reads.get(_key(row), ""),
            ]
        )
    headers = ["machine", "detector", "real", "matched", "paper", "artifact", "coded"]
    headers += [f"{rows[0].gap} gap", "verdict", "certifiable", "floor", "p", "paper gap", "reads"]
    return table(*without_empty(shown, headers), 2)


class _Row(Protocol):
    """A row about a machine, or about all of them."""

    @property
    def machine(self) -> str | None: ...
    @property
    def detector(self) -> str: ...
    @property
    def generator(self) -> str: ...
    @property
    def grid(self) -> str | None: ...


def _key(row: _Row) -> tuple[str | None, str, str, str | None]:
    return row.machine, row.detector, row.generator, row.grid


def _aucs(mean: ArmMean | None) -> list[str]:
    if mean is None:
        return ["-"] * 5
    aucs = (mean.auc_real, mean.auc_matched, mean.auc_paper, mean.auc_artifact, mean.auc_coded)
    return [number(auc) for auc in aucs]


def without_empty(
    rows: Sequence[Sequence[str]], headers: Sequence[str]
) -> tuple[list[list[str]], list[str]]:
    """Return the table without the columns that say nothing."""
    keep = [i for i in range(len(headers)) if {row[i] for row in rows} - {"-", ""}]
    return [[row[i] for i in keep] for row in rows], [headers[i] for i in keep]


def marked_up(text: str) -> str:
    """Return text as Markdown shows it, with what is marked as bold or as code in the original."""
    shown = re.sub(r"\\\*\\\*(.+?)\\\*\\\*", r"**\1**", escaped(text))
    return re.sub(r"\\`(.+?)\\`", lambda code: f"`{code[1].replace(chr(92), '')}`", shown)


def _meaning(report: Report) -> list[str]:
    """Return what the gap of each machine means, in words."""
    order = ("generator", "codec", "faults")
    rows = sorted(
        (row for row in report.ladder if row.reads in order), key=lambda r: order.index(r.reads)
    )
    lines = [f"- {escaped(row.sentence)}" for row in rows]
    return ["### What the paper's gap is made of", "\n".join(lines)] if lines else []
