"""What a run with generated clips prints at its end: verdicts, and what they come to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from asdbench.cli.tables import compact_table
from asdbench.report.text import number, title, with_interval
from asdbench.report.trust_words import (
    certifiable_words,
    contestants,
    counted,
    heard_words,
    plural,
    ranking_words,
    rankings,
    suite_words,
    unheard_words,
    verdict_of,
)

if TYPE_CHECKING:
    from rich.padding import Padding
    from rich.table import Table

    from asdbench.report.schema import Report
    from asdbench.report.trust_schema import VerdictRow


def verdict_table(report: Report) -> Table:
    """Return the headline gap of each machine, detector and generator with its verdict."""
    table = compact_table(title(report), _caption(report))
    for name in ("machine", "detector", "generator"):
        table.add_column(name, overflow="fold")
    table.add_column("AUC\nreal", justify="right", no_wrap=True)
    table.add_column("arm", no_wrap=True)
    table.add_column(f"gap, {report.confidence:.0%} interval", justify="right", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    table.add_column("artif.\nAUC", justify="right", no_wrap=True)
    means = {
        (m.machine, m.detector, m.generator, m.grid): m
        for m in report.arm_means
        if m.over == "machine"
    }
    rows = [
        (name, row)
        for name, group in contestants(report).items()
        for row in group
        if row.machine is not None
    ]
    order = [detector.id for detector in report.detectors]
    previous = None
    for name, row in sorted(rows, key=lambda r: (r[1].machine or "", order.index(r[1].detector))):
        if previous is not None and previous != row.machine:
            table.add_section()
        previous = row.machine
        mean = means.get((row.machine, row.detector, row.generator, row.grid))
        table.add_row(
            row.machine,
            row.detector,
            name,
            number(mean.auc_real if mean else None),
            row.gap,
            with_interval(row.value, row.low, row.high, signed=True),
            verdict_of(row),
            number(mean.auc_artifact if mean else None),
        )
    return table


def _caption(report: Report) -> str:
    data = "simulated" if report.data.simulated else "real"
    margin = next(row.margin for row in report.verdicts if row.over == "machine")
    return (
        f"AUC: mean over sections and domains, on {data} anomalies. gap: AUC with generated clips "
        f"less AUC with {data} ones (margin {margin:g}). arm: matched sets generated anomalies "
        f"against generated normals, paper against {data} ones. artif.: {data} against generated "
        "normals; ideal 0.5."
    )


def closing_lines(report: Report) -> Iterator[Padding]:
    """Yield the lines that matter most, indented below the generator they are about."""
    from rich.padding import Padding

    for name, rows in contestants(report).items():
        machines = [row for row in rows if row.over == "machine"]
        gaps = plural(len(machines), f"{rows[0].gap} gap")
        yield Padding(f"{name}, {gaps}: {counted(machines)}", (1, 0, 0, 0), expand=False)
        for line in _lines(report, rows):
            yield Padding.indent(_plain(line), 2)
    for line in (*unheard_words(report), *certifiable_words(report)):
        yield Padding(_plain(line), (1, 0, 0, 0), expand=False)


def _lines(report: Report, rows: Sequence[VerdictRow]) -> Iterator[str]:
    yield from (suite_words(row) for row in rows if row.over == "suite")
    yield from heard_words(report, rows)
    yield from (ranking_words(row) for row in rankings(report, rows))


def _plain(text: str) -> str:
    return text.replace("**", "").replace("`", "")
