"""The arms as Markdown: means, what the artifact arm says, every row."""

from __future__ import annotations

from collections.abc import Sequence

from asdbench.report.arm_schema import ArmMean, ArmRow
from asdbench.report.schema import Report
from asdbench.report.text import escaped, made_by, notes, number, table, with_interval
from asdbench.suite.arms import SIDES


def arm_blocks(report: Report) -> list[str]:
    """Return the section on means of the arms, beside what the verdicts already show."""
    if not any(controlled(mean) for mean in report.arm_means):
        return []
    blocks = ["## Arms", _means_caption(report)]
    for over, heading, by in (
        ("detector", "", ()),
        ("domain", "### Arms by domain", ("domain",)),
    ):
        means = [mean for mean in report.arm_means if mean.over == over]
        blocks += [heading, _means(report, means, by)] if means else []
    return blocks


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
        f"{arms} Means over the AUCs of sections and domains. Gap: AUC of the arm on its left - "
        "AUC (real); abs.: mean of the absolute gaps. The matched gap is the headline; the paper's "
        "may be read where the artifact arm is near 0.5. off: mean of the distances from 0.5, "
        "because a mean of 0.5 can hide 0.1 and 0.9. A mean over an incomplete set is not given."
    )


def _means(report: Report, means: Sequence[ArmMean], by: Sequence[str]) -> str:
    columns = [
        ("real", [number(m.auc_real) for m in means]),
        ("matched", [number(m.auc_matched) for m in means]),
        ("gap", [number(m.matched_gap, signed=True) for m in means]),
        ("abs.", [number(m.matched_abs_gap) for m in means]),
        ("paper", [number(m.auc_paper) for m in means]),
        ("gap", [number(m.paper_gap, signed=True) for m in means]),
        ("abs.", [number(m.paper_abs_gap) for m in means]),
        ("artifact", [number(m.auc_artifact) for m in means]),
        ("off", [number(m.artifact_deviation) for m in means]),
        ("coded", [number(m.auc_coded) for m in means]),
        ("gap", [number(m.coded_gap, signed=True) for m in means]),
        ("abs.", [number(m.coded_abs_gap) for m in means]),
        ("codec", [number(m.auc_codec) for m in means]),
        ("off", [number(m.codec_deviation) for m in means]),
        ("cells", [str(m.n_cells) for m in means]),
    ]
    shown = [(name, cells) for name, cells in columns if set(cells) != {"-"}]
    rows = [
        [m.detector, made_by(m, report), *(escaped(getattr(m, b)) for b in by), *numbers]
        for m, *numbers in zip(means, *(cells for _, cells in shown), strict=True)
    ]
    return table(rows, ["detector", "generator", *by, *(name for name, _ in shown)], 2 + len(by))


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
