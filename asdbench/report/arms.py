"""The control arms: real, coded and generated clips set side by side (docs/metrics.md, Arms).

Merely passing anomalies through a codec, and comparing them with normals that were not, raises
the AUC; so does whatever else a generator leaves in a clip. Hence each AUC of generated anomalies
stands beside that of generated normals against the same clips, and beside what a detector makes
of generated normals.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from asdbench.metrics.dcase import RANK_METRICS
from asdbench.report.arm_schema import ArmGap, ArmRow, ArmValue
from asdbench.report.cells import Arm, MetricName, Rules, Scores, Subset
from asdbench.report.intervals import Pooled, generator_for, pooled
from asdbench.report.schema import Cell
from asdbench.stats.contrast import Curve, Pool, auc_contrast
from asdbench.suite.model import REAL, Suite

ArmKey = tuple[str, str, str, str]
"""(origin, detector, machine, section)"""
ArmName = str
SIDES: Mapping[ArmName, tuple[str, str]] = {
    "real": ("real normals", "real anomalies"),
    "matched": ("generated normals", "generated anomalies"),
    "paper": ("real normals", "generated anomalies"),
    "artifact": ("real normals", "generated normals"),
    "coded": ("coded normals", "coded anomalies"),
    "codec": ("real normals", "coded normals"),
}
"""What each arm sets in the place of normals and in that of anomalies."""
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


@dataclass(frozen=True)
class Pairing:
    """The grids of one generator that are set side by side."""

    generator: str
    grids: Mapping[str, str]
    """Grid by what it holds, e.g. ``coded normals``; a pool without a grid is absent."""

    @property
    def anomalies(self) -> str | None:
        """The grid that asks for anomalies."""
        return self.grids.get("generated anomalies")

    def missing(self, pool: str) -> str:
        """Return why there is no ``pool``."""
        label = pool.partition(" ")[2].replace("anomalies", "anomaly").replace("normals", "normal")
        made = ", make: roundtrip" if pool.startswith("coded") else ""
        wanted = f"{{generator: {self.generator}, label: {label}{made}}}"
        return f"the suite has no grid of {pool}: {wanted}"


def pairings(suite: Suite) -> list[Pairing]:
    """Return the grids of each generator: one pairing for every grid of anomalies, or one."""
    found = []
    for plugin in suite.generators:
        own = {name: grid for name, grid in suite.grids.items() if grid.generator == plugin.id}
        pools: dict[str, list[str]] = {}
        for name, grid in own.items():
            made = "generated" if grid.make == "generate" else "coded"
            label = "normals" if grid.label == "normal" else "anomalies"
            pools.setdefault(f"{made} {label}", []).append(name)
        asked = pools.pop("generated anomalies", [])
        controls = {pool: names[0] for pool, names in pools.items()}  # the suite has one of each
        found += [Pairing(plugin.id, {"generated anomalies": n, **controls}) for n in asked]
        if controls and not asked:
            found.append(Pairing(plugin.id, controls))
    return found


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
                origins = {"real": REAL, **pairing.grids}
                scored = {
                    pool: arms.get((origin, detector.id, machine, section), ())
                    for pool, origin in origins.items()
                }
                section_arms = _SectionArms(
                    pairing,
                    "/".join([machine, section, domain, detector.id]),
                    domain,
                    {pool: found for pool, found in scored.items() if found},
                    suite.seeds.detector_repeats,
                    rules,
                )
                cell = of.get((machine, section, domain, detector.id, pairing.anomalies))
                yield section_arms.row(machine, section, detector.id, cell)


@dataclass(frozen=True)
class _SectionArms:
    pairing: Pairing
    name: str
    subset: Subset
    scored: Mapping[str, Sequence[Arm]]
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
            repeats=len(self.scored.get("real", ())),
            **values,
            **gaps,
            paper_gap=_paper_gap(cell, values["paper"]),
        )

    @cached_property
    def ordered(self) -> Mapping[str, Sequence[Arm]]:
        """A clip and its coded version stand at the same place."""
        return {pool: [arm.by_clip() for arm in arms] for pool, arms in self.scored.items()}

    def scores(self, pool: str, metric: MetricName = "auc") -> list[Scores] | str:
        """Return the scores of a pool, one array a repeat, or why there are none."""
        kind, _, label = pool.partition(" ")
        source = kind if kind == "real" else pool
        if kind != "real" and pool not in self.pairing.grids:
            return self.pairing.missing(pool)
        arms = self.ordered.get(source, ())
        if len(arms) < self.repeats:
            return f"no scores of {pool}: a task failed, or there is no real clip to match"
        normal = label == "normals"
        found = [
            (arm.normals if normal else arm.anomalies)(metric, self.subset, self.rules.definition)
            for arm in arms
        ]
        return found if len(found[0]) else f"no {pool}"

    def curves(self, name: ArmName) -> list[Curve] | str:
        """Return the ROC curve of each repeat, or why there is none."""
        sides = []
        for pool in SIDES[name]:
            scores = self.scores(pool)
            if isinstance(scores, str):
                return scores
            sides.append([Pool(_CLIPS.get(pool, pool), values) for values in scores])
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
                    minus[repeat] if minus is not None else None,
                    rules.confidence,
                    rules.draws,
                    generator_for(rules.seed, f"{self.name}/{grid}/{name}", repeat),
                )
                for repeat, curve in enumerate(curves)
            ],
            rules.confidence,
        )

    def pauc(self, name: ArmName) -> float | None:
        sides = [self.scores(pool, "pauc") for pool in SIDES[name]]
        if any(isinstance(side, str) for side in sides):
            return None
        return float(np.mean([RANK_METRICS["pauc"](n, a) for n, a in zip(*sides, strict=True)]))


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
