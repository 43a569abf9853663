"""The tables that commands print to stdout."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich import box
from rich.console import Console
from rich.table import Table

from asdbench.report.text import made_by, number, title

if TYPE_CHECKING:
    from asdbench.report.schema import Mean, Report

_PLAIN_WIDTH = 100


def console() -> Console:
    """Return a console for stdout: of the terminal's width, or of a fixed one in a pipe."""
    out = Console(highlight=False, markup=False)
    if not out.is_terminal:
        return Console(highlight=False, markup=False, width=_PLAIN_WIDTH, color_system=None)
    if out.width < _PLAIN_WIDTH:
        out.width = _PLAIN_WIDTH  # wrapped lines are ugly; columns that vanish are wrong
    return out


def compact_table(title: str | None = None, caption: str | None = None) -> Table:
    """Return a table that spends its width on numbers."""
    return Table(
        title=title,
        caption=caption,
        title_justify="left",
        caption_justify="left",
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        pad_edge=False,
    )


def print_summary(report: Report) -> None:
    """Print one row for each machine, detector and generator, at most 100 columns wide.

    What matters most comes last: the gap over all machines with its verdict, whether detectors
    hear the generator, and whether the best detector stays the best.
    """
    out = console()
    if report.verdicts:
        from asdbench.cli.verdict_table import closing_lines, verdict_table

        out.print(verdict_table(report))
        for line in closing_lines(report):
            out.print(line)
    else:
        out.print(_summary(report))
    for row in report.below_chance:
        out.print(f"Warning: {row.sentence}")


def _summary(report: Report) -> Table:
    """Return the results of the paper's protocol."""
    groups = [m for m in report.means if m.over == "machine and domain"]
    by_domain = bool(groups)
    table = compact_table(title(report), _caption(report, by_domain))
    for name in ("machine", "detector", "generator"):
        table.add_column(name, overflow="fold")
    for domain in ("source", "target") if by_domain else ("all",):
        for arm in ("real", "gen.", "gap"):
            head = f"{domain}\n{arm}" if by_domain else f"AUC\n{arm}"
            table.add_column(head, justify="right", no_wrap=True)
    for arm in ("real", "gen."):
        table.add_column(f"pAUC\n{arm}", justify="right", no_wrap=True)
    previous = None
    machines = [m for m in report.means if m.over == "machine"]
    for mean in sorted(machines, key=lambda m: m.machine or ""):
        if previous is not None and previous != mean.machine:
            table.add_section()
        previous = mean.machine
        table.add_row(*_row(report, mean, by_domain))
    return table


def _row(report: Report, mean: Mean, by_domain: bool) -> list[str]:
    parts = [mean]
    if by_domain:
        parts = [
            m
            for m in report.means
            if m.over == "machine and domain"
            and (m.machine, m.detector, m.generator, m.grid)
            == (mean.machine, mean.detector, mean.generator, mean.grid)
        ]
    values = [mean.machine or "", mean.detector, made_by(mean, report)]
    for part in parts:
        values += [number(part.auc_real), number(part.auc_generated), number(part.auc_gap, True)]
    if by_domain:
        values += ["-"] * (9 - len(values))  # a machine without domains
    return [*values, number(mean.pauc_real), number(mean.pauc_generated)]


def _caption(report: Report, by_domain: bool) -> str:
    data = "simulated" if report.data.simulated else "real"
    what = "normals of the domain against the anomalies of both domains"
    if report.definition == "dcase2021":
        what = "normals against anomalies of the same domain"
    if not by_domain:
        what = "all normals against all anomalies of the section"
    return (
        f"AUC ({what}), mean over sections, on {data} anomalies and on generated ones; "
        "gap = generated - real. Intervals are in the report."
    )
