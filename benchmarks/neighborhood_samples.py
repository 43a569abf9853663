"""Figure 5 of the neighborhood smoothing paper from a run of `neighborhood_samples`.

Run: python benchmarks/neighborhood_samples.py RUN [--sections 03,04,05]

For each machine and share of the clips that may be neighbors: the harmonic mean of AUC and pAUC
over the sections, its mean and standard deviation over the trials. Where the run has several
settings (K, pool) each trial counts with its best one, as the paper gives the method its best.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from pathlib import Path

import numpy as np
from tabulate import tabulate

from asdbench.metrics.definitions import DefinitionId
from asdbench.report.real_results import RealResults
from asdbench.report.write import read_report


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("--sections", default="03,04,05")
    options = parser.parse_args()
    report = read_report(options.run)
    results = RealResults.of(report.cells, DefinitionId(report.definition))
    sections = options.sections.split(",")
    trials: dict[tuple[str, float, int], list[float]] = defaultdict(list)
    for detector in report.detectors:
        if detector.use != "smoothed-ae":
            continue
        for machine in results.machines:
            found = results.measure("hmean", {machine: detector.id}, sections)
            if found.value is None:
                raise SystemExit(f"{detector.id}: {found.reason}")
            key = (machine, detector.params["share"], detector.params["trial"])
            trials[key].append(found.value)
    rows = []
    for machine in results.machines:
        plain = results.measure("hmean", {machine: "ae"}, sections).value
        for share in sorted({share for _, share, _ in trials}):
            best = [max(v) for (m, s, _), v in trials.items() if (m, s) == (machine, share)]
            spread = np.std(best, ddof=1) if len(best) > 1 else None
            rows.append([machine, f"{share:.0%}", len(best), np.mean(best), spread, plain])
    headers = ["machine", "share", "trials", "hmean", "deviation", "autoencoder"]
    print("simulated data" if report.data.simulated else report.suite.name)
    print(tabulate(rows, headers, floatfmt=".3f", missingval="-"))


if __name__ == "__main__":
    main()
