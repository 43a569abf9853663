"""What a report says of each generator, side by side: for the suite of planted defects.

Run: asdbench run controls --out runs/controls
     python benchmarks/controls.py runs/controls [--detector knn]
"""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path

from tabulate import tabulate

from asdbench.report.outcome_schema import GateResult
from asdbench.report.schema import Report
from asdbench.report.text import number
from asdbench.report.write import read_report


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path, help="run folder or report.json")
    parser.add_argument("--detector", default="knn")
    given = parser.parse_args()
    report = read_report(given.run)
    generators = [plugin.id for plugin in report.generators]
    rows = []
    for machine in dict.fromkeys(cell.machine for cell in report.cells):
        columns = [findings(report, machine, given.detector, name) for name in generators]
        rows += [
            [f"{machine}: {question}", *(column[question] for column in columns)]
            for question in columns[0]
        ]
    leaks = {row.generator: row for row in report.leakage}
    rows.append(
        [
            "learned from evaluation clips",
            *(f"{leaks[name].status} ({leaks[name].n_overlap})" for name in generators),
        ]
    )
    print(tabulate(rows, ["", *generators], tablefmt="github", disable_numparse=True))
    print()
    table = [[gate.id, *(rulings(gate, name) for name in generators)] for gate in report.gates]
    print(tabulate(table, ["gate", *generators], tablefmt="github", disable_numparse=True))


def rulings(gate: GateResult, generator: str) -> str:
    """Return how many values of a gate pass, fail or are inconclusive for one generator."""
    found = Counter(value.verdict for value in gate.values if value.generator == generator)
    words = ("fail", "inconclusive", "pass")
    return ", ".join(f"{found[word]} {word}" for word in words if found[word])


def findings(report: Report, machine: str, detector: str, generator: str) -> dict[str, str]:
    """Return what the report says of one generator, by question."""
    found = {}
    for gap in ("matched", "paper"):
        row = next(
            v
            for v in report.verdicts
            if (v.over, v.machine, v.detector, v.generator, v.gap, v.metric)
            == ("machine", machine, detector, generator, gap, "auc")
        )
        found[f"{gap} gap"] = (
            f"{number(row.value, signed=True)} "
            f"[{number(row.low, signed=True)}, {number(row.high, signed=True)}] {row.verdict}"
        )
    artifact = next(
        f
        for f in report.artifacts
        if (f.machine, f.detector, f.generator) == (machine, detector, generator)
    )
    found["artifact arm"] = f"{number(artifact.auc)} {artifact.finding}"
    copies = [r for r in report.memorization if (r.machine, r.generator) == (machine, generator)]
    found["copies"] = "; ".join(f"{row.share or 0.0:.0%} {row.finding}" for row in copies)
    kept = [r for r in report.fidelity if (r.machine, r.generator) == (machine, generator)]
    found["condition"] = "; ".join(
        f"{number(row.accuracy)} of {number(row.ceiling)} {row.finding}" for row in kept
    )
    return found


if __name__ == "__main__":
    main()
