"""How well intervals, tests and ceilings hold what they promise: the tables of docs/statistics.md.

Scores are binormal with known AUC, clips independent unless said otherwise.

    python benchmarks/inference_simulated.py TABLE [--runs 2000]
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Sequence
from functools import partial
from statistics import NormalDist

import numpy as np
from tabulate import tabulate

from asdbench.metrics.rank import auc as measure_auc
from asdbench.stats.combination import combination
from asdbench.stats.curves import Curve, Gap, Pool, gap_terms
from asdbench.stats.equivalence import verdict
from asdbench.stats.interval import Interval
from asdbench.stats.noise_floor import noise_floor
from asdbench.stats.permutation import permutation_test
from asdbench.stats.power import Sizes, certifiable_margin, gap_se
from asdbench.stats.ranks import kendall_tau, rank_agreement
from asdbench.stats.resampling import RankMetric

DRAWS = 1000
Floats = np.ndarray


def shift(auc: float) -> float:
    return math.sqrt(2.0) * NormalDist().inv_cdf(auc)


def true_pauc(auc: float) -> float:
    normal = NormalDist()
    rates = (np.arange(4000) + 0.5) / 40_000
    heights = [normal.cdf(normal.inv_cdf(rate) + shift(auc)) for rate in rates]
    return 0.5 * (1 + (0.1 * float(np.mean(heights)) - 0.005) / 0.095)


def curve(negative: Floats, positive: Floats, names: str) -> Curve:
    first, second = names.split()
    return Curve(Pool(first, negative), Pool(second, positive))


def paper(rng: np.random.Generator, real: float, made: float, n: int, r: int, g: int) -> list[Gap]:
    x, y = rng.normal(size=n), rng.normal(size=r) + shift(real)
    return [Gap(curve(x, y, "n r"), curve(x, rng.normal(size=g) + shift(made), "n g"))]


def matched(
    rng: np.random.Generator, real: float, made: float, n: int, r: int, g: int
) -> list[Gap]:
    first = curve(rng.normal(size=n), rng.normal(size=r) + shift(real), "n r")
    x = rng.normal(size=round(n * g / r))
    return [Gap(first, curve(x, rng.normal(size=g) + shift(made), "gn g"))]


def machine(
    rng: np.random.Generator, real: float, made: float, n: int, r: int, g: int, sections: int = 3
) -> list[Gap]:
    """Return the gaps of sections of two domains, whose anomalies enter both AUCs."""
    gaps = []
    for section in range(sections):
        y, z = rng.normal(size=r) + shift(real), rng.normal(size=g) + shift(made)
        for domain in "st":
            x = rng.normal(size=n)
            arms = [
                curve(x, side, f"{section}{domain} {section}{name}")
                for name, side in (("r", y), ("g", z))
            ]
            gaps.append(Gap(arms[0], arms[1], 0.5 / sections))
    return gaps


def interval(gaps: Sequence[Gap], rng: np.random.Generator, metric: RankMetric = "auc") -> Interval:
    return combination(gap_terms(gaps), 0.95, DRAWS, rng, metric)


def as_normal(found: Interval) -> Interval:
    """Return estimate +- 1.96 standard errors."""
    if found.se is None:
        return found
    return Interval.normal(found.estimate, found.se, found.confidence)


def holds(found: Interval, truth: float) -> bool:
    return found.low is not None and found.high is not None and found.low <= truth <= found.high


def show(rows: list[list[object]], headers: list[str]) -> None:
    print(tabulate(rows, headers, tablefmt="github", floatfmt=".3f"), flush=True)


def coverage(runs: int) -> None:
    """Coverage of nominal 95 % intervals of gaps."""
    rows: list[list[object]] = []
    cases: list[tuple[str, Callable[..., list[Gap]], str, float, float, tuple[int, int, int]]] = [
        ("paper", paper, "auc", 0.6, 0.6, (50, 100, 100)),
        ("paper", paper, "auc", 0.7, 0.8, (50, 50, 500)),
        ("paper", paper, "auc", 0.88, 0.94, (50, 100, 200)),
        ("paper", paper, "auc", 0.95, 0.95, (50, 100, 200)),
        ("paper", paper, "pauc", 0.7, 0.8, (100, 100, 200)),
        ("matched", matched, "auc", 0.7, 0.7, (50, 100, 200)),
        ("matched", matched, "pauc", 0.7, 0.7, (100, 100, 200)),
        ("machine", machine, "auc", 0.6, 0.65, (50, 100, 200)),
        ("machine", machine, "auc", 0.92, 0.92, (50, 100, 200)),
        ("machine", machine, "pauc", 0.7, 0.7, (50, 100, 200)),
        ("suite", partial(machine, sections=15), "pauc", 0.7, 0.8, (50, 100, 200)),
    ]
    for name, make, metric, real, made, sizes in cases:
        rng = np.random.default_rng(1)
        value = true_pauc if metric == "pauc" else float
        truth = value(made) - value(real)
        found = [interval(make(rng, real, made, *sizes), rng, metric) for _ in range(runs)]
        rows.append(
            [
                name,
                metric,
                f"{real:.2f}, {made:.2f}",
                ", ".join(map(str, sizes)),
                f"{np.mean([i.method == 'bootstrap' for i in found]):.2f}",
                float(np.mean([holds(i, truth) for i in found])),
                float(np.mean([holds(as_normal(i), truth) for i in found])),
            ]
        )
    headers = ["gap", "metric", "AUC real, generated", "clips", "bootstrapped", "coverage"]
    show(rows, [*headers, "normal, same SE"])


def clusters(runs: int) -> None:
    """Clips of one recording: half of the variance is common to its clips."""
    rows: list[list[object]] = []
    settings: list[tuple[RankMetric, float, int, int]] = [
        ("auc", 0.7, 10, 10),
        ("auc", 0.7, 25, 4),
        ("auc", 0.93, 25, 4),
        ("pauc", 0.7, 25, 4),
        ("pauc", 0.7, 50, 4),
    ]
    for metric, auc, recordings, clips in settings:
        rng = np.random.default_rng(2)
        names = [f"{i // clips}" for i in range(recordings * clips)]
        truth = true_pauc(auc) if metric == "pauc" else auc
        inside = np.zeros(2)
        for _ in range(runs):
            common = rng.normal(size=(2, recordings)).repeat(clips, axis=1)
            x, y = math.sqrt(0.5) * (common + rng.normal(size=common.shape))
            terms = [(1.0, curve(x, y + shift(auc), "n p"))]
            for column, known in enumerate((None, {"n": names, "p": names})):
                found = combination(terms, 0.95, DRAWS, rng, metric, known)
                inside[column] += holds(found, truth)
        rows.append([metric, auc, f"{recordings} x {clips}", *(inside / runs)])
    show(rows, ["metric", "AUC", "recordings x clips", "clips independent", "by recording"])


def decisions(runs: int) -> None:
    """Error rates of verdicts, permutation tests and noise floors."""
    rows: list[list[object]] = []
    for auc, sizes in [(0.65, (200, 200, 400)), (0.88, (200, 200, 400)), (0.88, (200, 150, 200))]:
        rng = np.random.default_rng(3)
        found = [
            verdict(interval(paper(rng, auc, auc + 0.06, *sizes), rng), 0.06) for _ in range(runs)
        ]
        certified = sum(f in ("equivalent", "negligible") for f in found) / runs
        rows.append(
            [f"certified, gap = margin = 0.06, AUC {auc}, {auc + 0.06:.2f}", sizes, certified]
        )
    for name, make in (("paper", paper), ("matched", matched), ("machine", machine)):
        rng = np.random.default_rng(4)
        wrong, low_p, over = 0, 0, 0
        for _ in range(runs):
            gaps = make(rng, 0.65, 0.65, 50, 100, 200)
            gap = sum(g.weight * (g.generated.auc - g.real.auc) for g in gaps)
            wrong += not holds(interval(gaps, rng), 0.0)
            low_p += permutation_test(gaps, 199, rng).p <= 0.05
            floor = noise_floor(gaps, 200, rng)
            over += floor is not None and abs(gap) > floor.floor
        for what, count in (
            ("interval excludes 0", wrong),
            ("permutation p <= 0.05", low_p),
            ("above noise floor", over),
        ):
            rows.append([f"{name}, perfect generator: {what}", (50, 100, 200), count / runs])
    show(rows, ["event", "clips", "rate"])


def power(runs: int) -> None:
    """Smallest margins that a perfect generator is certified within with 80 % power."""
    rows: list[list[object]] = []
    for auc in (0.55, 0.6, 0.7, 0.8):
        for kind in (False, True):
            row: list[object] = [auc, "matched" if kind else "paper"]
            for domains, sections in ((1, 1), (2, 3), (2, 15)):
                for multiplier in (1, 4, 10):
                    sizes = Sizes.multiplied(
                        50, 100, multiplier, matched=kind, domains=domains, sections=sections
                    )
                    row.append(certifiable_margin(gap_se(auc, sizes)))
            rows.append(row)
    places = [f"{p} {m}x" for p in ("section", "machine", "suite") for m in (1, 4, 10)]
    show(rows, ["AUC", "gap", *places])
    rows = []
    for sections in (1, 3, 15):
        rng = np.random.default_rng(5)
        sizes = Sizes.multiplied(50, 100, 1, domains=2, sections=sections)
        margin = certifiable_margin(gap_se(0.6, sizes))
        found = [
            verdict(interval(machine(rng, 0.6, 0.6, 50, 100, 100, sections), rng), margin)
            for _ in range(runs)
        ]
        rows.append(
            [sections, margin, sum(f in ("equivalent", "negligible") for f in found) / runs]
        )
    show(rows, ["sections", "margin", "certified (planned 0.800)"])


def ranks(runs: int) -> None:
    """Agreement of a perfect generator, and the ceiling that is printed beside it."""
    rows: list[list[object]] = []
    for aucs in (
        [0.55, 0.6, 0.65, 0.7],
        [0.6, 0.62, 0.64, 0.66],
        [0.6] * 4,
        [0.5, 0.55, 0.7, 0.75],
    ):
        for kind in ("paper", "matched"):
            rng = np.random.default_rng(6)
            lift = np.array([shift(a) for a in aucs])

            def draw(clips: int = 100, rng: np.random.Generator = rng) -> Floats:
                own = rng.normal(size=(clips, 4))
                return math.sqrt(0.5) * (rng.normal(size=(clips, 1)) + own)

            found = []
            for _ in range(runs):
                x, y, z = draw(), draw() + lift, draw() + lift
                gx, names = (x, "n g") if kind == "paper" else (draw(), "m g")
                detectors = [
                    [Gap(curve(x[:, i], y[:, i], "n r"), curve(gx[:, i], z[:, i], names))]
                    for i in range(4)
                ]
                a = rank_agreement(detectors, 200, rng)
                assert a is not None
                tau = kendall_tau(a.real, a.generated)
                same = float(np.argmax(a.real) == np.argmax(a.generated))
                found.append(
                    [tau, a.tau_ceiling, same, a.top1, a.top1_ceiling, a.regret, a.regret_ceiling]
                )
            means = np.mean(np.array(found, dtype=float), axis=0)
            rows.append([", ".join(f"{a:.2f}" for a in aucs), kind, *means])
    headers = [
        "AUCs",
        "gap",
        "tau",
        "ceiling",
        "same best",
        "top-1",
        "ceiling",
        "regret",
        "ceiling",
    ]
    show(rows, headers)


def calibrated(runs: int) -> None:
    """Bias of three gaps when the generator is perfect but for an artifact.

    The artifact moves the scores of generated normals by one amount and those of generated
    anomalies by another. The calibrated gap takes the difference of the mean scores of 100 real
    and 100 generated normals of the training conditions off the generated anomalies.
    """
    rows: list[list[object]] = []
    for name, normals, anomalies, fitted in [
        ("none", 0.0, 0.0, 0.0),
        ("moves both alike", 0.5, 0.5, 0.0),
        ("moves normals only (faults mask it)", 0.5, 0.0, 0.0),
        ("moves anomalies half as much", 0.5, 0.25, 0.0),
        ("moves anomalies twice as much", 0.5, 1.0, 0.0),
        ("none, detector fitted to the training clips", 0.0, 0.0, 0.5),
    ]:
        rng = np.random.default_rng(7)
        gaps = []
        for _ in range(runs):
            x, y = rng.normal(size=50), rng.normal(size=100) + shift(0.7)
            gx = rng.normal(size=50) + normals
            g = rng.normal(size=100) + shift(0.7) + anomalies
            moved = (rng.normal(size=100) + normals).mean() - (rng.normal(size=100) - fitted).mean()
            real = measure_auc(x, y)
            gaps.append(
                [
                    measure_auc(x, g) - real,
                    measure_auc(gx, g) - real,
                    measure_auc(x, g - moved) - real,
                ]
            )
        means, spread = np.mean(gaps, axis=0), np.std(gaps, axis=0)
        rows.append([name, *(f"{m:+.3f} ({s:.3f})" for m, s in zip(means, spread, strict=True))])
    show(rows, ["artifact", "paper", "matched", "calibrated"])


TABLES = {f.__name__: f for f in (coverage, clusters, decisions, power, ranks, calibrated)}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("table", choices=TABLES)
    parser.add_argument("--runs", type=int, default=2000)
    arguments = parser.parse_args()
    TABLES[arguments.table](arguments.runs)


if __name__ == "__main__":
    main()
