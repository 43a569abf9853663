"""``asdbench validate``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from asdbench.cli.options import OnlyOption, PluginOption, SetOption, SuiteArgument

if TYPE_CHECKING:
    from asdbench.suite import LoadedSuite, Problem


def validate(
    suite: SuiteArgument,
    set_: SetOption = None,
    only: OnlyOption = None,
    plugin: PluginOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Check a suite and its data, and print all mistakes at once. Nothing is computed.

    Exit codes: 0 the suite can run, 2 it cannot.

    For example:

        asdbench validate suites/mimii_dg.yaml --set dataset.root=DIR
    """
    from asdbench.engine.plan import data_problems
    from asdbench.suite import examine

    loaded, problems = examine(suite, set_ or (), only or ())
    of_data = data_problems(loaded) if loaded is not None else []
    warnings = _warnings(loaded) if loaded is not None and not of_data else []
    if as_json:
        _print_json(loaded, problems, of_data, warnings)
    else:
        _print(loaded, problems, of_data, warnings)
    if loaded is None or of_data:
        raise typer.Exit(2)


def _warnings(loaded: LoadedSuite) -> list[str]:
    """Return a line for each gate that hardly or cannot pass, however good the generators are."""
    from asdbench.engine.forecast import gate_forecast

    said = {"cannot pass": "cannot pass", "unlikely": "hardly passes"}
    return [
        f"gate '{found.gate}' {said[found.expected]}: {found.reason}"
        for found in gate_forecast(loaded)
        if found.expected in said
    ]


def _print(
    loaded: LoadedSuite | None,
    problems: Sequence[Problem],
    of_data: Sequence[str],
    warnings: Sequence[str],
) -> None:
    from asdbench.suite import foreign_code

    for problem in [*problems, *of_data]:
        typer.echo(str(problem))
    if loaded is None or of_data:
        count = len(problems) + len(of_data)
        typer.echo(f"{count} problem{'s' if count > 1 else ''}", err=True)
        return
    suite = loaded.suite
    counts = {
        "detector": len(suite.detectors),
        "generator": len(suite.generators),
        "grid": len(suite.grids),
    }
    named = ", ".join(f"{n} {what}{'' if n == 1 else 's'}" for what, n in counts.items())
    typer.echo(f"ok: {loaded.name_for_people} ({suite.name} {suite.version}): {named}")
    for warning in warnings:
        typer.echo(f"warning: {warning}")
    if warnings:
        typer.echo(f"'asdbench plan {loaded.name_for_people}' says what to change.")
    foreign = foreign_code(loaded)
    if foreign:
        typer.echo("It runs code from outside asdbench:")
    for origin in foreign:
        typer.echo(f"  {origin}")


def _print_json(
    loaded: LoadedSuite | None,
    problems: Sequence[Problem],
    of_data: Sequence[str],
    warnings: Sequence[str],
) -> None:
    import json

    from asdbench.suite import foreign_code

    result = {
        "ok": loaded is not None and not of_data,
        "name": loaded.suite.name if loaded else None,
        "digest": loaded.digest if loaded else None,
        "problems": [
            {
                "file": problem.file,
                "line": problem.line or None,
                "column": problem.column or None,
                "message": problem.message,
                "hint": problem.hint,
            }
            for problem in problems
        ],
        "data_problems": list(of_data),
        "warnings": list(warnings),
        "foreign_code": foreign_code(loaded) if loaded else [],
    }
    typer.echo(json.dumps(result, indent=2))
