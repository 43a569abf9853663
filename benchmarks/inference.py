"""How long the statistics of a whole suite take, in one process.

2,000 bootstrap draws of every gap: 5 machines, 3 sections, 2 domains, 6 detectors; 50 normals a
domain, 100 real and 200 generated anomalies a section.

    python benchmarks/inference.py
"""

from __future__ import annotations

import resource
import time
from collections.abc import Callable

import numpy as np
from tabulate import tabulate

from asdbench.stats.combination import combination
from asdbench.stats.curves import Curve, Gap, Pool, gap_terms
from asdbench.stats.noise_floor import noise_floor
from asdbench.stats.permutation import permutation_test
from asdbench.stats.ranks import rank_agreement
from asdbench.stats.resampling import RankMetric

MACHINES, SECTIONS, DOMAINS, DETECTORS = 5, 3, 2, 6
NORMALS, REAL, GENERATED = 50, 100, 200
DRAWS = 2000


def suite(rng: np.random.Generator, lift: float) -> list[list[Gap]]:
    """Return the gaps of each detector over the whole suite, equally weighted."""
    detectors: list[list[Gap]] = [[] for _ in range(DETECTORS)]
    weight = 1.0 / (MACHINES * SECTIONS * DOMAINS)
    for place in range(MACHINES * SECTIONS):
        for gaps in detectors:
            real = Pool(f"{place} r", rng.normal(size=REAL) + lift)
            made = Pool(f"{place} g", rng.normal(size=GENERATED) + lift)
            for domain in "st":
                normals = Pool(f"{place} {domain}", rng.normal(size=NORMALS))
                gaps.append(Gap(Curve(normals, real), Curve(normals, made), weight))
    return detectors


def main() -> None:
    rng = np.random.default_rng(0)
    usual, high = suite(rng, 0.4), suite(rng, 2.5)

    def every_gap(suite: list[list[Gap]], metric: RankMetric) -> None:
        for gaps in suite:
            for gap in gaps:
                combination(gap_terms([gap]), 0.95, DRAWS, rng, metric)

    def machines(suite: list[list[Gap]], metric: RankMetric) -> None:
        step = SECTIONS * DOMAINS
        for gaps in suite:
            for start in range(0, len(gaps), step):
                terms = gap_terms(gaps[start : start + step])
                combination(terms, 0.95, DRAWS, rng, metric)

    def whole(suite: list[list[Gap]], metric: RankMetric) -> None:
        for gaps in suite:
            combination(gap_terms(gaps), 0.95, DRAWS, rng, metric)

    parts: dict[str, Callable[[], object]] = {
        "180 AUC gaps, DeLong": lambda: every_gap(usual, "auc"),
        "180 AUC gaps, bootstrap": lambda: every_gap(high, "auc"),
        "30 machine AUC gaps, bootstrap": lambda: machines(high, "auc"),
        "6 suite AUC gaps, bootstrap": lambda: whole(high, "auc"),
        "180 pAUC gaps, bootstrap": lambda: every_gap(usual, "pauc"),
        "30 machine pAUC gaps, bootstrap": lambda: machines(usual, "pauc"),
        "6 suite pAUC gaps, bootstrap": lambda: whole(usual, "pauc"),
        "6 suite gaps, permutation": lambda: [permutation_test(g, DRAWS, rng) for g in usual],
        "6 suite gaps, noise floor": lambda: [noise_floor(g, DRAWS, rng) for g in usual],
        "ranks of 6 detectors, suite": lambda: rank_agreement(usual, DRAWS, rng),
    }
    rows = []
    for name, part in parts.items():
        start = time.process_time()
        part()
        rows.append([name, time.process_time() - start])
    rows.append(["sum", sum(row[1] for row in rows)])
    print(tabulate(rows, [f"{DRAWS} draws", "CPU seconds"], tablefmt="github", floatfmt=".2f"))
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")


if __name__ == "__main__":
    main()
