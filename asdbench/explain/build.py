"""Collect all that a report and its score table say of one cell."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from asdbench.errors import DataError
from asdbench.explain.agreeing import check_scores
from asdbench.explain.clips import worst_clips
from asdbench.explain.conditions import condition_lines
from asdbench.explain.distributions import describe
from asdbench.explain.headline import about, arm_row, headline_of
from asdbench.explain.model import (
    ArmLine,
    Audits,
    ConditionLine,
    Explanation,
    Provenance,
)
from asdbench.explain.places import Place
from asdbench.explain.score_table import CellScores, read_cell_scores, run_folder
from asdbench.metrics.definitions import DefinitionId
from asdbench.report.arm_schema import ArmGap, ArmRow, ArmValue
from asdbench.report.schema import Cell, PluginUse, Report
from asdbench.suite.arms import SIDES


def explain(report: Report, place: Place, file: Path | None, clips: int = 5) -> Explanation:
    """Return one cell in full.

    Parameters
    ----------
    report
        The report.
    place
        One of its cells (see :func:`asdbench.explain.places.find_places`).
    file
        The ``report.json`` it was read from; scores, audio and seeds are looked for beside it.
        None to look for nothing.
    clips
        How many clips of each kind to name.
    """
    cell = next(cell for cell in report.cells if Place.of(cell) == place)
    row = arm_row(report, cell)
    missing = []
    folder = None if file is None else run_folder(file)
    grid = _normals_grid(report, cell)
    try:
        scores = _scores(report, cell, folder, grid)
    except DataError as error:
        scores = None
        missing.append(
            f"Histograms, clips and conditions: {error.message}. {error.hint or ''}".strip()
        )
    headline = headline_of(report, cell, row)
    if headline is not None and headline.verdict is None:
        missing.append(
            "Verdict, margin, noise floor: the report has none for this gap. "
            "A report of an earlier version has no verdicts; run its suite again."
        )
    provenance = _provenance(report, cell, folder)
    if not provenance.seeds:
        missing.append(
            "Seeds: no suite.lock.yaml in the folder of the report. Name the run folder."
        )
    lines: Sequence[ConditionLine] = ()
    if scores is not None:
        matched = headline is not None and headline.gap == "matched"
        lines = condition_lines(scores, place, matched, report.confidence)
    return Explanation(
        place=place,
        status=cell.status,
        reason=cell.reason,
        confidence=report.confidence,
        arms=tuple(_arm_lines(cell, row)),
        pauc=cell.pauc,
        headline=headline,
        artifact=next((f for f in report.artifacts if about(f, cell)), None),
        ladder=next((r for r in report.ladder if about(r, cell) and r.grid == cell.grid), None),
        component=next(
            (
                r
                for r in report.components
                if about(r, cell)
                and headline is not None
                and (r.grid, r.gap) == (cell.grid, headline.gap)
            ),
            None,
        ),
        score_distance=next(
            (
                r
                for r in report.score_distances
                if about(r, cell) and (r.section, r.grid) == (cell.section, cell.grid)
            ),
            None,
        ),
        warnings=tuple(_warnings(report, cell)),
        distributions=None if scores is None else describe(scores),
        clips=None if scores is None else worst_clips(scores, clips, folder),
        conditions=tuple(_mapped(lines, report, cell)),
        audits=_audits(report, cell),
        provenance=provenance,
        missing=tuple(missing),
        others=tuple(
            other
            for other in map(Place.of, report.cells)
            if other != place and replace(other, grid=place.grid) == place
        ),
        pools_domains=place.domain == "all"
        and any(
            other.domain != "all" and replace(other, domain="all") == place
            for other in map(Place.of, report.cells)
        ),
    )


def _normals_grid(report: Report, cell: Cell) -> str | None:
    wanted = (cell.generator, "normal", "generate")
    grids = report.grids.items()
    return next((n for n, g in grids if (g.generator, g.label, g.make) == wanted), None)


def _scores(report: Report, cell: Cell, folder: Path | None, grid: str | None) -> CellScores:
    """Return the cell's scores, having made sure that they are this report's."""
    if folder is None:
        raise DataError("the report was not read from a file", "Name a run folder.")
    place = Place.of(cell)
    scores = read_cell_scores(folder, place, DefinitionId(report.definition), grid)
    check_scores(scores, cell, arm_row(report, cell))
    return scores


def _arm_lines(cell: Cell, row: ArmRow | None) -> list[ArmLine]:
    if row is None:
        sizes = (cell.n_normal, cell.n_anomaly_real, cell.n_anomaly_generated)
        return _lines_of_cell(cell, *sizes)
    gaps: Mapping[str, ArmGap] = {
        "matched": row.matched_gap,
        "paper": row.paper_gap,
        "coded": row.coded_gap,
    }
    return [
        ArmLine(name, *sides, getattr(row, name), gaps.get(name)) for name, sides in SIDES.items()
    ]


def _lines_of_cell(cell: Cell, normals: int, real: int, made: int) -> list[ArmLine]:
    """Return what a report without arms knows."""
    given = cell.auc
    value = ArmValue(auc=given.real, n_negative=normals, n_positive=real, reason=given.reason)
    lines = [ArmLine("real", *SIDES["real"], value, None)]
    if cell.generator is not None:
        value = ArmValue(
            auc=given.generated, n_negative=normals, n_positive=made, reason=given.reason
        )
        gap = ArmGap(value=given.gap, low=given.gap_low, high=given.gap_high, method=given.method)
        lines.append(ArmLine("paper", *SIDES["paper"], value, gap))
    return lines


def _warnings(report: Report, cell: Cell) -> list[str]:
    below = [
        row.sentence
        for row in report.below_chance
        if (row.machine, row.detector) == (cell.machine, cell.detector)
    ]
    problems = [f"{p.task} failed: {p.error}: {p.message}" for p in report.problems]
    own = (cell.machine, cell.detector)
    failed = [p for p in problems if any(word in p.split(" failed: ")[0].split() for word in own)]
    return below + failed


def _mapped(lines: Sequence[ConditionLine], report: Report, cell: Cell) -> Iterator[ConditionLine]:
    """Yield the lines with where they stand on the map of conditions."""
    status = {
        row.condition: row.status
        for row in report.coverage
        if about(row, cell) and (row.section, row.grid) == (cell.section, cell.grid)
    }
    for line in lines:  # the map does not part the domains of a condition
        yield replace(line, status=status.get(line.condition))


def _audits(report: Report, cell: Cell) -> Audits:
    generator, machine = cell.generator, cell.machine
    own = {name for name, grid in report.grids.items() if grid.generator == generator}
    return Audits(
        tuple(r for r in report.leakage if r.generator == generator),
        tuple(r for r in report.memorization if (r.generator, r.machine) == (generator, machine)),
        tuple(
            r
            for r in report.fidelity
            if (r.generator, r.machine, r.section) == (generator, machine, cell.section)
        ),
        tuple(r for r in report.quality if r.grid in own and r.machine == machine),
    )


def _provenance(report: Report, cell: Cell, folder: Path | None) -> Provenance:
    data = report.data
    return Provenance(
        suite=f"{report.suite.name} {report.suite.version}",
        suite_digest=report.suite.digest,
        data_digest=data.digest,
        split_digest=data.split_digest,
        dataset=data.dataset,
        simulated=data.simulated,
        detector=_plugin(report.detectors, cell.detector),
        generator=None if cell.generator is None else _plugin(report.generators, cell.generator),
        grids={n: g for n, g in report.grids.items() if g.generator == cell.generator},
        repeats=cell.repeats,
        n_detector_train=data.n_detector_train,
        n_generator_train_normal=data.n_generator_train_normal,
        n_generator_train_anomaly=data.n_generator_train_anomaly,
        asdbench=report.asdbench,
        seeds=_seeds(folder),
    )


def _plugin(plugins: tuple[PluginUse, ...], name: str) -> PluginUse:
    return next(plugin for plugin in plugins if plugin.id == name)


def _seeds(folder: Path | None) -> dict[str, int]:
    """Return the seeds of the suite as it was run."""
    path = None if folder is None else folder / "suite.lock.yaml"
    if path is None or not path.is_file():
        return {}
    import yaml

    suite = yaml.safe_load(path.read_text(encoding="utf-8"))["suite"]
    return {**suite["seeds"], "split": suite["split"]["seed"]}
