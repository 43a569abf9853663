"""The report as Markdown: what was run, the means, every cell, what each number means."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tabulate import tabulate

from asdbench.report.schema import Cell, Comparison, Mean, Report


def number(value: float | None, signed: bool = False) -> str:
    """Return a metric with three decimals; ``-`` where there is none."""
    if value is None:
        return "-"
    rounded = round(value, 3) + 0.0  # no -0.000
    return f"{rounded:+.3f}" if signed else f"{rounded:.3f}"


def first_line(text: str) -> str:
    """Return the first line of a message that may be empty."""
    return (text.splitlines() or [""])[0]


def gap_text(comparison: Comparison) -> str:
    """Return e.g. ``+0.031 [-0.020, +0.081]``."""
    gap = number(comparison.gap, signed=True)
    if comparison.gap_low is None or comparison.gap_high is None:
        return gap
    ends = f"{number(comparison.gap_low, True)}, {number(comparison.gap_high, True)}"
    return f"{gap} [{ends}]"


def title(report: Report) -> str:
    """Return the title; it says *simulated* where the "real" clips are simulated."""
    kind = " (simulated data)" if report.data.simulated else ""
    return f"{report.suite.name} {report.suite.version}{kind}"


def render_markdown(report: Report) -> str:
    """Return the whole report as one Markdown page."""
    blocks = [f"# {title(report)}", *_introduction(report)]
    if report.problems:
        blocks += ["## Problems", _problems(report)]
    blocks += [
        "## Means",
        _means_caption(report),
        _means(report, [m for m in report.means if m.over == "detector"], ()),
        "### By domain",
        _means(report, [m for m in report.means if m.over == "domain"], ("domain",)),
        "### By machine",
        _means(report, [m for m in report.means if m.over == "machine"], ("machine",)),
        "## Official score",
        report.definitions["official_score"],
        _official(report),
        "## Cells",
        _cells_caption(report),
        _cells(report),
        "## What the numbers mean",
        "\n".join(f"- **{name}**: {text}" for name, text in report.definitions.items()),
        "## What was run",
        _plugins(report),
    ]
    return "\n\n".join(block for block in blocks if block) + "\n"


def _introduction(report: Report) -> list[str]:
    data = report.data
    blocks = [report.suite.description] if report.suite.description else []
    if data.simulated:
        blocks.append(
            "**Simulated data.** The clips called *real* below come from a simulation; "
            "no number here is a result on recorded machines."
        )
    shared = (
        "the same normal clips as the generators"
        if data.normals_shared
        else "normal clips that no generator saw"
    )
    blocks.append(
        f"Detectors learned from {data.n_detector_train} clips ({shared}). Generators learned from "
        f"{data.n_generator_train_normal} normal and {data.n_generator_train_anomaly} anomalous "
        f"clips. Evaluation: {data.n_test_normal} normal and {data.n_test_anomaly} anomalous clips "
        "that no generator saw."
    )
    if data.n_test_unlabelled:
        blocks.append(f"{data.n_test_unlabelled} clips without a label entered no metric.")
    if data.skipped:
        listed = "\n".join(f"- `{name}`: {why}" for name, why in sorted(data.skipped.items()))
        blocks.append(
            f"Skipped because they cannot be used: {len(data.skipped)} clips.\n\n{listed}"
        )
    if report.suite.overrides:
        blocks.append(
            "Changed on the command line: "
            + ", ".join(f"`{text}`" for text in report.suite.overrides)
            + "."
        )
    return blocks


def _problems(report: Report) -> str:
    lines = [f"- **{p.task}**: {p.error}: {first_line(p.message)}" for p in report.problems]
    return "\n".join(lines)


def _table(rows: Iterable[Sequence[str]], headers: Sequence[str], text: int) -> str:
    """Return a table whose first ``text`` columns are words and whose others are numbers."""
    align = ["left"] * text + ["right"] * (len(headers) - text)
    return tabulate(list(rows), headers, tablefmt="github", colalign=align, disable_numparse=True)


def _means_caption(report: Report) -> str:
    both = any(c.domain != "all" for c in report.cells)
    what = "source and target" if both else "section"
    return (
        f"Arithmetic means: AUC over the {what} AUCs of the sections, pAUC over the sections. "
        "The gap is generated - real; |gap| is the mean of its absolute values. A mean over an "
        "incomplete set is not given. "
        "Rows of one domain average the pAUC (domain)."
    )


def _means(report: Report, means: Sequence[Mean], by: Sequence[str]) -> str:
    if not means:
        return ""
    headers = [
        "detector",
        "generator",
        *by,
        "AUC real",
        "AUC gen.",
        "gap",
        "mean abs. gap",
        "pAUC real",
        "pAUC gen.",
        "pAUC gap",
        "cells",
    ]
    rows = [
        [
            m.detector,
            m.generator or "-",
            *(getattr(m, name) for name in by),
            number(m.auc_real),
            number(m.auc_generated),
            number(m.auc_gap, signed=True),
            number(m.auc_abs_gap),
            number(m.pauc_real),
            number(m.pauc_generated),
            number(m.pauc_gap, signed=True),
            str(m.n_cells),
        ]
        for m in means
    ]
    return _table(rows, headers, 2 + len(by))


def _official(report: Report) -> str:
    rows = [
        [s.detector, s.generator or "-", number(s.real), number(s.generated)]
        for s in report.official
    ]
    return _table(rows, ["detector", "generator", "real", "generated"], 2)


def _cells_caption(report: Report) -> str:
    keys = [k for k in ("auc", "auc_all", "pauc", "pauc_domain") if k in report.definitions]
    return (
        " ".join(report.definitions[k] for k in keys)
        + " In rows of domain `all`: AUC (all) and pAUC; in rows of a domain: AUC and pAUC "
        "(domain). n: normal / real anomalous / generated anomalous clips that entered the AUC. "
        + report.definitions["gap"]
    )


def _cells(report: Report) -> str:
    headers = ["machine", "section", "domain", "detector", "generator", "n"]
    headers += ["AUC real", "AUC gen.", "AUC gap", "pAUC real", "pAUC gen.", "pAUC gap"]
    ordered = sorted(
        report.cells,
        key=lambda c: (c.machine, c.section, ("source", "target", "all").index(c.domain)),
    )
    return _table([_cell_row(cell) for cell in ordered], headers, 5)


def _cell_row(cell: Cell) -> list[str]:
    counts = f"{cell.n_normal}/{cell.n_anomaly_real}/{cell.n_anomaly_generated}"
    row = [cell.machine, cell.section, cell.domain, cell.detector, cell.generator or "-"]
    if cell.status != "ok":
        return [*row, f"{cell.status}: {cell.reason}", *["-"] * 6]
    return [
        *row,
        counts,
        number(cell.auc.real),
        number(cell.auc.generated),
        gap_text(cell.auc),
        number(cell.pauc.real),
        number(cell.pauc.generated),
        gap_text(cell.pauc),
    ]


def _plugins(report: Report) -> str:
    suite = report.suite
    lines = [
        f"- suite `{suite.name}` {suite.version}, digest `{suite.digest[:16]}`",
        f"- data `{report.data.dataset.use}`, digest `{report.data.digest[:16]}`",
    ]
    for kind, plugins in (("detector", report.detectors), ("generator", report.generators)):
        for p in plugins:
            params = ", ".join(f"{name}={value}" for name, value in p.params.items())
            needs = f"; asked for {', '.join(p.needs)}" if p.needs else ""
            paper = f". {p.paper}" if p.paper else ""
            lines.append(
                f"- {kind} `{p.id}`: {p.use} {p.version}, code `{p.code[:16]}` ({params}){needs}"
                f"{paper}"
            )
    lines.append(f"- asdbench {report.asdbench}")
    return "\n".join(lines)
