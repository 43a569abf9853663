"""Gates of a suite that was really run: their rows are those of the report."""

from __future__ import annotations

from pathlib import Path

import pytest

from asdbench.engine.run import run
from asdbench.report.outcome_schema import GateResult
from asdbench.report.schema import Report
from asdbench.report.write import read_report

GATES = """\
gates:
  - {id: near, check: equivalence, over: machine, margin: 0.4, multiplicity: none}
  - {id: artifact, check: artifact, margin: 0.4}
  - {id: codec, check: equivalence, arm: codec, margin: 0.4}
  - {id: signs, check: sign}
  - {id: ranks, check: rank_agreement}
  - {id: leaks, check: leakage, unknown: fail}
  - {id: copies, check: memorization}
  - {id: attributes, check: fidelity}
"""


@pytest.fixture
def report(arms_suite: Path, tmp_path: Path) -> Report:
    arms_suite.write_text(arms_suite.read_text() + GATES)
    out = tmp_path / "out"
    run(arms_suite, store=tmp_path / "store", out=out, workers=0, device="cpu")
    return read_report(out)


@pytest.mark.slow
def test_gates_of_a_run_say_what_its_rows_say(report: Report) -> None:
    assert report.complete
    results: dict[str, GateResult] = {gate.id: gate for gate in report.gates}
    assert len(results) == GATES.count("id:")
    headline = [
        r for r in report.verdicts if (r.over, r.metric) == ("machine", "auc") and r.headline
    ]
    looked_at = results["near"].values
    assert [(v.machine, v.detector, v.ours) for v in looked_at] == [
        (r.machine, r.detector, r.value) for r in headline
    ]
    for value, row in zip(looked_at, headline, strict=True):
        if value.verdict == "fail":
            assert row.low is not None
            assert row.high is not None
            assert not row.low <= 0.0 <= row.high
    assert [(v.machine, v.detector, v.ours) for v in results["artifact"].values] == [
        (f.machine, f.detector, f.auc) for f in report.artifacts
    ]
    assert len(results["codec"].values) == len(report.artifacts)
    # Two machines and two detectors are too few for a sign and for a ranking.
    assert results["signs"].verdict == results["ranks"].verdict == "inconclusive"
    # The toy generator has no training manifest.
    assert [row.status for row in report.leakage] == ["unknown"]
    assert results["leaks"].verdict == "fail"
    assert len(results["copies"].values) == len(report.memorization) > 0
    assert len(results["attributes"].values) == len(report.fidelity) > 0
