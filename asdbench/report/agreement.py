"""Whether generated anomalies rank the detectors as real ones do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from asdbench.metrics.rank import Floats
from asdbench.report.intervals import generator_for
from asdbench.report.measured_gaps import GapPair, gap_pairs
from asdbench.report.placed_gaps import Domains, averaged_domains
from asdbench.report.section_arms import SectionArms
from asdbench.report.trust_schema import AgreementRow, GapKind
from asdbench.stats.ranks import RankAgreement, rank_agreement
from asdbench.suite.arms import SIDES

_ROUNDING = 1e-12
"""Means that differ by less are equal: sums of the same AUCs in another order."""
RANKED: tuple[GapKind, ...] = ("matched", "paper")
"""The arms whose ranking is compared with the real one."""
Group = Mapping[str, Sequence[SectionArms]]
"""The sections of each detector."""


def agreement_rows(sections: Sequence[SectionArms], domains: Domains) -> Iterator[AgreementRow]:
    """Yield one row for each generator, arm and machine, then for all machines.

    Rankings are those of the mean AUC over sections and domains, of two detectors at least. An
    arm that the suite has no grids for has no row.
    """
    groups: dict[tuple[str, str | None], dict[str, list[SectionArms]]] = {}
    for arms in sections:
        key = (arms.pairing.generator, arms.pairing.anomalies)
        groups.setdefault(key, {}).setdefault(arms.detector, []).append(arms)
    for group in groups.values():
        if len(group) < 2:
            continue
        pairing = next(iter(group.values()))[0].pairing
        machines = list(dict.fromkeys(arms.machine for own in group.values() for arms in own))
        for kind in RANKED:
            if any(pairing.origin(side) is None for side in SIDES[kind]):
                continue
            for machine in machines:
                here = {d: [a for a in own if a.machine == machine] for d, own in group.items()}
                yield _row(machine, here, kind, domains)
            yield _row(None, group, kind, domains)


def _row(machine: str | None, group: Group, kind: GapKind, domains: Domains) -> AgreementRow:
    first = next(iter(group.values()))[0]
    pairing, rules = first.pairing, first.rules
    found: RankAgreement | str | None = "a task failed, or there is no real clip to match"
    entered = [_gaps(sections, kind, domains) for sections in group.values()]
    gaps = [[pair.gap for pair in pairs] for pairs in entered]
    if all(gaps):
        name = "/".join([machine or "", pairing.generator, pairing.anomalies or "", kind, "ranks"])
        rng = generator_for(rules.seed, name, 0)
        recordings = {k: v for pairs in entered for p in pairs for k, v in p.recordings.items()}
        found = rank_agreement(
            gaps, rules.draws, rng, confidence=rules.confidence, clusters=recordings
        )
    return AgreementRow(
        machine=machine,
        generator=pairing.generator,
        grid=pairing.anomalies,
        gap=kind,
        n_detectors=len(group),
        **_numbers(found, list(group)),
    )


def _gaps(sections: Sequence[SectionArms], kind: GapKind, domains: Domains) -> list[GapPair]:
    """Return what the mean of one detector is made of; nothing where a section lacks it."""
    entered = [averaged_domains(domains[arms.machine, arms.section], "auc") for arms in sections]
    total = sum(map(len, entered))
    found = []
    for arms, own in zip(sections, entered, strict=True):
        pairs = gap_pairs(arms, kind, own, "auc")
        if isinstance(pairs, str):
            return []
        share = len(own) / total
        found += [
            replace(pair, gap=replace(pair.gap, weight=share * pair.gap.weight)) for pair in pairs
        ]
    return found


def _numbers(found: RankAgreement | str | None, detectors: Sequence[str]) -> dict[str, Any]:
    if not isinstance(found, RankAgreement):
        nothing = dict.fromkeys(("best_real", "best_generated", "tau"))
        return {**nothing, "reason": found or "a pool holds a single clip"}
    return {
        "best_real": _best(found.real, detectors),
        "best_generated": _best(found.generated, detectors),
        "tau": found.tau,
        "tau_low": found.tau_low,
        "tau_high": found.tau_high,
        "tau_ceiling": found.tau_ceiling,
        "top1": found.top1,
        "top1_ceiling": found.top1_ceiling,
        "regret": found.regret,
        "regret_ceiling": found.regret_ceiling,
        "reason": None if found.tau is not None else "all detectors tie on one side",
    }


def _best(values: Floats, detectors: Sequence[str]) -> str:
    """Return the best detector, or all that tie with commas between."""
    best = np.isclose(values, values.max(), rtol=0.0, atol=_ROUNDING)
    return ", ".join(name for name, is_best in zip(detectors, best, strict=True) if is_best)
