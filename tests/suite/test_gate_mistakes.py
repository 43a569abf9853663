from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import jsonschema
import pytest
import yaml

from asdbench.report.gates import CHECKS
from asdbench.suite import load_suite
from asdbench.suite.gate_models import GATE_MODELS
from asdbench.suite.model import Suite

Mistakes = Callable[..., list[str]]

SUITE = """\
schema: asdbench/suite@1
name: gated
dataset: {use: manifest, file: clips.csv}
generators: [{id: altered, use: perturb}]
grids:
  faults: {generator: altered}
detectors:
  - {id: plain, use: dcase-ae}
  - {id: ae, use: dcase-ae, sweep: {score: [mse, mahalanobis]}}
gates:
  - GATE
"""
ARCHITECTURE = """\
gates:
  - {id: fidelity, check: equivalence, metric: auc, over: machine, margin: 0.05}
  - {id: artifact, check: equivalence, arm: artifact, target: 0.5, margin: 0.05, over: machine}
  - {id: leakage, check: leakage, max_overlap: 0}
"""
ONE_OF_EACH = """\
gates:
  - {id: a, check: equivalence, margin: 0.05, gap: paper, detectors: [plain], grids: [faults]}
  - {id: b, check: sign, over: section, alpha: 0.1, multiplicity: none}
  - {id: c, check: artifact, margin: 0.05, generators: [altered]}
  - {id: d, check: rank_agreement, min_tau: 0.5, over: machine}
  - {id: e, check: leakage, unknown: fail}
  - {id: f, check: memorization, max_excess: 0.05}
  - {id: g, check: fidelity, weak: allow}
  - {id: h, check: coverage, min_validated: 0.5, max_distance: 1.5}
"""


@pytest.mark.parametrize("gates", [ARCHITECTURE, ONE_OF_EACH])
def test_gates_of_every_kind_are_understood(tmp_path: Path, gates: str) -> None:
    text = SUITE.partition("gates:")[0] + gates
    (tmp_path / "my.yaml").write_text(text)
    found = load_suite("my.yaml").suite.gates
    assert [g.id for g in found] == [g["id"] for g in yaml.safe_load(gates)["gates"]]
    assert all(type(gate) is GATE_MODELS[gate.check] for gate in found)
    schema = json.loads(json.dumps(Suite.model_json_schema()))
    jsonschema.validate(yaml.safe_load(text), schema)


def test_every_kind_of_gate_has_a_check_and_is_in_the_schema() -> None:
    schema = Suite.model_json_schema()["properties"]["gates"]["items"]
    assert set(CHECKS) == set(GATE_MODELS) == set(schema["discriminator"]["mapping"])


CHECK_NAMES = ", ".join(f"'{name}'" for name in sorted(GATE_MODELS))


@pytest.mark.parametrize(
    ("gate", "expected"),
    [
        (
            "{id: g, check: equivalance, margin: 0.05}",
            f"check: expected one of {CHECK_NAMES}, got 'equivalance'. Did you mean 'equivalence'?",
        ),
        ("{id: g, margin: 0.05}", f"missing key 'check'. Expected one of {CHECK_NAMES}."),
        ("{id: g, check: 3}", f"check: expected one of {CHECK_NAMES}, got 3."),
        ("nothing", "gates[0]: expected a mapping (key: value), got 'nothing'."),
        (
            "{id: g, check: equivalence}",
            "missing key 'margin'. Expected a number > 0.0 and <= 0.5.",
        ),
        (
            "{id: g, check: equivalence, margin: 0.9}",
            "margin: expected a number > 0.0 and <= 0.5, got 0.9.",
        ),
        (
            "{id: g, check: equivalence, margin: 0.1, over: all}",
            "over: expected one of 'section', 'machine', 'suite', got 'all'.",
        ),
        (  # the tag of this gate is one of its keys as well
            "{id: g, check: reference, reference: x, metric: auc, over: suite, tolerance: 0.1}",
            "over: expected one of 'section', 'machine', 'all', got 'suite'.",
        ),
        (
            "{id: g, check: leakage, max_overlapp: 0}",
            "unknown key 'max_overlapp'. Did you mean 'max_overlap'? Allowed: check, generators, "
            "id, max_overlap, unknown.",
        ),
        (
            "{id: g, check: equivalence, margin: 0.1, target: 0.5}",
            "gates[0]: target: belongs to an arm; a gap's target is 0.",
        ),
        (
            "{id: g, check: equivalence, margin: 0.1, arm: artifact, gap: paper}",
            "gates[0]: gap: beside arm; a gate looks at one of the two.",
        ),
        (
            "{id: g, check: equivalence, margin: 0.1, arm: artifact, over: suite}",
            "gates[0]: over: a mean of an arm over machines hides deviations in both directions; "
            "with arm write machine or section.",
        ),
        (
            "{id: g, check: coverage}",
            "gates[0]: demands nothing: give min_validated, max_distance or both.",
        ),
        (
            "{id: g, check: artifact, margin: 0.1, detectors: [plian]}",
            "unknown detector 'plian'. Did you mean 'plain'? Allowed (ids under 'detectors'): "
            "plain, ae.score-mse, ae.score-mahalanobis.",
        ),
        (
            "{id: g, check: artifact, margin: 0.1, detectors: [ae]}",
            "unknown detector 'ae'. It has a sweep: name some of ae.score-mse, "
            "ae.score-mahalanobis.",
        ),
        (
            "{id: g, check: memorization, grids: [fault]}",
            "unknown grid 'fault'. Did you mean 'faults'? Allowed (names under 'grids'): faults.",
        ),
        (
            "{id: g, check: leakage, generators: [altred]}",
            "unknown generator 'altred'. Did you mean 'altered'? Allowed (ids under "
            "'generators'): altered.",
        ),
        (
            "{id: g, check: leakage, generators: []}",
            "generators: expected a list with at least 1 item, each text, got an empty list.",
        ),
        (
            "{id: g, check: reference, reference: x, metric: auc, over: all, tolerance: 0.1}",
            "unknown reference 'x'. Allowed (ids of what 'references' uses): none.",
        ),
    ],
)
def test_mistakes_in_gates(mistakes: Mistakes, gate: str, expected: str) -> None:
    assert mistakes(text=SUITE.replace("GATE", gate)) == [f"my.yaml:11: {expected}"]


def test_a_name_is_used_once(mistakes: Mistakes) -> None:
    twice = "{id: g, check: leakage}\n  - {id: g, check: leakage}"
    assert mistakes(text=SUITE.replace("GATE", twice)) == [
        "my.yaml:12: duplicate id 'g'. Give each its own id."
    ]


def test_a_gate_can_be_changed_on_the_command_line(tmp_path: Path) -> None:
    gate = "{id: near, check: equivalence, margin: 0.05}"
    (tmp_path / "my.yaml").write_text(SUITE.replace("GATE", gate))
    suite = load_suite("my.yaml", ["gates.near.margin=0.1"]).suite
    assert [gate.model_dump()["margin"] for gate in suite.gates] == [0.1]
