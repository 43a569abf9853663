"""Every gap against its margin, with what clips as many as these can tell at all."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from asdbench.report.placed_gaps import PlacedGap
from asdbench.report.trust_schema import VerdictRow
from asdbench.stats.equivalence import verdict
from asdbench.stats.power import certifiable_margin
from asdbench.suite.model import StatisticsModel


def verdict_rows(gaps: Iterable[PlacedGap], statistics: StatisticsModel) -> Iterator[VerdictRow]:
    """Yield the row of each gap that has a verdict, in the same order."""
    for placed in gaps:
        if not placed.judged:
            continue
        margin = statistics.suite_margin if placed.over == "suite" else statistics.margin
        yield VerdictRow(
            over=placed.over,
            machine=placed.machine,
            section=placed.section,
            domain=placed.domain,
            detector=placed.detector,
            generator=placed.pairing.generator,
            grid=placed.pairing.anomalies,
            gap=placed.gap,
            headline=placed.headline,
            metric=placed.metric,
            margin=margin,
            **_numbers(placed, margin),
        )


def _numbers(placed: PlacedGap, margin: float) -> dict[str, Any]:
    measured = placed.measured
    if isinstance(measured, str):
        return {"value": None, "verdict": None, "reason": measured}
    found = measured.interval
    if found.se is None:
        return {"value": found.estimate, "verdict": None, "reason": found.note}
    return {
        "value": found.estimate,
        "low": found.low,
        "high": found.high,
        "se": found.se,
        "verdict": verdict(found, margin),
        "certifiable": certifiable_margin(found.se, found.confidence),
        "noise_floor": measured.floor,
        "p_permutation": measured.p_permutation,
        "method": measured.how,
        "note": found.note,
    }
