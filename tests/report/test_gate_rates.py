"""How often gates pass and fail over many runs whose truth is known."""

from __future__ import annotations

import numpy as np
import pytest

from asdbench.report.gates import check_gates
from asdbench.stats.interval import normal_quantile
from asdbench.stats.power import certifiable_margin, equivalence_power
from asdbench.suite.gate_models import EquivalenceGateModel, SignGateModel
from made_report import gap, made_report

SE = 0.02
RUNS = 400
ROWS = 8


def verdicts(gate: EquivalenceGateModel | SignGateModel, truth: float, seed: int) -> list[str]:
    """Return the verdict of each run; gaps are measured with normal errors."""
    rng = np.random.default_rng(seed)
    half = normal_quantile(0.95) * SE
    found = []
    for _ in range(RUNS):
        gaps = rng.normal(truth, SE, ROWS)
        rows = tuple(gap(f"m{i}", float(value), half) for i, value in enumerate(gaps))
        (result,) = check_gates([gate], made_report(verdicts=rows))
        found.append(result.verdict)
    return found


def near(margin: float, multiplicity: str = "holm") -> EquivalenceGateModel:
    return EquivalenceGateModel.model_validate(
        {"id": "g", "check": "equivalence", "margin": margin, "multiplicity": multiplicity}
    )


def test_a_perfect_generator_hardly_ever_fails() -> None:
    """Within a margin that nothing can certify, all depends on Holm."""
    failed = verdicts(near(0.001), 0.0, 1).count("fail") / RUNS
    assert failed == pytest.approx(0.05, abs=3.0 * np.sqrt(0.05 * 0.95 / RUNS))
    alone = verdicts(near(0.001, "none"), 0.0, 1).count("fail") / RUNS
    assert alone == pytest.approx(1.0 - 0.95**ROWS, abs=0.075)


def test_a_generator_at_the_margin_hardly_ever_passes() -> None:
    assert verdicts(near(0.06), 0.06, 2).count("pass") / RUNS <= 0.05


def test_a_perfect_generator_passes_as_often_as_the_plan_says() -> None:
    margin = certifiable_margin(SE, power=0.95)
    expected = equivalence_power(margin, SE) ** ROWS
    passed = verdicts(near(margin), 0.0, 3).count("pass") / RUNS
    assert passed == pytest.approx(expected, abs=3.0 * np.sqrt(expected * (1 - expected) / RUNS))


def test_a_biased_generator_fails() -> None:
    assert verdicts(near(0.05), 0.12, 4).count("fail") == RUNS


def test_signs_fail_at_their_level() -> None:
    gate = SignGateModel.model_validate({"id": "g", "check": "sign", "alpha": 0.1})
    # 8 machines: p <= 0.1 where at most 1 differs from the others, 2 (1 + 8) / 2^8 of all runs.
    assert verdicts(gate, 0.0, 5).count("fail") / RUNS == pytest.approx(18 / 256, abs=0.04)
    assert verdicts(gate, 0.04, 6).count("fail") / RUNS > 0.9
