"""The paper's gap taken apart: what the codec does, what the generator does, what is left.

AUC(real normals, generated anomalies) - AUC(real) is the sum of three steps:

- the codec: AUC(real normals, coded anomalies) - AUC(real);
- what is left: the matched gap, AUC(generated normals, generated anomalies) - AUC(real);
- the generator: the rest, which generated normals show as well as generated anomalies.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from asdbench.report.arm_schema import ArtifactFinding
from asdbench.report.means import mean_of
from asdbench.report.placed_gaps import Domains, averaged_domains
from asdbench.report.section_arms import SectionArms
from asdbench.report.text import number
from asdbench.report.trust_schema import GapKind, LadderRow, VerdictRow

Key = tuple[str, str, str, str | None]
"""(machine, detector, generator, grid)"""


def ladder_rows(
    sections: Sequence[SectionArms],
    domains: Domains,
    verdicts: Sequence[VerdictRow],
    findings: Sequence[ArtifactFinding],
) -> list[LadderRow]:
    """Return one row for each machine, detector and grid of generated anomalies.

    Parameters
    ----------
    sections
        What was scored for each arm of each section.
    domains
        The domains of each section.
    verdicts
        The gaps of the machines.
    findings
        What the artifact arm says.
    """
    gaps: dict[tuple[Key, GapKind], float | None] = {
        ((row.machine or "", row.detector, row.generator, row.grid), row.gap): row.value
        for row in verdicts
        if (row.over, row.metric) == ("machine", "auc")
    }
    said = {(f.machine, f.detector, f.generator): f for f in findings}
    groups: dict[Key, list[SectionArms]] = {}
    for arms in sections:
        if arms.pairing.anomalies is not None:
            key = (arms.machine, arms.detector, arms.pairing.generator, arms.pairing.anomalies)
            groups.setdefault(key, []).append(arms)
    return [_row(key, group, domains, gaps, said[key[:3]]) for key, group in groups.items()]


def _row(
    key: Key,
    group: Sequence[SectionArms],
    domains: Domains,
    gaps: Mapping[tuple[Key, GapKind], float | None],
    finding: ArtifactFinding,
) -> LadderRow:
    paper, rest = gaps.get((key, "paper")), gaps.get((key, "matched"))
    codec = _codec(group, domains)
    generation = None if paper is None or rest is None else paper - rest - (codec or 0.0)
    machine, detector, generator, grid = key
    return LadderRow(
        machine=machine,
        detector=detector,
        generator=generator,
        grid=grid,
        paper_gap=paper,
        codec=codec,
        generation=generation,
        rest=rest,
        reads=_reads(finding, codec, generation),
        sentence=" ".join([finding.sentence, *_parts(paper, codec, generation, rest)]),
    )


def _codec(group: Sequence[SectionArms], domains: Domains) -> float | None:
    """Return what coding the anomalies alone does, averaged; None where it was not measured."""
    steps = []
    for arms in group:
        for domain in averaged_domains(domains[arms.machine, arms.section], "auc"):
            coded, real = arms.curves("coding", domain), arms.curves("real", domain)
            if isinstance(coded, str) or isinstance(real, str):
                return None
            aucs = [mean_of([one.curve.auc for one in side]) for side in (coded, real)]
            steps.append(aucs[0] - aucs[1])
    return mean_of(steps)


def _reads(
    finding: ArtifactFinding, codec: float | None, generation: float | None
) -> Literal["faults", "codec", "generator", "not measured"]:
    if finding.finding == "not measured":
        return "not measured"
    if finding.finding == "not separated":
        return "faults"
    by_codec = codec is not None and generation is not None and abs(codec) >= abs(generation)
    return "codec" if by_codec else "generator"


def _parts(
    paper: float | None, codec: float | None, generation: float | None, rest: float | None
) -> list[str]:
    """Return the sentence that takes the gap apart; none where nothing is known of its parts."""
    if paper is None or (codec is None and rest is None):
        return []
    steps = []
    if codec is not None:
        steps.append(f"{number(codec, signed=True)} comes from coding the anomalies")
    if generation is not None and rest is not None:
        what = "is in generated normals too" + (", the codec included" if codec is None else "")
        steps.append(f"{number(generation, signed=True)} {what}")
        steps.append(f"{number(rest, signed=True)} is left (the matched gap)")
    return [f"Of the paper's gap of {number(paper, signed=True)}, {_listed(steps)}."]


def _listed(steps: Sequence[str]) -> str:
    return steps[0] if len(steps) == 1 else f"{', '.join(steps[:-1])} and {steps[-1]}"
