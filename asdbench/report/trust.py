"""All that a report says about trust, from the scored clips of its sections."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from asdbench.report.agreement import agreement_rows
from asdbench.report.arm_schema import ArtifactFinding
from asdbench.report.components import component_rows
from asdbench.report.ladder import ladder_rows
from asdbench.report.placed_gaps import Domains, placed_gaps
from asdbench.report.score_distances import score_distance_rows
from asdbench.report.section_arms import SectionArms
from asdbench.report.trust_schema import (
    AgreementRow,
    ComponentRow,
    LadderRow,
    ScoreDistanceRow,
    VerdictRow,
)
from asdbench.report.verdicts import verdict_rows
from asdbench.suite.model import StatisticsModel


@dataclass(frozen=True)
class Trust:
    """How far the gaps of a report can be trusted."""

    verdicts: tuple[VerdictRow, ...]
    ladder: tuple[LadderRow, ...]
    agreement: tuple[AgreementRow, ...]
    score_distances: tuple[ScoreDistanceRow, ...]
    components: tuple[ComponentRow, ...]


def make_trust(
    sections: Sequence[SectionArms],
    domains: Domains,
    findings: Sequence[ArtifactFinding],
    statistics: StatisticsModel,
) -> Trust:
    """Measure every gap and say what it is worth.

    Parameters
    ----------
    sections
        What was scored for each arm of each section.
    domains
        The domains of each section.
    findings
        What the artifact arm says of each machine, detector and generator.
    statistics
        What the suite says about uncertainty.
    """
    known = [arms for arms in sections if (arms.machine, arms.section) in domains]
    gaps = list(placed_gaps(known, domains))
    verdicts = tuple(verdict_rows(gaps, statistics))
    return Trust(
        verdicts,
        tuple(ladder_rows(known, domains, verdicts, findings)),
        tuple(agreement_rows(known, domains)),
        tuple(score_distance_rows(known)),
        tuple(component_rows(gaps)),
    )
