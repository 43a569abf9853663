"""What ``asdbench plan`` prints."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import typer

from asdbench.cli.tables import compact_table, console

if TYPE_CHECKING:
    from asdbench.engine.forecast import Forecast, Outlook
    from asdbench.engine.forecast.duration import Duration


def print_forecast(found: Forecast) -> None:
    """Print a forecast as tables."""
    from asdbench.engine.forecast import KNOWN

    suite = found.loaded.suite
    if found.absent is not None:
        typer.echo(
            f"The data is not here ({found.absent}). Numbers are those of {KNOWN}; what the store "
            "holds of it is not known.\n"
        )
    table = compact_table(f"{suite.name} {suite.version}")
    table.add_column("step")
    for name in ("tasks", "in the store", "to do", "time, one after the other"):
        table.add_column(name, justify="right")
    for count in found.tasks:
        there = "?" if found.absent else str(count.total - count.todo)
        row = (count.kind, str(count.total), there, str(count.todo), _time(count.duration))
        table.add_row(*row)
    console().print(table)
    typer.echo(_total(found.duration))
    _print_clips(found)
    _print_power(found)
    _print_gates(found.gates)


def _time(duration: Duration) -> str:
    if not duration.known:
        return "unknown" if duration.unknown else "-"
    shown = f"{_clock(duration.low)} to {_clock(duration.high)}"
    return f"{shown} + unknown" if duration.unknown else shown


def _clock(seconds: float) -> str:
    if seconds < 90.0:
        return f"{seconds:.0f} s"
    if seconds < 5400.0:
        return f"{seconds / 60.0:.0f} min"
    return f"{seconds / 3600.0:.1f} h"


def _total(duration: Duration) -> str:
    if not duration.known and not duration.unknown:
        return "Nothing is to do."
    text = f"Time for all of it, one after the other: {_time(duration)}. Workers share it."
    if duration.known:
        text += (
            f" From like tasks in this store ({', '.join(duration.devices)}), scaled by clips; the "
            "range is that of the quickest and the slowest."
        )
    if duration.unknown:
        text += f" Not done before in this store: {', '.join(duration.unknown)}."
    return text


def _print_clips(found: Forecast) -> None:
    split = found.expected.split
    labels = Counter(clip.label for clip in split.evaluation)
    skipped = f", {found.skipped} skipped" if found.skipped else ""
    typer.echo(
        f"\nclips: {len(split.detector_train)} to train detectors, {len(split.generator_train)} to "
        f"train generators, {labels['normal']} normal and {labels['anomaly']} anomalous to "
        f"evaluate{skipped}"
    )
    made = made_clips(found)
    if not made:
        return
    machines = found.expected.machines
    table = compact_table("Clips to make")
    table.add_column("grid")
    for name in (*machines, "all"):
        table.add_column(name, justify="right")
    for grid, counts in made.items():
        numbers = [counts.get(machine, 0) for machine in machines]
        table.add_row(grid, *map(str, numbers), str(sum(numbers)))
    console().print(table)


def made_clips(found: Forecast) -> dict[str, dict[str, int]]:
    """Return the clips that each grid makes for each machine."""
    found_by: dict[str, dict[str, int]] = {}
    for section in found.expected.sections:
        counts = {grid: sum(made.values()) for grid, made in section.made.items()}
        counts |= section.swept
        for grid, count in counts.items():
            own = found_by.setdefault(grid, {})
            own[section.machine] = own.get(section.machine, 0) + count
    return found_by


def _print_power(found: Forecast) -> None:
    from asdbench.engine.forecast.power import AUCS

    if not found.power:
        return
    confidence = found.loaded.suite.statistics.confidence
    caption = (
        "Smallest margin within which a perfect generator is certified with 80 % power, at level "
        f"{1.0 - confidence:.2g}, by AUC; n: real normals / real anomalies / generated anomalies "
        "(+ generated normals) of one AUC. Section: one domain of one section. Scores are taken "
        "as normal and clips as independent; real uncertainty is, if anything, larger."
    )
    table = compact_table("What can be certified", caption)
    for name in ("generators", "gap", "n", "over"):
        table.add_column(name, overflow="fold")
    for auc in AUCS:
        table.add_column(f"AUC {auc:g}", justify="right")
    last = None
    for row in found.power:
        sizes = row.sizes
        n = f"{sizes.normals}/{sizes.anomalies}/{sizes.generated_anomalies}"
        n += f"+{sizes.generated_normals}" if sizes.generated_normals is not None else ""
        head = (", ".join(row.generators), row.gap, n)
        if last not in (None, head):
            table.add_section()
        shown = head if head != last else ("", "", "")
        last = head
        table.add_row(*shown, row.over, *(f"{margin:.3f}" for margin in row.margins))
    console().print(table)


def _print_gates(gates: Sequence[Outlook]) -> None:
    if not gates:
        return
    typer.echo("")
    for line in outlook_lines(gates, every=True):
        typer.echo(line)


def outlook_lines(gates: Iterable[Outlook], every: bool = False) -> Iterable[str]:
    """Yield a line for each gate: for those that hardly or cannot pass, or for all."""
    for gate in gates:
        if every or gate.expected in ("unlikely", "cannot pass"):
            yield f"gate {gate.gate}: {gate.expected}: {gate.reason}"
            if gate.advice:
                yield f"  {gate.advice}"


def forecast_json(found: Forecast) -> str:
    """Return a forecast as JSON."""
    suite = found.loaded.suite
    split = found.expected.split
    content: dict[str, Any] = {
        "suite": suite.name,
        "version": suite.version,
        "digest": found.loaded.digest,
        "data_absent": found.absent,
        "tasks": [
            {
                "kind": count.kind,
                "total": count.total,
                "in_store": None if found.absent else count.total - count.todo,
                "todo": count.todo,
                "seconds": _duration(count.duration),
            }
            for count in found.tasks
        ],
        "seconds": _duration(found.duration),
        "clips": {
            "detector_train": len(split.detector_train),
            "generator_train": len(split.generator_train),
            "evaluation": dict(Counter(str(clip.label) for clip in split.evaluation)),
            "skipped": found.skipped,
            "made": made_clips(found),
        },
        "certifiable": [_power(row) for row in found.power],
        "gates": [asdict(gate) for gate in found.gates],
    }
    return json.dumps(content, indent=2, allow_nan=False)


def _power(row: Any) -> dict[str, Any]:
    from asdbench.engine.forecast.power import AUCS

    margins = {f"{auc:g}": round(m, 4) for auc, m in zip(AUCS, row.margins, strict=True)}
    return {**asdict(row), "margins": margins}


def _duration(duration: Duration) -> dict[str, Any]:
    known = duration.known > 0
    return {
        "low": round(duration.low, 1) if known else None,
        "high": round(duration.high, 1) if known else None,
        "tasks_known": duration.known,
        "unknown": list(duration.unknown),
        "devices": list(duration.devices),
    }
