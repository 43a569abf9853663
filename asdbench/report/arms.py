"""The control arms: real, coded and generated clips set side by side (docs/metrics.md, Arms).

Merely passing anomalies through a codec, and comparing them with normals that were not, raises
the AUC; so does whatever else a generator leaves in a clip. Hence each AUC of generated anomalies
stands beside that of generated normals against the same clips, and beside what a detector makes
of generated normals.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from asdbench.report.arm_schema import ArmGap, ArmRow, ArmValue
from asdbench.report.cells import Subset
from asdbench.report.intervals import Pooled, generator_for, pooled
from asdbench.report.measured_gaps import measure_gap
from asdbench.report.schema import Cell
from asdbench.report.section_arms import ArmCurve, SectionArms, without_digests
from asdbench.report.trust_schema import GapKind
from asdbench.stats.combination import combination
from asdbench.suite.arms import SIDES, ArmName

ARM_TEXTS: Mapping[str, str] = {
    "arm_real": "real normals against real anomalies.",
    "arm_matched": "generated normals against generated anomalies.",
    "arm_paper": "real normals against generated anomalies, the paper's protocol.",
    "arm_artifact": "real normals against generated normals of the same domain; ideal 0.5.",
    "arm_coded": "the clips of the real arm, normals and anomalies, through the codec and back.",
    "arm_codec": "real normals against the same normals through the codec and back; ideal 0.5.",
}
"""What each arm is, in words."""


def arm_rows(sections: Sequence[SectionArms], cells: Sequence[Cell]) -> Iterator[ArmRow]:
    """Yield the row of each detector, generator, section and domain.

    Parameters
    ----------
    sections
        What was scored for each arm of each section.
    cells
        The report's cells: which domains there are, and the gap of the paper's protocol.
    """
    domains: dict[tuple[str, str, str], dict[Subset, None]] = {}
    for c in cells:
        domains.setdefault((c.machine, c.section, c.detector), {})[c.domain] = None
    of = {(c.machine, c.section, c.domain, c.detector, c.grid): c for c in cells}
    for arms in sections:
        place = (arms.machine, arms.section)
        for domain in domains.get((*place, arms.detector), {}):
            cell = of.get((*place, domain, arms.detector, arms.pairing.anomalies))
            yield _row(arms, domain, cell)


def _row(arms: SectionArms, domain: Subset, cell: Cell | None) -> ArmRow:
    values = {name: _value(arms, name, domain) for name in SIDES}
    others: tuple[GapKind, ...] = ("matched", "coded")
    gaps = {f"{name}_gap": _gap(arms, name, domain, values[name]) for name in others}
    return ArmRow(
        machine=arms.machine,
        section=arms.section,
        domain=domain,
        detector=arms.detector,
        generator=arms.pairing.generator,
        grid=arms.pairing.anomalies,
        repeats=len(arms.scored.get(("real", "real normals"), [])),
        **values,
        **gaps,
        paper_gap=_paper_gap(cell, values["paper"]),
    )


def _value(arms: SectionArms, name: ArmName, domain: Subset) -> ArmValue:
    curves = arms.curves(name, domain)
    if isinstance(curves, str):
        return ArmValue(auc=None, reason=curves)
    found = _pooled(arms, name, domain, curves)
    low, high = found.low, found.high
    first = curves[0].curve
    return ArmValue(
        auc=found.estimate,
        auc_low=None if low is None else max(low, 0.0),
        auc_high=None if high is None else min(high, 1.0),
        pauc=_pauc(arms, name, domain),
        n_negative=len(first.negative.scores),
        n_positive=len(first.positive.scores),
        method=found.method,
        note=without_digests(found.note),
    )


def _pauc(arms: SectionArms, name: ArmName, domain: Subset) -> float | None:
    curves = arms.curves(name, domain, "pauc")
    return None if isinstance(curves, str) else float(np.mean([c.curve.pauc for c in curves]))


def _gap(arms: SectionArms, name: GapKind, domain: Subset, value: ArmValue) -> ArmGap:
    found = measure_gap(arms, name, (domain,), "auc")
    if isinstance(found, str):
        return ArmGap(value=None, reason=value.reason or found)
    interval = found.interval
    return ArmGap(
        value=interval.estimate,
        low=interval.low,
        high=interval.high,
        method=found.how if interval.se is not None else None,
        note=interval.note,
    )


def _pooled(
    arms: SectionArms,
    name: str,
    domain: Subset,
    curves: Sequence[ArmCurve],
) -> Pooled:
    grid = arms.pairing.anomalies or arms.pairing.generator
    rules = arms.rules
    seed_name = "/".join([arms.machine, arms.section, domain, arms.detector, grid, name])
    return pooled(
        [
            combination(
                [(1.0, one.curve)],
                rules.confidence,
                rules.draws,
                generator_for(rules.seed, seed_name, i),
                clusters=one.recordings,
            )
            for i, one in enumerate(curves)
        ],
        rules.confidence,
    )


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
