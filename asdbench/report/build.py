"""From the score table of a run to its report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pandas as pd

from asdbench import __version__
from asdbench.metrics.definitions import DEFINITIONS, METRICS, DefinitionId
from asdbench.report.arm_means import make_arm_means
from asdbench.report.arms import ARM_TEXTS, arm_rows
from asdbench.report.audits import AuditFacts, memorization_rows
from asdbench.report.below_chance import below_chance
from asdbench.report.by_condition import ScoredConditions
from asdbench.report.cell_intervals import with_intervals
from asdbench.report.cells import SUBSETS, Arm, Place, Rules, Subset, section_cells
from asdbench.report.coverage import coverage_rows
from asdbench.report.findings import artifact_findings
from asdbench.report.gates import check_gates
from asdbench.report.means import make_means, make_official
from asdbench.report.placed_gaps import domains_of, placed_gaps
from asdbench.report.quality_schema import QualityRow
from asdbench.report.real_results import RealResults
from asdbench.report.references import published_rows, reference_facts
from asdbench.report.schema import (
    Cell,
    Comparison,
    DataFacts,
    GridFacts,
    PluginUse,
    Problem,
    Report,
    SuiteFacts,
)
from asdbench.report.section_arms import ArmKey, all_generations, section_arms
from asdbench.report.seen import seen_rows
from asdbench.report.selection import select
from asdbench.report.trust import make_trust
from asdbench.suite.arms import pool_name, within
from asdbench.suite.model import REAL, GridModel, SeedsModel, Suite
from asdbench.suite.reference import Reference


@dataclass(frozen=True)
class Facts:
    """What a report says beside its numbers."""

    suite: SuiteFacts
    data: DataFacts
    detectors: tuple[PluginUse, ...]
    generators: tuple[PluginUse, ...]
    problems: tuple[Problem, ...]
    quality: tuple[QualityRow, ...] = ()
    references: Mapping[str, Reference] = field(default_factory=dict)
    """Published numbers, by what the suite calls them."""
    made: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """What identifies the clips that each grid made, by `machine/section`."""
    audits: AuditFacts = field(default_factory=AuditFacts)
    refused: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Conditions that a generator refused, by grid over axes."""


def build_report(
    suite: Suite, scores: pd.DataFrame, sections: Mapping[tuple[str, str], bool], facts: Facts
) -> Report:
    """Compute every cell, mean and official score.

    Parameters
    ----------
    suite
        The suite that was run.
    scores
        The score table (see :mod:`asdbench.engine.scores`).
    sections
        Every (machine, section) that must have cells, and whether its clips have domains.
    facts
        What goes into the report as it is.
    """
    definition = DefinitionId(suite.definition)
    rules = Rules(
        definition, suite.statistics.confidence, suite.statistics.bootstrap, suite.seeds.master
    )
    arms = scored_arms(scores)
    grids: list[str | None] = [
        name
        for name, grid in suite.matched_grids.items()
        if (grid.make, grid.label) == ("generate", "anomaly")
    ]
    cells: list[Cell] = []
    for detector in suite.detectors:
        for grid in grids or [None]:
            generator = suite.grids[grid].generator if grid is not None else None
            for (machine, section), has_domains in sections.items():
                place = Place(machine, section, detector.id, generator, grid)
                cells += _cells(place, arms, suite.seeds, has_domains, rules)
    measured = list(section_arms(suite, arms, list(sections), rules))
    domains = domains_of(cells)
    gaps = list(placed_gaps(measured, domains))
    cells = with_intervals(cells, gaps)
    rows = tuple(arm_rows(measured, cells))
    made_by = {n: grid.generator for n, grid in suite.grids.items() if grid.make == "generate"}
    findings = tuple(artifact_findings(rows, rules.confidence))
    trust = make_trust(measured, domains, gaps, findings, suite.statistics)
    conditions = ScoredConditions.of(scores)
    results = RealResults.of(cells, definition)
    selected = select(suite.selections, results)
    published = published_rows(suite, facts.references, selected, results)
    report = Report(
        asdbench=__version__,
        suite=facts.suite,
        data=facts.data,
        definition=suite.definition,
        definitions=_definitions(definition, suite.statistics.confidence),
        confidence=suite.statistics.confidence,
        detectors=facts.detectors,
        generators=facts.generators,
        grids={
            name: _grid_facts(grid, facts.made.get(name, {}), facts.refused.get(name, ()))
            for name, grid in suite.grids.items()
        },
        cells=tuple(cells),
        means=tuple(make_means(cells)),
        official=tuple(make_official(cells, definition)),
        arms=rows,
        arm_means=tuple(make_arm_means(rows)),
        artifacts=findings,
        below_chance=tuple(below_chance(arms, [d.id for d in suite.detectors], sections, rules)),
        verdicts=trust.verdicts,
        ladder=trust.ladder,
        agreement=trust.agreement,
        score_distances=trust.score_distances,
        components=trust.components,
        leakage=facts.audits.leakage,
        memorization=tuple(memorization_rows(facts.quality, made_by)),
        fidelity=facts.audits.fidelity,
        coverage=tuple(coverage_rows(suite, measured, arms, conditions, rules)),
        seen=tuple(seen_rows(measured, conditions, facts.audits.seen)),
        quality=facts.quality,
        selections=tuple(selected),
        references=tuple(reference_facts(facts.references)),
        published=tuple(published),
        problems=facts.problems,
        schema="asdbench/report@1",
    )
    return report.model_copy(update={"gates": tuple(check_gates(suite.gates, report))})


