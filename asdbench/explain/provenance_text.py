"""What a cell was computed from and what audits say of its generator, as lines of text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from asdbench.explain.model import Audits, Provenance
from asdbench.report.schema import PluginUse
from asdbench.report.text import number

_DIGEST = 16  # characters of a digest that are shown


def audit_lines(audits: Audits) -> Iterator[str]:
    """Yield one line a finding; one that says so where there is none."""
    lines = [f"- leakage: {row.status}: {row.sentence}" for row in audits.leakage]
    lines += [
        f"- memorization, {row.grid}: {row.finding}: {row.sentence}" for row in audits.memorization
    ]
    for row in audits.fidelity:
        values = f"balanced accuracy {number(row.accuracy)}, of real clips {number(row.ceiling)}, "
        values += f"by chance {number(row.chance)}"
        lines.append(
            f"- condition, {row.grid}: {row.attribute}: {row.finding} "
            f"({row.reason if row.accuracy is None else values})"
        )
    for quality in audits.quality:
        if quality.copied_share is not None and not audits.memorization:
            lines.append(
                f"- copies, {quality.grid}: {quality.copied_share:.1%} of the clips are nearer to "
                "a training clip than 99 % of real ones are "
                f"({quality.copied_share_expected or 0.0:.1%} without copying)"
            )
        if quality.fad is not None:
            lines.append(
                f"- distance, {quality.grid}: FAD {quality.fad:.3g}, at equal sizes "
                f"{_short(quality.fad_matched)} beside {_short(quality.fad_floor)} of two halves "
                f"of the real clips ({quality.embedding})"
            )
    yield from lines or ["The report audits nothing of this generator."]


def _short(value: float | None) -> str:
    return "-" if value is None else f"{value:.3g}"


def provenance_lines(found: Provenance) -> Iterator[str]:
    """Yield what the cell was computed from."""
    yield f"- suite {found.suite}, digest {found.suite_digest[:_DIGEST]}"
    yield (
        f"- data {_plugin(found.dataset)}, digest {found.data_digest[:_DIGEST]}, "
        f"split {found.split_digest[:_DIGEST]}"
    )
    yield f"- detector {found.detector.id}: {_plugin(found.detector)}, fits: {found.repeats}"
    if found.generator is not None:
        yield f"- generator {found.generator.id}: {_plugin(found.generator)}"
    for name, grid in found.grids.items():
        made = "round trip" if grid.make == "roundtrip" else f"{grid.multiplier:g} x real"
        yield f"- grid {name}: {grid.label}, {made}"
    yield (
        f"- learned from, over all machines: detectors {found.n_detector_train} normal clips, "
        f"generators {found.n_generator_train_normal} normal and "
        f"{found.n_generator_train_anomaly} anomalous"
    )
    if found.seeds:
        yield "- seeds: " + ", ".join(f"{name} {value}" for name, value in found.seeds.items())
    yield f"- asdbench {found.asdbench}"


def _plugin(used: PluginUse) -> str:
    shown: dict[str, Any] = {n: v for n, v in used.params.items() if v is not None}
    params = ", ".join(f"{name}={value}" for name, value in shown.items())
    return f"{used.use} {used.version} ({params or 'no parameters'}), code {used.code[:_DIGEST]}"
