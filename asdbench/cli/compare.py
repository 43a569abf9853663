"""``asdbench compare``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from asdbench.comparison import Comparison


def compare(
    base: Annotated[
        Path, typer.Argument(metavar="BASE", help="Run folder or report.json to compare with.")
    ],
    new: Annotated[Path, typer.Argument(metavar="NEW", help="Run folder or report.json.")],
    tolerance: Annotated[
        float,
        typer.Option(min=0.0, max=1.0, help="How far an AUC, pAUC or gap may move."),
    ] = 0.01,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Compare two reports row by row; for a build that must fail on a regression.

    Exit codes: 0 nothing moved beyond the tolerance, 3 something did, 4 the reports are not
    comparable (another suite, data set or metric definition), 5 rows were lost.

    For example:

        asdbench compare reports/quickstart runs/today --tolerance 0.02
    """
    import dataclasses
    import json

    from asdbench.comparison import compare as compare_reports
    from asdbench.report.write import read_report

    outcome = compare_reports(read_report(base), read_report(new), tolerance)
    if as_json:
        result = {"verdict": outcome.verdict, **dataclasses.asdict(outcome)}
        typer.echo(json.dumps(result, indent=2, allow_nan=False))
    else:
        _print(outcome)
    raise typer.Exit(outcome.exit_code)


def _print(outcome: Comparison) -> None:
    from asdbench.cli.tables import compact_table, console
    from asdbench.report.text import number

    out = console()
    for obstacle in outcome.obstacles:
        typer.echo(f"not comparable: {obstacle}")
    for note in outcome.notes:
        typer.echo(f"note: {note}")
    if outcome.changes:
        table = compact_table("Changed")
        for name in ("machine", "section", "domain", "detector", "grid", "value"):
            table.add_column(name)
        for name in ("base", "new", "change"):
            table.add_column(name, justify="right")
        for change in outcome.changes:
            values = (number(change.base), number(change.new), number(change.difference, True))
            table.add_row(*change.key, change.value, *values)
        out.print(table)
    for name, keys in (("lost", outcome.lost), ("new", outcome.added)):
        for key in keys:
            typer.echo(f"{name}: {'/'.join(part for part in key if part)}")
    if not outcome.obstacles:
        typer.echo(
            f"{outcome.verdict}: {outcome.n_rows} rows in both, {len(outcome.changes)} values "
            f"moved by more than {outcome.tolerance:g}, {len(outcome.lost)} rows lost, "
            f"{len(outcome.added)} new"
        )
