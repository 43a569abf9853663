"""Averages of the arms over machines and domains. A mean over an incomplete set is not given."""

from __future__ import annotations

from collections.abc import Sequence

from asdbench.report.arm_schema import ArmMean, ArmRow
from asdbench.report.means import Group, auc_cells, grouped, mean_of, pauc_cells


def make_arm_means(rows: Sequence[ArmRow]) -> list[ArmMean]:
    """Average by machine, by domain and over everything, for each detector and generator."""
    means = []
    for key in dict.fromkeys((r.detector, r.generator, r.grid) for r in rows):
        mine = [r for r in rows if (r.detector, r.generator, r.grid) == key]
        means += [_mean(group) for group in grouped(mine)]
    return means


def _mean(group: Group[ArmRow]) -> ArmMean:
    rows, whole = auc_cells(group.rows), pauc_cells(group.rows)
    first = group.rows[0]
    matched, paper, coded = (
        [getattr(row, f"{arm}_gap").value for row in rows] for arm in ("matched", "paper", "coded")
    )
    artifact, codec = ([getattr(r, arm).auc for r in rows] for arm in ("artifact", "codec"))
    return ArmMean(
        over=group.over,
        machine=group.machine,
        domain=group.domain,
        detector=first.detector,
        generator=first.generator,
        grid=first.grid,
        n_cells=len(rows),
        auc_real=_over([r.real.auc for r in rows]),
        auc_coded=_over([r.coded.auc for r in rows]),
        auc_paper=_over([r.paper.auc for r in rows]),
        auc_matched=_over([r.matched.auc for r in rows]),
        auc_artifact=_over(artifact),
        auc_codec=_over(codec),
        matched_gap=_over(matched),
        matched_abs_gap=_over_absolute(matched),
        paper_gap=_over(paper),
        paper_abs_gap=_over_absolute(paper),
        coded_gap=_over(coded),
        coded_abs_gap=_over_absolute(coded),
        artifact_deviation=_over_absolute(artifact, 0.5),
        codec_deviation=_over_absolute(codec, 0.5),
        pauc_real=_over([r.real.pauc for r in whole]),
        pauc_matched=_over([r.matched.pauc for r in whole]),
        pauc_paper=_over([r.paper.pauc for r in whole]),
    )


def _over(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return mean_of(known) if known and len(known) == len(values) else None


def _over_absolute(values: Sequence[float | None], ideal: float = 0.0) -> float | None:
    return _over([None if value is None else abs(value - ideal) for value in values])
