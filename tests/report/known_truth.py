"""Scored clips of sections whose truth is known, for tests of what a report says of gaps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from asdbench.metrics.definitions import DefinitionId
from asdbench.report.arm_schema import ArmRow, ArtifactFinding
from asdbench.report.arms import arm_rows
from asdbench.report.cells import Arm, Rules, Subset
from asdbench.report.findings import artifact_findings
from asdbench.report.placed_gaps import Domains, placed_gaps
from asdbench.report.schema import Cell, Comparison
from asdbench.report.section_arms import ArmKey, SectionArms, section_arms
from asdbench.report.trust import Trust, make_trust
from asdbench.report.trust_schema import VerdictRow
from asdbench.suite.model import Suite

GRIDS = {
    "made": {"generator": "gen"},
    "controls": {"generator": "gen", "label": "normal"},
    "coded": {"generator": "gen", "make": "roundtrip"},
    "coded-controls": {"generator": "gen", "label": "normal", "make": "roundtrip"},
}
RULES = Rules(DefinitionId.DCASE2022, 0.95, 200, 1)
DOMAINS: tuple[Subset, ...] = ("source", "target", "all")
Arms = dict[ArmKey, list[Arm]]


def make_suite(grids: Sequence[str] = tuple(GRIDS), **changes: Any) -> Suite:
    content = {
        "schema": "asdbench/suite@1",
        "name": "s",
        "dataset": {"use": "manifest"},
        "generators": [{"id": "gen", "use": "g"}],
        "grids": {name: GRIDS[name] for name in grids},
        "detectors": [{"id": "ae", "use": "d"}],
        "statistics": {"bootstrap": 200},
        **changes,
    }
    return Suite.model_validate(content)


def clips(scores: np.ndarray, label: str, prefix: str, **fields: Any) -> Arm:
    """Clips of one label, of both domains in turn."""
    n = len(scores)
    names = np.array([f"{prefix}{i:04d}" for i in range(n)])
    domain = np.resize(["source", "target"], n)
    return Arm(scores, np.full(n, label == "anomaly"), domain, None, names, **fields)


def joined(first: Arm, second: Arm) -> Arm:
    def both(name: str) -> np.ndarray | None:
        parts = [getattr(first, name), getattr(second, name)]
        return None if any(part is None for part in parts) else np.concatenate(parts)

    return Arm(*map(both, ("score", "anomaly", "domain", "decision", "clip")))


def make_section(
    rng: np.random.Generator,
    n: int = 60,
    shift: float = 0.8,
    lost: float = 0.0,
    artifact: float = 0.0,
    coding: float = 0.0,
    times: int = 1,
    place: tuple[str, str, str] = ("ae", "fan", "00"),
) -> Arms:
    """Return arms of all origins; anomalies lie ``shift`` above normals.

    ``lost`` is what generated anomalies lack of that, ``artifact`` moves all generated clips and
    ``coding`` all coded ones; ``times`` as many clips are generated as there are real ones.
    """
    normal, anomaly = rng.standard_normal(n), rng.standard_normal(n) + shift
    made = rng.standard_normal(times * n) + shift - lost + artifact
    controls = rng.standard_normal(times * n) + artifact
    found = {
        "real": joined(clips(normal, "normal", "n"), clips(anomaly, "anomaly", "a")),
        "made": clips(made, "anomaly", "made"),
        "controls": clips(controls, "normal", "controls"),
        "coded": clips(anomaly + coding, "anomaly", "a"),
        "coded-controls": clips(normal + coding, "normal", "n"),
    }
    return {(origin, *place): [arm] for origin, arm in found.items()}


def sections_of(
    arms: Arms, suite: Suite | None = None, rules: Rules = RULES
) -> tuple[list[SectionArms], Domains]:
    places = list(dict.fromkeys((key[2], key[3]) for key in arms))
    sections = list(section_arms(suite or make_suite(), arms, places, rules))
    return sections, dict.fromkeys(places, DOMAINS)


def trust_of(arms: Arms, suite: Suite | None = None, rules: Rules = RULES) -> Trust:
    chosen = suite or make_suite()
    sections, domains = sections_of(arms, chosen, rules)
    gaps = list(placed_gaps(sections, domains))
    return make_trust(sections, domains, gaps, findings_of(sections, domains), chosen.statistics)


def findings_of(sections: Sequence[SectionArms], domains: Domains) -> list[ArtifactFinding]:
    return artifact_findings(arm_rows_of(sections, domains), 0.95)


def arm_rows_of(sections: Sequence[SectionArms], domains: Domains) -> list[ArmRow]:
    nothing = Comparison(real=None, generated=None, gap=None)
    cells = [
        Cell(
            machine=machine,
            section=section,
            domain=domain,
            detector=detector,
            generator=None,
            grid=None,
            n_normal=0,
            n_anomaly_real=0,
            n_anomaly_generated=0,
            repeats=1,
            auc=nothing,
            pauc=nothing,
        )
        for (machine, section), own in domains.items()
        for domain in own
        for detector in dict.fromkeys(arms.detector for arms in sections)
    ]
    return list(arm_rows(sections, cells))


def row_of(trust: Trust, **wanted: Any) -> VerdictRow:
    """Return the one verdict with these fields; of the machine's AUC unless told otherwise."""
    fields = {"over": "machine", "metric": "auc", **wanted}
    (found,) = [
        row
        for row in trust.verdicts
        if all(getattr(row, name) == value for name, value in fields.items())
    ]
    return found
