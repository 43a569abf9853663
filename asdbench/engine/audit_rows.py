"""The audits of a finished run, as rows of its report."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from asdbench.api import Clip
from asdbench.audit.classifiers import LEAST, Classifiers
from asdbench.audit.conditions import ConditionKey, SeenConditions, condition_key
from asdbench.audit.fidelity import Fidelity, Judged, fidelity
from asdbench.audit.leakage import Learned, find_leakage, leakage_sentence
from asdbench.engine.audit_tasks import (
    Described,
    read_classifiers,
    read_described,
    read_manifest,
)
from asdbench.engine.audits import AuditedFit, AuditedGrid, AuditedMachine, Audits
from asdbench.engine.seeds import derive_seed
from asdbench.engine.store import Store
from asdbench.engine.tasks import Entry
from asdbench.report.audit_schema import FidelityRow, LeakageRow
from asdbench.report.audits import AuditFacts

_SHOWN = 10
"""Leaked clips that a row names."""


def audit_facts(
    audits: Audits, store: Store, failed: Mapping[Entry, object], sample_rate: int, seed: int
) -> AuditFacts:
    """Compute the rows of all audits whose tasks succeeded.

    Parameters
    ----------
    audits
        What was laid out.
    store
        Where its entries are.
    failed
        Entries that could not be made; problems of the report name them.
    sample_rate
        Of the suite's clips, Hz.
    seed
        Of the suite.
    """
    machines = {m.machine: m for m in audits.machines if m.described not in failed}
    described = {name: read_described(m.described, store) for name, m in machines.items()}
    known = {
        clip.id: digest
        for name, machine in machines.items()
        for clip, digest in zip(machine.clips, described[name].digests, strict=True)
    }
    learned: dict[str, list[tuple[AuditedFit, Learned]]] = defaultdict(list)
    for fit in audits.fits:
        asked = fit.manifest if fit.manifest not in failed else None
        learned[fit.generator].append((fit, _learned(fit, asked, known, store)))
    made: dict[str, set[str]] = defaultdict(set)
    for grid in audits.grids:
        if grid.described not in failed:
            made[grid.generator].update(read_described(grid.described, store).digests)
    leakage = [
        _leakage_row(name, [what for _, what in fits], sample_rate, made[name])
        for name, fits in learned.items()
        if known
    ]
    return AuditFacts(
        tuple(leakage),
        tuple(_fidelity_rows(audits.grids, machines, described, store, failed, seed)),
        {name: _seen(fits) for name, fits in learned.items()},
    )


def _learned(
    fit: AuditedFit, asked: Entry | None, known: Mapping[str, str], store: Store
) -> Learned:
    def digests(clips: Sequence[Clip]) -> dict[str, str]:
        return {clip.id: known[clip.id] for clip in clips if clip.id in known}

    manifest = None if asked is None else read_manifest(asked, store)
    return Learned(digests(fit.train), digests(fit.evaluation), asked is not None, manifest)


def _leakage_row(
    name: str, fits: Sequence[Learned], sample_rate: int, made: Collection[str]
) -> LeakageRow:
    found = find_leakage(fits, sample_rate, made)
    return LeakageRow(
        generator=name,
        status=found.status,
        n_checked=found.checked,
        n_training=found.lent + found.listed,
        n_overlap=len(found.overlap),
        clips=found.overlap[:_SHOWN],
        sentence=leakage_sentence(name, found, sample_rate),
    )


def _seen(fits: Sequence[tuple[AuditedFit, Learned]]) -> SeenConditions:
    seen: set[ConditionKey] = set()
    unknown: str | None = None
    for fit, learned in fits:
        own = {condition_key(c.condition) for c in fit.train if c.label == "anomaly"}
        listed = learned.manifest.clips if learned.manifest is not None else ()
        if listed:
            anomalies = (clip.condition for clip in listed if clip.label == "anomaly")
            own = {condition_key(condition) for condition in anomalies if condition}
        if learned.manifest is None:
            unknown = unknown or "the generator does not say what it learned from"
        elif any(clip.condition is None or clip.label is None for clip in listed):
            unknown = unknown or "the generator's list of clips lacks conditions or labels"
        asked = {condition_key(c.condition) for c in fit.evaluation if c.label == "anomaly"}
        seen |= own & asked
    return SeenConditions(frozenset(seen), unknown)


def _fidelity_rows(
    grids: Sequence[AuditedGrid],
    machines: Mapping[str, AuditedMachine],
    described: Mapping[str, Described],
    store: Store,
    failed: Mapping[Entry, object],
    seed: int,
) -> Iterator[FidelityRow]:
    for grid in grids:
        machine = machines.get(grid.machine)
        if machine is None or machine.learned in failed or grid.described in failed:
            continue
        made = read_described(grid.described, store)
        found = read_classifiers(machine.learned, machine.known, store)
        for (section, attribute), classifiers in found.items():
            name = [grid.grid, grid.machine, section, attribute]
            rng = np.random.default_rng(derive_seed(seed, "fidelity", *name))
            measured = _fidelity(grid, machine, made, section, attribute, classifiers, rng)
            yield FidelityRow(
                generator=grid.generator,
                grid=grid.grid,
                machine=grid.machine,
                section=section,
                attribute=attribute,
                values=measured.values,
                n_real=measured.n_real,
                n_generated=measured.n_generated,
                accuracy=measured.accuracy,
                ceiling=measured.ceiling,
                chance=measured.chance,
                p_chance=measured.p_chance,
                p_ceiling=measured.p_ceiling,
                finding=measured.finding,
                reason=measured.reason,
            )


def _fidelity(
    grid: AuditedGrid,
    machine: AuditedMachine,
    made: Described,
    section: str,
    attribute: str,
    classifiers: Classifiers | None,
    rng: np.random.Generator,
) -> Fidelity:
    """Return what one attribute of one section shows of a grid's clips."""
    values = [
        dict(clip.condition.attributes).get(attribute)
        for clip in machine.known
        if clip.condition.section == section
    ]
    distinct = len(set(values) - {None})
    asked = [
        dict(condition.attributes).get(attribute) if condition.section == section else None
        for condition in grid.conditions
    ]
    if classifiers is None:
        reason = f"fewer than two of its values have {LEAST} real recordings"
        if distinct == 1:
            reason = "all real clips have the same value"
        wanted = len(asked) - asked.count(None)
        return Fidelity("not measured", reason, distinct, n_generated=wanted)
    target = {value: i for i, value in enumerate(classifiers.classes)}
    labels = np.array([machine.known[i].label == grid.label for i in classifiers.clips])
    known_as = [dict(machine.known[i].condition.attributes)[attribute] for i in classifiers.clips]
    real = Judged(
        np.array([target[value] for value in known_as])[labels], classifiers.decided[labels]
    )
    chosen = [i for i, value in enumerate(asked) if value in target]
    generated = Judged(
        np.array([target[str(asked[i])] for i in chosen], dtype=np.int64),
        classifiers.decide(made.vectors[chosen]),
    )
    return replace(fidelity(real, generated, rng), values=distinct)
