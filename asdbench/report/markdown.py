"""The report as Markdown: what was run, the means, every cell, what each number means."""

from __future__ import annotations

from collections.abc import Sequence

from asdbench.report.arm_tables import arm_blocks, arm_row_blocks
from asdbench.report.audit_tables import audit_blocks
from asdbench.report.coverage_table import coverage_blocks
from asdbench.report.outcome_tables import outcome_blocks
from asdbench.report.quality_table import quality_blocks
from asdbench.report.schema import Cell, Comparison, DataFacts, GridFacts, Mean, Report
from asdbench.report.text import (
    escaped,
    first_line,
    made_by,
    notes,
    number,
    table,
    title,
    with_interval,
)
from asdbench.report.trust_tables import pauc_blocks, verdict_blocks
from asdbench.report.uncertainty_tables import distance_blocks, uncertainty_blocks


def gap_text(comparison: Comparison) -> str:
    """Return e.g. ``+0.031 [-0.020, +0.081]``."""
    return with_interval(comparison.gap, comparison.gap_low, comparison.gap_high, signed=True)


def render_markdown(report: Report) -> str:
    """Return the whole report as one Markdown page."""
    blocks = [f"# {escaped(title(report))}", *_introduction(report)]
    if report.problems:
        blocks += ["## Problems", _problems(report)]
    if report.below_chance:
        found = [f"- {escaped(row.sentence)}" for row in report.below_chance]
        blocks += ["## Below chance", "\n".join(found)]
    blocks += [*verdict_blocks(report), *uncertainty_blocks(report), *arm_blocks(report)]
    blocks += [*pauc_blocks(report), *audit_blocks(report)]
    if not report.verdicts:  # which stand for the means, with intervals
        blocks += _all_means(report)
    blocks += [
        "## Official score",
        report.definitions["official_score"],
        _official(report),
        *outcome_blocks(report),
        "## Cells",
        _cells_caption(report),
        _cells(report),
        *_notes(report),
        *arm_row_blocks(report),
        *distance_blocks(report),
        *coverage_blocks(report),
        *quality_blocks(report),
        "## What was run",
        _plugins(report),
    ]
    return "\n\n".join(block for block in blocks if block) + "\n"


def _all_means(report: Report) -> list[str]:
    blocks = ["## Means", _means_caption(report)]
    for over, heading, by in (
        ("detector", "", ()),
        ("domain", "### By domain", ("domain",)),
        ("machine", "### By machine", ("machine",)),
    ):
        means = [mean for mean in report.means if mean.over == over]
        blocks += [heading, _means(report, means, by)] if means else []
    return blocks


def _introduction(report: Report) -> list[str]:
    data = report.data
    blocks = [escaped(report.suite.description)] if report.suite.description else []
    if data.simulated:
        blocks.append(
            "**Simulated data.** The clips called *real* below come from a simulation; "
            "no number here is a result on recorded machines."
        )
    evaluation = (
        f"Evaluation: {data.n_test_normal} normal and {data.n_test_anomaly} anomalous clips"
    )
    if report.generators:
        shared = (
            "the generators learned from the same normal clips"
            if data.normals_shared
            else "no generator saw them"
        )
        blocks.append(
            f"Detectors learned from {data.n_detector_train} normal clips ({shared}). Generators "
            f"learned from {data.n_generator_train_normal} normal and "
            f"{data.n_generator_train_anomaly} anomalous clips. {evaluation} {_unseen(data)}"
        )
    else:
        blocks.append(f"Detectors learned from {data.n_detector_train} normal clips. {evaluation}.")
    if data.n_test_unlabelled:
        blocks.append(f"{data.n_test_unlabelled} clips without a label entered no metric.")
    if data.skipped:
        listed = "\n".join(f"- {escaped(why)}" for _, why in sorted(data.skipped.items()))
        blocks.append(
            f"Skipped because they cannot be used: {len(data.skipped)} clips.\n\n{listed}"
        )
    if report.suite.overrides:
        changes = ", ".join(f"`{text}`" for text in report.suite.overrides)
        blocks.append(f"Changed on the command line: {changes}.")
    return blocks


def _unseen(data: DataFacts) -> str:
    """Say what no generator learned from, or how a cross-fit made sure of it."""
    if not data.folds:
        return "that no generator saw."
    lent = sorted({fold.n_generator_train_anomaly for fold in data.folds})
    apart = (
        "saw no anomaly of the condition"
        if data.folds_by == "condition"
        else "did not see the clip"
    )
    return (
        f"in {len(data.folds)} folds: each generator was fitted {len(data.folds)} times, on "
        f"{data.folds[0].n_generator_train_normal} normal and "
        f"{'-'.join(map(str, dict.fromkeys([lent[0], lent[-1]])))} anomalous clips, and every "
        f"generated clip comes from a fit that {apart} that it was made like."
    )


def _problems(report: Report) -> str:
    return "\n".join(
        f"- **{escaped(p.task)}**: {escaped(p.error)}: {escaped(first_line(p.message))}"
        for p in report.problems
    )


def _means_caption(report: Report) -> str:
    both = any(c.domain != "all" for c in report.cells)
    what = "source and target" if both else "section"
    protocol = "Real normals against generated anomalies (the paper's protocol). "
    return (
        (protocol if report.generators else "")
        + f"Arithmetic means: AUC over the {what} AUCs of the sections, pAUC over the sections. "
        "Gap: generated - real; abs. gap: the mean of its absolute values. A mean over an "
        "incomplete set is not given."
        + (" Rows of one domain average the pAUC (domain)." if both else "")
        + f" Cells: AUCs that entered; gap \u2260 0: those whose {report.confidence:.0%} interval "
        "of the gap excludes 0."
    )


