"""The verdicts as Markdown: a summary in words, one row a machine and detector, what gaps mean."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Protocol

from asdbench.report.arm_schema import ArmMean
from asdbench.report.schema import Report
from asdbench.report.text import (
    escaped,
    made_by,
    notes,
    number,
    table,
    with_interval,
    without_empty,
)
from asdbench.report.trust_schema import LadderRow, VerdictRow
from asdbench.report.trust_words import (
    certifiable_words,
    contestants,
    headlines,
    summary,
    unheard_words,
    verdict_of,
)

_SHOWN = 12
"""Sentences on the page; all are in the tables."""


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


def marked_up(text: str) -> str:
    """Return text as Markdown shows it, with what is marked as bold or as code in the original."""
    shown = re.sub(r"\\\*\\\*(.+?)\\\*\\\*", r"**\1**", escaped(text))
    return re.sub(r"\\`(.+?)\\`", lambda code: f"`{code[1].replace(chr(92), '')}`", shown)


def _meaning(report: Report) -> list[str]:
    """Return what the paper's gap of each machine is made of: a table, and words on the worst."""
    known = [row for row in report.ladder if row.reads != "not measured"]
    if not known:
        return []
    found = {(f.machine, f.detector, f.generator): f for f in report.artifacts}
    rows = []
    for row in known:
        artifact = found[row.machine, row.detector, row.generator]
        shown = with_interval(artifact.auc, artifact.auc_low, artifact.auc_high)
        steps = (row.paper_gap, row.codec, row.generation, row.rest)
        rows.append(
            [
                escaped(row.machine),
                row.detector,
                made_by(row, report),
                row.reads,
                shown,
                *(number(step, signed=True) for step in steps),
            ]
        )
    headers = ["machine", "detector", "generator", "reads", "artifact", "paper gap"]
    headers += ["= codec", "+ generator", "+ rest"]
    caption = (
        "The paper's gap in steps: *codec*: coding the anomalies alone; *rest*: the matched gap; "
        "*generator*: what generated normals show as well (without coded clips, the codec "
        "included). *reads*: what AUCs on generated anomalies against real normals are evidence "
        "about: faults, unless the detector separates generated normals from real ones."
    )
    return [
        "### What the paper's gap is made of",
        caption,
        table(sorted(rows, key=lambda r: r[2]), headers, 4),
        *_heard(known),
    ]


def _heard(rows: Sequence[LadderRow]) -> list[str]:
    sentences = [row.sentence for row in rows if row.reads != "faults"]
    lines = [f"- {escaped(sentence)}" for sentence in sentences[:_SHOWN]]
    if len(sentences) > _SHOWN:
        lines.append(f"- and {len(sentences) - _SHOWN} more (tables/ladder.csv)")
    return ["\n".join(lines)] if lines else []


def pauc_blocks(report: Report) -> list[str]:
    """Return the section on pAUC: headline gaps of machines, and over all."""
    found = [r for r in report.verdicts if r.headline and r.metric == "pauc"]
    rows = [row for row in found if row.over != "section"]
    if not rows:
        return []
    arms = {_key(m): m for m in report.arm_means if m.over in ("machine", "detector")}
    shown = []
    for row in sorted(rows, key=lambda r: (made_by(r, report), r.machine is None)):
        mean = arms.get(_key(row))
        made = None
        if mean is not None:
            made = mean.pauc_matched if row.gap == "matched" else mean.pauc_paper
        shown.append(
            [
                escaped(row.machine) if row.machine is not None else "**all**",
                row.detector,
                made_by(row, report),
                row.gap,
                number(mean.pauc_real if mean else None),
                number(made),
                with_interval(row.value, row.low, row.high, signed=True),
                f"**{verdict_of(row)}**",
                number(row.certifiable),
            ]
        )
    headers = ["machine", "detector", "generator", "arm", "real", "generated", "gap", "verdict"]
    caption = f"Means over sections. {report.definitions['pauc']} Verdicts as for AUC."
    return ["## pAUC", caption, table(shown, [*headers, "certifiable"], 4)]
