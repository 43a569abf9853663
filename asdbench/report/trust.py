"""All that a report says about trust, from the scored clips of its sections."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from asdbench.report.agreement import agreement_rows
from asdbench.report.arm_schema import ArtifactFinding
from asdbench.report.components import component_rows
from asdbench.report.ladder import ladder_rows
from asdbench.report.placed_gaps import Domains, PlacedGap
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
    gaps: Sequence[PlacedGap],
    findings: Sequence[ArtifactFinding],
    statistics: StatisticsModel,
) -> Trust:
    """Say what every gap is worth.

    Parameters
    ----------
    sections
        What was scored for each arm of each section.
    domains
        The domains of each section.
    gaps
        All gaps between them.
    findings
        What the artifact arm says of each machine, detector and generator.
    statistics
        What the suite says about uncertainty.
    """
    verdicts = tuple(verdict_rows(gaps, statistics))
    return Trust(
        verdicts,
        tuple(ladder_rows(sections, domains, verdicts, findings)),
        tuple(agreement_rows(sections, domains)),
        tuple(score_distance_rows(sections)),
        tuple(component_rows(gaps)),
    )