def _means(report: Report, means: Sequence[Mean], by: Sequence[str]) -> str:
    headers = ["detector", "generator", *by, "AUC real", "AUC gen.", "gap", "abs. gap"]
    headers += ["pAUC real", "pAUC gen.", "pAUC gap", "cells", "gap \u2260 0"]
    rows = [
        [
            m.detector,
            made_by(m, report),
            *(escaped(getattr(m, name)) for name in by),
            number(m.auc_real),
            number(m.auc_generated),
            number(m.auc_gap, signed=True),
            number(m.auc_abs_gap),
            number(m.pauc_real),
            number(m.pauc_generated),
            number(m.pauc_gap, signed=True),
            str(m.n_cells),
            str(m.n_gaps_not_zero),
        ]
        for m in means
    ]
    return table(rows, headers, 2 + len(by))


def _official(report: Report) -> str:
    rows = [
        [
            s.detector,
            made_by(s, report),
            number(s.real),
            number(s.generated),
            s.reason or "",
        ]
        for s in report.official
    ]
    return table(rows, ["detector", "generator", "real", "generated", "missing because"], 2)


def _cells_caption(report: Report) -> str:
    texts = report.definitions
    keys = [k for k in ("auc", "auc_all", "pauc", "pauc_domain") if k in texts]
    domains = ""
    if "pauc_domain" in texts:
        domains = (
            " In rows of domain `all`: AUC (all) and pAUC; in rows of a domain: AUC and pAUC "
            "(domain), which takes the anomalies of that domain only. AUC (all) pools the clips of "
            "both domains; the means of a machine average the AUCs of its domains."
        )
    return (
        " ".join(texts[k] for k in keys)
        + domains
        + " n: normal / real anomalous / generated anomalous clips that entered the AUC, "
        "generated ones of each fit of the generator. "
        + f"Real: {texts['real'][0].lower()}{texts['real'][1:]} "
        + f"Generated (gen.): {texts['generated'][0].lower()}{texts['generated'][1:]} "
        + f"Gap: {texts['gap']} F1: of the real clips of the domain, at the detector's threshold."
    )


def _cells(report: Report) -> str:
    headers = ["machine", "section", "domain", "detector", "generator", "n"]
    headers += ["AUC real", "AUC gen.", "AUC gap", "pAUC real", "pAUC gen.", "pAUC gap", "F1"]
    return table([_cell_row(cell, report) for cell in _ordered(report)], headers, 5)


def _ordered(report: Report) -> list[Cell]:
    domains = ("source", "target", "all")
    return sorted(report.cells, key=lambda c: (c.machine, c.section, domains.index(c.domain)))


def _cell_row(cell: Cell, report: Report) -> list[str]:
    return [
        escaped(cell.machine),
        escaped(cell.section),
        cell.domain,
        cell.detector,
        made_by(cell, report),
        f"{cell.n_normal}/{cell.n_anomaly_real}/{cell.n_anomaly_generated}",
        number(cell.auc.real),
        number(cell.auc.generated),
        gap_text(cell.auc),
        number(cell.pauc.real),
        number(cell.pauc.generated),
        gap_text(cell.pauc),
        number(cell.decisions.f1 if cell.decisions else None),
    ]


def _notes(report: Report) -> list[str]:
    """Return why values or intervals are missing, or weak, with the cells concerned."""
    found = []
    for cell in _ordered(report):
        where = "/".join([cell.machine, cell.section, cell.domain, cell.detector])
        if cell.grid is not None:
            where += f"/{made_by(cell, report)}"
        for metric, comparison in (("AUC", cell.auc), ("pAUC", cell.pauc)):
            found += [
                (text, f"{metric} of {where}") for text in (comparison.reason, comparison.note)
            ]
    return notes(found, "tables/cells.csv")


def _plugins(report: Report) -> str:
    suite = report.suite
    lines = [
        f"- suite `{suite.name}` {suite.version}, digest `{suite.digest[:16]}`",
        f"- data `{report.data.dataset.use}`, digest `{report.data.digest[:16]}`",
    ]
    for kind, plugins in (("detector", report.detectors), ("generator", report.generators)):
        for p in plugins:
            given = {name: value for name, value in p.params.items() if value is not None}
            params = ", ".join(f"{name}={value}" for name, value in given.items())
            needs = f"; asked for {', '.join(p.needs)}" if p.needs else ""
            paper = f". {p.paper}" if p.paper else ""
            lines.append(
                f"- {kind} `{p.id}`: {p.use} {p.version}, code `{p.code[:16]}` "
                f"({escaped(params)}){needs}{paper}"
            )
    lines += [f"- grid `{name}`: {_asked_for(grid)}" for name, grid in report.grids.items()]
    lines.append(f"- asdbench {report.asdbench}")
    return "\n".join(lines)


def _asked_for(grid: GridFacts) -> str:
    if grid.make == "roundtrip":
        return f"the real {grid.label} clips through the codec of `{grid.generator}`"
    if not grid.sweeps:
        return f"{grid.multiplier:g} x {grid.label} of `{grid.generator}`, matching {grid.match}"
    refused = f"; it refused {escaped('; '.join(grid.refused))}" if grid.refused else ""
    return (
        f"{grid.clips_per_cell} x {grid.label} of `{grid.generator}` for each condition of its "
        f"axes, for the coverage map only{refused}"
    )
