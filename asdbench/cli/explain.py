"""``asdbench explain``."""

from __future__ import annotations

from typing import Annotated

import typer

from asdbench.cli.options import RunArgument


def explain(
    run: RunArgument,
    cell: Annotated[
        str,
        typer.Argument(
            metavar="CELL",
            help="machine/section/domain/detector/grid, e.g. fan/00/target/ae-mse/diffused; a "
            "part that is missing or * lists what there is.",
        ),
    ] = "*",
    clips: Annotated[
        int, typer.Option("--clips", min=1, max=1000, help="Clips of each kind to name.")
    ] = 5,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show one cell of a report in full: all AUCs, scores, worst clips, conditions, provenance.

    Scores, clips and seeds need the run folder; a report.json alone shows the rest.

    For example:

        asdbench explain runs/quickstart-20260101-120000 fan/00/target/ae-mse/diffused
    """
    import json
    import sys

    from asdbench.explain import explain as explain_cell
    from asdbench.explain import find_places
    from asdbench.explain.as_json import as_json as to_json
    from asdbench.explain.list_text import render_list
    from asdbench.explain.text import render
    from asdbench.report.write import find_report, read_report

    report = read_report(run)
    found = find_places(report, cell)
    if not found.one:
        if as_json:
            listed = {"cells": [str(place) for place in found.places]}
            typer.echo(json.dumps(listed, indent=2))
        else:
            typer.echo(render_list(report, found.places, cell), nl=False)
        return
    explanation = explain_cell(report, found.places[0], find_report(run), clips)
    if as_json:
        typer.echo(json.dumps(to_json(explanation), indent=2, allow_nan=False))
        return
    encoding = (getattr(sys.stdout, "encoding", None) or "ascii").lower().replace("-", "")
    typer.echo(render(explanation, plain=not encoding.startswith("utf")), nl=False)