def _grid_facts(grid: GridModel, made: Mapping[str, str], refused: Sequence[str]) -> GridFacts:
    return GridFacts(
        generator=grid.generator,
        label=grid.label,
        make=grid.make,
        match="axes" if grid.sweeps else grid.match,
        multiplier=grid.multiplier,
        axes=grid.model_dump(mode="json", by_alias=True)["axes"],
        clips_per_cell=grid.clips_per_cell if grid.sweeps else None,
        refused=tuple(refused),
        clips=dict(made),
    )


def scored_arms(scores: pd.DataFrame) -> dict[ArmKey, list[Arm]]:
    """Return the arms of a score table by key, one for every repeat, and fold, that was scored."""
    arms: dict[ArmKey, list[Arm]] = {}
    keys = ["pool", "origin", "detector", "machine", "section", "repeat", "fold"]
    if "generation" in scores.columns:  # tables of older versions have one fit of the generator
        keys.insert(-1, "generation")
    for key, frame in scores.groupby(keys, sort=True):
        pool, origin, *place = (str(part) for part in key[:5])
        detector, machine, section = place
        name = within(pool, origin)
        arms.setdefault((name, detector, machine, section), []).append(Arm.of(frame))
    return arms


def _cells(
    place: Place,
    arms: Mapping[ArmKey, Sequence[Arm]],
    seeds: SeedsModel,
    has_domains: bool,
    rules: Rules,
) -> list[Cell]:
    repeats = seeds.detector_repeats
    where = (place.detector, place.machine, place.section)
    real = arms.get((REAL, *where), ())
    made, beside = None, None
    if place.grid is not None:
        pool = pool_name(REAL, place.grid)
        beside = arms.get((within(pool, REAL), *where))
        made = arms.get((within(pool, place.grid) if beside else place.grid, *where), ())
    if len(real) < repeats:
        return _failed(place, has_domains, "scores are missing because a task failed", rules)
    complete = made is not None and all_generations(made, seeds.generator_repeats)
    if made is None or (complete and len(made) % repeats == 0):
        return list(section_cells(place, real, made, rules, beside))
    reason = "no scores of generated clips: a task failed, or there is no real clip to match"
    update = {"status": "error", "reason": reason}
    return [
        cell.model_copy(
            update={
                **update,
                "auc": cell.auc.model_copy(update={"reason": reason}),
                "pauc": cell.pauc.model_copy(update={"reason": reason}),
            }
        )
        for cell in section_cells(place, real, None, rules)
    ]


def _failed(place: Place, has_domains: bool, reason: str, rules: Rules) -> list[Cell]:
    subsets: tuple[Subset, ...] = SUBSETS
    if not has_domains or not DEFINITIONS[rules.definition].has_domains:
        subsets = SUBSETS[2:]
    nothing = Comparison(real=None, generated=None, gap=None, reason=reason)
    return [
        Cell(
            machine=place.machine,
            section=place.section,
            domain=subset,
            detector=place.detector,
            generator=place.generator,
            grid=place.grid,
            n_normal=0,
            n_anomaly_real=0,
            n_anomaly_generated=0,
            repeats=0,
            auc=nothing,
            pauc=nothing,
            status="error",
            reason=reason,
        )
        for subset in subsets
    ]


def _definitions(definition: DefinitionId, confidence: float) -> dict[str, str]:
    """Return what each number of the report means, by its name in the tables."""
    shown = ["auc", "auc_all", "pauc", "pauc_domain"]
    texts = {name: METRICS[name].describe(definition) for name in shown}
    if not DEFINITIONS[definition].has_domains:
        texts = {name: texts[name] for name in ("auc", "pauc")}
    return {
        **texts,
        "real": "Real normal clips against the real anomalous clips that no generator saw.",
        "generated": "The same real normal clips against generated anomalous clips.",
        "gap": (
            f"generated - real, with a {confidence:.0%} interval: paired DeLong for AUCs between "
            "0.1 and 0.9, stratified bootstrap otherwise and for pAUC. The gap alone does not say "
            "whether generated clips can be told from real ones; the artifact arm does."
        ),
        **ARM_TEXTS,
        "official_score": f"Official score: {DEFINITIONS[definition].official_score}.",
    }
