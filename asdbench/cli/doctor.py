"""``asdbench doctor``."""

from __future__ import annotations

import typer


def doctor() -> None:
    """Check this machine: Python, libraries, device, memory, disk, store, data, plug-ins.

    Exit code 0 when a run can work, 2 when something it needs is missing.
    """
    from asdbench.cli.tables import compact_table, console
    from asdbench.engine.health import examine

    findings = examine()
    table = compact_table()
    for name in ("check", "state", "found", "what to do"):
        table.add_column(name, overflow="fold")
    for finding in findings:
        table.add_row(finding.name, finding.state, finding.found, finding.remedy)
    console().print(table)
    if any(finding.state == "bad" for finding in findings):
        raise typer.Exit(2)
