"""``asdbench gate``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from asdbench.cli.options import RunArgument

if TYPE_CHECKING:
    from asdbench.report.schema import Report


def gate(
    run: RunArgument,
    strict: Annotated[
        bool, typer.Option("--strict", help="Exit with 6 where a gate is inconclusive.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Say whether a run meets the gates of its suite.

    Exit codes: 0 every gate passes, 3 one fails, 6 none fails and one is inconclusive (0 without
    --strict). On simulated data a comparison with published numbers is inconclusive.

    For example:

        asdbench gate runs/mimii_dg_baselines-20260101-120000 --strict
    """
    from asdbench.report.write import read_report

    raise typer.Exit(print_gates(read_report(run), strict, as_json))


def print_gates(report: Report, strict: bool, as_json: bool = False) -> int:
    """Print what became of every gate; return the exit code.

    Raises
    ------
    AsdbenchError
        When the suite has no gates.
    """
    from asdbench.errors import AsdbenchError
    from asdbench.report.gates import verdict_of

    if not report.gates:
        raise AsdbenchError(
            f"suite '{report.suite.name}' has no gates",
            "Write them under `gates:` in the suite; docs/suites.md describes them.",
        )
    verdict = verdict_of(report.gates)
    if as_json:
        _print_json(report, verdict)
    else:
        _print(report, verdict)
    return {"pass": 0, "fail": 3, "inconclusive": 6 if strict else 0}[verdict]


def _print(report: Report, verdict: str) -> None:
    from asdbench.cli.tables import compact_table, console
    from asdbench.report.text import number

    for gate in report.gates:
        typer.echo(f"{gate.verdict}: {gate.id}: {gate.reason}")
        far = [value for value in gate.values if value.verdict == "fail"]
        if not far:
            continue
        table = compact_table(f"Beyond {gate.tolerance:g}: {gate.metric} of {gate.reference}")
        for name in ("method", "machine", "section", "domain"):
            table.add_column(name)
        for name in ("ours", "published", "difference"):
            table.add_column(name, justify="right")
        for value in far:
            where = (value.machine or "all", value.section or "all", value.domain or "both")
            numbers = (number(value.ours), number(value.published), number(value.difference, True))
            table.add_row(value.method, *where, *numbers)
        console().print(table)
    typer.echo(f"gates: {verdict}")


def _print_json(report: Report, verdict: str) -> None:
    import json

    gates = [gate.model_dump(mode="json") for gate in report.gates]
    typer.echo(json.dumps({"verdict": verdict, "gates": gates}, indent=2, allow_nan=False))
