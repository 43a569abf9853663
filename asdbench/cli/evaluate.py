"""``asdbench evaluate``: the challenge's metrics for anybody's score file."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from asdbench.metrics.definitions import DEFINITIONS, METRICS, DefinitionId

if TYPE_CHECKING:
    from rich.table import Table

    from asdbench.metrics.dcase import SectionMetrics

_DECISIONS = ("precision", "recall", "f1")
_PLAIN_WIDTH = 100


def evaluate(
    scores: Annotated[
        Path,
        typer.Argument(
            metavar="SCORES.csv",
            help="One row per clip: machine, section, domain (source, target) or target_domain "
            "(0, 1), label (normal, anomaly) or anomaly (0, 1), score (higher is more anomalous) "
            "and, optionally, decision (0, 1). A column file or clip is allowed and not read. "
            "- reads standard input.",
        ),
    ],
    definition: Annotated[
        DefinitionId,
        typer.Option(
            help="Whose rules: dcase2022 covers 2022-2025 (AUC of a domain: its normals against "
            "the anomalies of both domains); dcase2021 takes anomalies of the same domain only; "
            "dcase2020 knows no domains."
        ),
    ] = DefinitionId.DCASE2022,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON with full precision instead of a table.")
    ] = False,
) -> None:
    """Compute AUC, pAUC, F1 and the official DCASE score of a score file.

    The scores may come from any system. Example:

        asdbench evaluate scores.csv --definition dcase2022 --json
    """
    import json

    from asdbench.errors import DataError
    from asdbench.metrics.dcase import official_score
    from asdbench.metrics.scorefile import read_score_file

    if str(scores) == "-":
        rows = read_score_file(sys.stdin, "<stdin>", definition)
    else:
        try:
            with scores.open(encoding="utf-8-sig", newline="") as lines:
                rows = read_score_file(lines, str(scores), definition)
        except OSError as error:
            raise DataError(
                f"{scores}: cannot be read ({error.strerror})", "Name a CSV file, or - for stdin."
            ) from error
    score = official_score(rows, definition)
    if as_json:
        result = {
            "definition": str(definition),
            "rows": [_json_row(row, definition) for row in rows],
            "official_score": score,
        }
        typer.echo(json.dumps(result, indent=2, allow_nan=False))
    else:
        _print(rows, definition, score)


def _json_row(row: SectionMetrics, definition: DefinitionId) -> dict[str, Any]:
    names = ["auc_source", "auc_target", "auc_all", "pauc"]
    if definition is DefinitionId.DCASE2021:  # they are in that year's official score
        names += ["pauc_source", "pauc_target"]
    names += [f"{name}_{domain}" for name in _DECISIONS for domain in row.decisions]
    return {
        "machine": row.machine,
        "section": row.section,
        **{name: row.value(name) for name in names},
    }


def _print(rows: tuple[SectionMetrics, ...], definition: DefinitionId, score: float | None) -> None:
    from rich.console import Console

    console = Console(highlight=False, markup=False)
    if not console.is_terminal:
        console = Console(highlight=False, markup=False, width=_PLAIN_WIDTH, color_system=None)
    console.print(_table(rows, definition))
    rules = DEFINITIONS[definition]
    shown = ["auc", "pauc_domain" if definition is DefinitionId.DCASE2021 else "pauc"]
    if any(row.decisions for row in rows):
        shown.append("f1")
    for name in shown:
        console.print(METRICS[name].describe(definition))
    if not rules.has_domains:
        console.print(f"Domains and decisions are not used: {definition} defines neither.")
    console.print(f"\nOfficial score ({rules.years}): {_number(score)}")
    console.print(f"  {rules.official_score}; {len(rows)} machine-section pairs.")


def _columns(rows: tuple[SectionMetrics, ...], definition: DefinitionId) -> dict[str, str]:
    """Return the titles of the columns by quantity."""
    if not DEFINITIONS[definition].has_domains:
        return {"auc_all": "AUC", "pauc": "pAUC"}
    columns = {"auc_source": "AUC\nsource", "auc_target": "AUC\ntarget", "auc_all": "AUC\nall"}
    if definition is DefinitionId.DCASE2021:
        columns |= {"pauc_source": "pAUC\nsource", "pauc_target": "pAUC\ntarget"}
    else:
        columns["pauc"] = "pAUC"
    if any(row.decisions for row in rows):
        columns |= {"f1_source": "F1\nsource", "f1_target": "F1\ntarget"}
    return columns


def _table(rows: tuple[SectionMetrics, ...], definition: DefinitionId) -> Table:
    from itertools import groupby

    from asdbench.cli.tables import compact_table

    columns = _columns(rows, definition)
    table = compact_table(f"Metrics by {definition} ({DEFINITIONS[definition].years})")
    for name in ("machine", "section"):
        table.add_column(name, overflow="fold")
    table.add_column("clips", justify="right", min_width=5)
    for title in columns.values():
        table.add_column(title, justify="right", min_width=6)
    by_machine = sorted(rows, key=lambda row: row.machine)
    for machine, group in groupby(by_machine, key=lambda row: row.machine):
        members = tuple(group)
        for row in members:
            clips = str(sum(row.counts.values()))
            table.add_row(
                machine, row.section, clips, *(_number(row.value(name)) for name in columns)
            )
        if len(members) > 1:
            _add_means(table, members, columns, machine)
            table.add_section()
    if len(rows) > 1:
        table.add_section()
        _add_means(table, rows, columns, "all")
    return table


def _add_means(
    table: Table, rows: tuple[SectionMetrics, ...], columns: dict[str, str], name: str
) -> None:
    from asdbench.metrics.dcase import arithmetic_means, harmonic_means

    for title, means in (
        ("arithmetic mean", arithmetic_means(rows)),
        ("harmonic mean", harmonic_means(rows)),
    ):
        table.add_row(name, title, "", *(_number(means[column]) for column in columns))


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"
