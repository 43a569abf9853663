"""Our own numbers against the committed ones: a part of each suite that has a reference report."""

from __future__ import annotations

from pathlib import Path

import pytest

from asdbench.comparison import compare, read_side
from asdbench.comparison.formats import render
from asdbench.engine.run import run

REPORTS = Path(__file__).resolve().parents[2] / "reports"
NAMES = sorted(path.parent.name for path in REPORTS.glob("*/report.json"))
GATES = {"auc": 0.02, "auc_gap": 0.03}
PARTS = {
    "quickstart": ["machine=fan", "generator=perturb", "generator=resample"],
    "all_detectors": ["machine=fan", "detector=knn", "detector=gmm"],
}
"""What of a suite takes seconds."""

pytestmark = pytest.mark.skipif(not REPORTS.exists(), reason="needs the checkout")


@pytest.mark.parametrize("name", NAMES)
def test_the_scores_belong_to_the_report(name: str):
    side = read_side(REPORTS / name)
    assert side.scores is not None
    outcome = compare(side, side)
    assert outcome.verdict == "same", render(outcome, "md")
    numbers = [row for row in outcome.rows if row.tolerance is not None]
    assert {row.method for row in numbers} == {"identical scores"}


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_a_part_of_the_suite_gives_the_numbers_of_the_reference(name: str, tmp_path: Path):
    only = PARTS[name]
    result = run(name, only=only, store=tmp_path / "store", out=tmp_path / "run", workers=1)
    assert result.complete
    base, new = read_side(REPORTS / name), read_side(result.folder)
    outcome = compare(base, new, gates=GATES, only=only)
    assert outcome.exit_code == 0, render(outcome, "md")
    assert outcome.n_rows == 12
