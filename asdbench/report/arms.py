"""The control arms: real, coded and generated clips set side by side (docs/metrics.md, Arms).

Merely passing anomalies through a codec, and comparing them with normals that were not, raises
the AUC; so does whatever else a generator leaves in a clip. Hence each AUC of generated anomalies
stands beside that of generated normals against the same clips, and beside what a detector makes
of generated normals.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from asdbench.metrics.dcase import RANK_METRICS
from asdbench.report.arm_schema import ArmGap, ArmRow, ArmValue
from asdbench.report.cells import Arm, MetricName, Rules, Subset
from asdbench.report.intervals import Pooled, generator_for, pooled
from asdbench.report.schema import Cell
from asdbench.stats.contrast import Curve, Pool, auc_contrast
from asdbench.suite.arms import SIDES, ArmName, Pairing, pairings, pool_name, within
from asdbench.suite.model import Suite

ArmKey = tuple[str, str, str, str]
"""(origin, detector, machine, section)"""
ARM_TEXTS: Mapping[str, str] = {
    "arm_real": "real normals against real anomalies.",
    "arm_matched": "generated normals against generated anomalies.",
    "arm_paper": "real normals against generated anomalies, the paper's protocol.",
    "arm_artifact": "real normals against generated normals of the same domain; ideal 0.5.",
    "arm_coded": "the clips of the real arm, normals and anomalies, through the codec and back.",
    "arm_codec": "real normals against the same normals through the codec and back; ideal 0.5.",
}
"""What each arm is, in words."""
_CLIPS = {"coded normals": "real normals", "coded anomalies": "real anomalies"}
"""Pools that are made of the very clips of another."""


def arm_rows(
    suite: Suite, arms: Mapping[ArmKey, Sequence[Arm]], cells: Sequence[Cell], rules: Rules
) -> Iterator[ArmRow]:
    """Yield the row of each detector, generator, section and domain, in the order of ``cells``.

    Parameters
    ----------
    suite
        The suite that was run.
    arms
        Scored clips by origin, detector, machine and section: one a repeat, or none.
    cells
        The report's cells: where there are rows, and the gap of the paper's protocol.
    rules
        What the suite says about metrics and their uncertainty.
    """
    of = {(c.machine, c.section, c.domain, c.detector, c.grid): c for c in cells}
    for detector in suite.detectors:
        places = dict.fromkeys(
            (c.machine, c.section, c.domain) for c in cells if c.detector == detector.id
        )
        for pairing in pairings(suite):
            for machine, section, domain in places:
                where = (detector.id, machine, section)
                section_arms = _SectionArms(
                    pairing,
                    "/".join([machine, section, domain, detector.id]),
                    domain,
                    _scored(pairing, arms, where),
                    suite.seeds.detector_repeats,
                    rules,
                )
                cell = of.get((machine, section, domain, detector.id, pairing.anomalies))
                yield section_arms.row(machine, section, detector.id, cell)


def _scored(
    pairing: Pairing, arms: Mapping[ArmKey, Sequence[Arm]], where: tuple[str, str, str]
) -> dict[tuple[ArmName, str], list[Arm]]:
    """Return what was scored for each arm and side of it, in the order of the clips' names.

    What was scored together with the arm's other side goes before what was scored by itself.
    """
    scored: dict[tuple[ArmName, str], list[Arm]] = {}
    for name, sides in SIDES.items():
        origins = {side: pairing.origin(side) for side in sides}
        known = {side: origin for side, origin in origins.items() if origin is not None}
        pool = pool_name(*known.values())
        for side, origin in known.items():
            found = arms.get((within(pool, origin), *where)) or arms.get((origin, *where), ())
            if found:  # a clip and its coded version stand at the same place
                scored[name, side] = [arm.by_clip() for arm in found]
    return scored


@dataclass(frozen=True)
class _SectionArms:
    pairing: Pairing
    name: str
    subset: Subset
    scored: Mapping[tuple[ArmName, str], Sequence[Arm]]
    repeats: int
    rules: Rules

    def row(self, machine: str, section: str, detector: str, cell: Cell | None) -> ArmRow:
        values = {name: self.value(name) for name in SIDES}
        gaps = {f"{name}_gap": self.gap(name, values[name]) for name in ("matched", "coded")}
        return ArmRow(
            machine=machine,
            section=section,
            domain=self.subset,
            detector=detector,
            generator=self.pairing.generator,
            grid=self.pairing.anomalies,
            repeats=len(self.scored.get(("real", "real normals"), [])),
            **values,
            **gaps,
            paper_gap=_paper_gap(cell, values["paper"]),
        )

    def side(self, name: ArmName, pool: str, metric: MetricName = "auc") -> list[Pool] | str:
        """Return one side of an arm, one pool a repeat and fold, or why there is none."""
        kind, _, label = pool.partition(" ")
        if kind != "real" and pool not in self.pairing.grids:
            return self.pairing.missing(pool)
        arms = self.scored.get((name, pool), ())
        if len(arms) < self.repeats or len(arms) % self.repeats:
            return f"no scores of {pool}: a task failed, or there is no real clip to match"
        found = []
        for arm in arms:
            chosen = arm.chosen(label == "normals", metric, self.subset, self.rules.definition)
            clips = None if arm.clip is None else arm.clip[chosen]
            found.append(Pool(_name(pool, clips), arm.score[chosen]))
        return found if all(len(one.scores) for one in found) else f"no {pool}"

    def curves(self, name: ArmName) -> list[Curve] | str:
        """Return the ROC curve of each repeat and fold, or why there is none."""
        sides = []
        for pool in SIDES[name]:
            found = self.side(name, pool)
            if isinstance(found, str):
                return found
            sides.append(found)
        return [Curve(*pools) for pools in zip(*sides, strict=True)]

    def value(self, name: ArmName) -> ArmValue:
        curves = self.curves(name)
        if isinstance(curves, str):
            return ArmValue(auc=None, reason=curves)
        found = self.pooled(name, curves, None)
        low, high = found.low, found.high
        return ArmValue(
            auc=found.estimate,
            auc_low=None if low is None else max(low, 0.0),
            auc_high=None if high is None else min(high, 1.0),
            pauc=self.pauc(name),
            n_negative=len(curves[0].negative.scores),
            n_positive=len(curves[0].positive.scores),
            method=found.method,
            note=found.note,
        )

    def gap(self, name: ArmName, value: ArmValue) -> ArmGap:
        curves, real = self.curves(name), self.curves("real")
        if isinstance(curves, str):
            return ArmGap(value=None, reason=value.reason)
        if isinstance(real, str):
            return ArmGap(value=None, reason=real)
        found = self.pooled(f"{name}_gap", curves, real)
        return ArmGap(
            value=found.estimate,
            low=found.low,
            high=found.high,
            method=found.method,
            note=found.note,
        )

    def pooled(self, name: str, curves: Sequence[Curve], minus: Sequence[Curve] | None) -> Pooled:
        grid = self.pairing.anomalies or self.pairing.generator
        rules = self.rules
        return pooled(
            [
                auc_contrast(
                    curve,
                    minus[i * len(minus) // len(curves)] if minus is not None else None,
                    rules.confidence,
                    rules.draws,
                    generator_for(rules.seed, f"{self.name}/{grid}/{name}", i),
                )
                for i, curve in enumerate(curves)
            ],
            rules.confidence,
        )

    def pauc(self, name: ArmName) -> float | None:
        negative, positive = (self.side(name, pool, "pauc") for pool in SIDES[name])
        if isinstance(negative, str) or isinstance(positive, str):
            return None
        pairs = zip(negative, positive, strict=True)
        return float(np.mean([RANK_METRICS["pauc"](n.scores, a.scores) for n, a in pairs]))


def _name(pool: str, clips: NDArray[np.str_] | None) -> str:
    """Return what a pool is called: the same for the same clips, coded or not."""
    name = _CLIPS.get(pool, pool)
    if clips is None:
        return name
    return f"{name} {hashlib.sha256(chr(0).join(clips).encode()).hexdigest()}"


def _paper_gap(cell: Cell | None, value: ArmValue) -> ArmGap:
    """Return the gap that the cell has."""
    if cell is None or cell.auc.gap is None:
        return ArmGap(value=None, reason=value.reason or (cell.auc.reason if cell else None))
    auc = cell.auc
    return ArmGap(
        value=auc.gap,
        low=auc.gap_low,
        high=auc.gap_high,
        method=auc.method,
        note=auc.note or auc.reason,
    )
