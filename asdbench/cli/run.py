"""``asdbench run``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from asdbench.cli.options import OnlyOption, PluginOption, SetOption, StoreOption, SuiteArgument

if TYPE_CHECKING:
    from asdbench.engine.run import Run


def run(
    suite: SuiteArgument,
    set_: SetOption = None,
    only: OnlyOption = None,
    plugin: PluginOption = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="DIR", help="Run folder. Default: runs/<suite>-<time>."),
    ] = None,
    store: StoreOption = None,
    workers: Annotated[
        int | None,
        typer.Option(
            "--workers",
            metavar="N",
            min=0,
            help="Processes. Default: one a core, as far as memory reaches; 0 runs everything in "
            "this process.",
        ),
    ] = None,
    device: Annotated[str, typer.Option("--device", help="auto, cpu, cuda or cuda:N.")] = "auto",
    fresh: Annotated[
        bool,
        typer.Option("--fresh", help="Compute everything anew, in a store in the run folder."),
    ] = False,
    gate: Annotated[
        bool, typer.Option("--gate", help="Exit with 3 where a gate of the suite fails.")
    ] = False,
) -> None:
    """Run a suite: fit, generate, score, and report the real-versus-generated differences.

    What was computed before is taken from the store. A run that was interrupted or killed goes
    on where it stopped when the same command is given again. An earlier run of the same suite in
    DIR is replaced; a folder with a run of another suite is refused.

    For example:

        asdbench run quickstart

        asdbench run suites/mimii_dg.yaml --set dataset.root=DIR --only machine=fan
    """
    from asdbench.cli.progress import observer
    from asdbench.cli.tables import print_summary
    from asdbench.engine.run import run as run_suite
    from asdbench.errors import SuiteError
    from asdbench.suite import load_suite

    loaded = load_suite(suite, set_ or (), only or ())
    if gate and not loaded.suite.gates:
        raise SuiteError(
            f"{loaded.name_for_people}: the suite has no gates to pass",
            "Write them under `gates:`; docs/gates.md describes them.",
        )
    with observer() as watch:
        result = run_suite(
            loaded,
            store=store,
            out=out,
            fresh=fresh,
            workers=workers,
            device=device,
            observer=watch,
        )
    print_summary(result.report)
    typer.echo(f"\nreport: {result.folder / 'report' / 'report.md'}")
    if not result.complete:
        typer.echo(_incomplete(result), err=True)
        raise typer.Exit(5)
    if gate:
        from asdbench.cli.gate import print_gates

        raise typer.Exit(print_gates(result.report.gates, strict=False))


def _incomplete(result: Run) -> str:
    failed = len(result.report.problems)
    cells = [cell for cell in result.report.cells if cell.status != "ok"]
    if failed:
        return (
            f"incomplete: {failed} tasks failed.{_first_cause(result)}\nThe report lists them; "
            f"details are in {result.folder / 'events.jsonl'}.\nThe same command tries them again."
        )
    reasons = "; ".join(sorted({cell.reason for cell in cells if cell.reason}))
    return f"incomplete: {len(cells)} of {len(result.report.cells)} cells lack numbers: {reasons}"


def _first_cause(result: Run) -> str:
    """Return what the first task said that did not merely wait for another one that failed."""
    causes = [p for p in result.report.problems if p.error != "upstream"]
    return f" The first, {causes[0].task}: {causes[0].message}" if causes else ""
