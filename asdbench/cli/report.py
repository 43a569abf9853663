"""``asdbench report``."""

from __future__ import annotations

from typing import Annotated

import typer

from asdbench.cli.options import RunArgument


def report(
    run: RunArgument,
    formats: Annotated[
        str, typer.Option("--format", metavar="LIST", help="Which files to write: md, csv.")
    ] = "md,csv",
) -> None:
    """Render a report again from its report.json, and print its summary.

    For example:

        asdbench report runs/quickstart-20260101-120000 --format md
    """
    from asdbench.cli.tables import print_summary
    from asdbench.errors import AsdbenchError
    from asdbench.report.write import FORMATS, find_report, read_report, write_report

    wanted = [name.strip() for name in formats.split(",") if name.strip()]
    unknown = [name for name in wanted if name not in FORMATS]
    if unknown or not wanted:
        raise AsdbenchError(
            f"unknown report format '{', '.join(unknown)}'", f"Allowed: {', '.join(FORMATS)}."
        )
    content = read_report(run)
    print_summary(content)
    for path in write_report(content, find_report(run).parent, wanted):
        typer.echo(str(path))
