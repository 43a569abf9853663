"""The arms as Markdown: means, what the artifact arm says, every row."""

from __future__ import annotations

from collections.abc import Sequence

from asdbench.report.arm_schema import ArmMean, ArmRow
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
from asdbench.suite.arms import SIDES


def arm_blocks(report: Report) -> list[str]:
    """Return the section on what verdicts leave out of the arms: each domain by itself."""
    means = [mean for mean in report.arm_means if mean.over == "domain"]
    if not means:
        return []
    return ["## Arms by domain", _means_caption(report), _means(report, means)]


def arm_row_blocks(report: Report) -> list[str]:
    """Return the section with every row of the arms."""
    if not any(controlled(mean) for mean in report.arm_means):
        return []
    where = [
        (row, "/".join([row.machine, row.section, row.domain, row.detector, made_by(row, report)]))
        for row in _ordered(report)
    ]
    found = [
        (getattr(row, name).note, f"{name.replace('_', ' ')} of {place}")
        for row, place in where
        for name in (*SIDES, "matched_gap", "coded_gap")
    ]
    return [
        "## Arms by cell",
        _rows_caption(report),
        _rows(report),
        *notes(found, "tables/arms.csv"),
    ]


def controlled(row: ArmMean) -> bool:
    """Return whether there is more than real clips and the paper's protocol."""
    measured = (row.auc_matched, row.auc_artifact, row.auc_coded, row.auc_codec)
    return any(value is not None for value in measured)


def _means_caption(report: Report) -> str:
    texts = report.definitions
    arms = " ".join(f"*{name}*: {texts[f'arm_{name}']}" for name in SIDES if f"arm_{name}" in texts)
    return (
        f"{arms} Means over the AUCs of sections; off: mean of the distances from 0.5, because a "
        "mean of 0.5 can hide 0.1 and 0.9. A mean over an incomplete set is not given."
    )


def _means(report: Report, means: Sequence[ArmMean]) -> str:
    rows = [
        [
            m.detector,
            made_by(m, report),
            str(m.domain),
            number(m.auc_real),
            number(m.auc_matched),
            number(m.auc_paper),
            number(m.auc_artifact),
            number(m.artifact_deviation),
            number(m.auc_coded),
            number(m.auc_codec),
            number(m.codec_deviation),
        ]
        for m in means
    ]
    headers = ["detector", "generator", "domain", "real", "matched", "paper"]
    headers += ["artifact", "off", "coded", "codec", "off"]
    return table(*without_empty(rows, headers), 3)


def _ordered(report: Report) -> list[ArmRow]:
    domains = ("source", "target", "all")
    return sorted(report.arms, key=lambda r: (r.machine, r.section, domains.index(r.domain)))


def _rows_caption(report: Report) -> str:
    return (
        f"AUC of each arm with its {report.confidence:.0%} interval, and gaps to the real arm; the "
        "paper's gap is in the table of cells. n: real normals / real anomalies / generated "
        "normals / generated anomalies / coded normals / coded anomalies that entered. Which clips "
        "enter an AUC of one domain: as in the table of cells; artifact and codec arm take both "
        "sides from that domain. pAUCs are in tables/arms.csv."
    )


def _rows(report: Report) -> str:
    rows = []
    for row in _ordered(report):
        arms = [getattr(row, name) for name in SIDES]
        gaps = [row.matched_gap, row.coded_gap]
        sizes = (
            row.real.n_negative,
            row.real.n_positive,
            row.artifact.n_positive,
            row.paper.n_positive,
            row.codec.n_positive,
            row.coded.n_positive,
        )
        rows.append(
            [
                escaped(row.machine),
                escaped(row.section),
                row.domain,
                row.detector,
                made_by(row, report),
                "/".join(str(size) for size in sizes),
                *(with_interval(arm.auc, arm.auc_low, arm.auc_high) for arm in arms),
                *(with_interval(gap.value, gap.low, gap.high, signed=True) for gap in gaps),
            ]
        )
    headers = ["machine", "section", "domain", "detector", "generator", "n"]
    return table(rows, [*headers, *SIDES, "matched gap", "coded gap"], 5)
