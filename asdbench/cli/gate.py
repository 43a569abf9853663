"""``asdbench gate``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from asdbench.cli.options import RunArgument

if TYPE_CHECKING:
    from asdbench.report.outcome_schema import GateResult
    from asdbench.report.schema import Report

MOST = 10
"""Deciding rows of one gate that are printed."""


def gate(
    run: RunArgument,
    strict: Annotated[
        bool, typer.Option("--strict", help="Exit with 6 where a gate is inconclusive.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    gates: Annotated[
        Path | None,
        typer.Option(
            "--gates",
            metavar="FILE",
            help="Check the gates of this YAML file (a list under `gates:`) instead of the "
            "suite's. The report stays as it is.",
        ),
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option("--only", metavar="ID", help="Check this gate only. Repeatable."),
    ] = None,
) -> None:
    """Say whether a run meets the gates of its suite, and which rows decide.

    Exit codes: 0 every gate passes, 3 one fails, 6 none fails and one is inconclusive (0 without
    --strict). docs/gates.md describes the gates.

    For example:

        asdbench gate runs/mimii_dg-20260101-120000 --strict

        asdbench gate runs/mimii_dg-20260101-120000 --gates ci-gates.yaml
    """
    from asdbench.report.write import read_report

    report = read_report(run)
    results: Sequence[GateResult] = report.gates
    if gates is not None:
        from asdbench.report.gate_file import check_gate_file

        results = check_gate_file(gates, report)
    if not report.complete:
        typer.echo("incomplete: this run lacks results; its report lists what failed", err=True)
    raise typer.Exit(print_gates(_chosen(results, only, report), strict, as_json, gates))


def print_gates(
    results: Sequence[GateResult], strict: bool, as_json: bool = False, source: Path | None = None
) -> int:
    """Print what became of every gate; return the exit code.

    Parameters
    ----------
    results
        One for each gate.
    strict
        Whether an inconclusive gate counts.
    as_json
        Whether to print JSON.
    source
        The file that the gates come from; None: the suite.
    """
    from asdbench.report.gates import verdict_of

    verdict = verdict_of(results)
    if as_json:
        _print_json(results, verdict, source)
    else:
        _print(results, verdict, source)
    return {"pass": 0, "fail": 3, "inconclusive": 6 if strict else 0}[verdict]


def _chosen(
    results: Sequence[GateResult], only: Sequence[str] | None, report: Report
) -> list[GateResult]:
    from asdbench.errors import AsdbenchError
    from asdbench.registry import did_you_mean

    if not results:
        raise AsdbenchError(
            f"suite '{report.suite.name}' has no gates",
            "Write them under `gates:` in the suite, or in a file: --gates FILE. "
            "docs/gates.md describes them.",
        )
    ids = [result.id for result in results]
    for name in only or ():
        if name not in ids:
            raise AsdbenchError(
                f"--only {name}: there is no such gate.{did_you_mean(name, ids)}",
                f"Allowed: {', '.join(ids)}.",
            )
    return [result for result in results if not only or result.id in only]


def _print(results: Sequence[GateResult], verdict: str, source: Path | None) -> None:
    from asdbench.cli.tables import compact_table, console
    from asdbench.report.gate_tables import deciding, demand, summary, value_row

    table = compact_table(f"Gates of {source}" if source else "Gates")
    for name in ("gate", "verdict", "what must hold"):
        table.add_column(name, overflow="fold")
    table.add_column("values", justify="right")
    for result in results:
        table.add_row(result.id, result.verdict, demand(result), str(len(result.values)))
    console().print(table)
    for result in results:
        rows = [] if result.verdict == "pass" else deciding(result)
        listed = len(rows) > 1 or (bool(rows) and result.check == "reference")
        typer.echo(f"{result.verdict}: {result.id}: {summary(result) if listed else result.reason}")
        if not listed:
            continue
        shown = compact_table()
        for name in ("where", "detector", "generator", "value", "because"):
            shown.add_column(name, overflow="fold")
        for value in rows[:MOST]:
            shown.add_row(*value_row(result, value))
        console().print(shown)
        if len(rows) > MOST:
            typer.echo(f"{len(rows) - MOST} more: --json lists them.")
    count = {name: sum(r.verdict == name for r in results) for name in ("fail", "inconclusive")}
    undecided = [f"{n} {name}" for name, n in count.items() if n]
    typer.echo(f"gates: {verdict}" + (f" ({', '.join(undecided)})" if undecided else ""))


def _print_json(results: Sequence[GateResult], verdict: str, source: Path | None) -> None:
    import hashlib
    import json

    origin = None
    if source is not None:
        origin = {"file": str(source), "sha256": hashlib.sha256(source.read_bytes()).hexdigest()}
    gates = [result.model_dump(mode="json") for result in results]
    said = {"verdict": verdict, "gates_file": origin, "gates": gates}
    typer.echo(json.dumps(said, indent=2, allow_nan=False))
