"""Scores whose true AUC is known: normal for normals and anomalies alike, with unit variance."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import NormalDist

import numpy as np

from asdbench.stats.curves import Curve, Gap, Pool
from asdbench.stats.interval import Interval

Floats = np.ndarray
COVERED = (0.92, 0.975)
"""Share of 500 intervals of nominal 95 % that must hold the truth."""


def shift(auc: float) -> float:
    """Return the distance of the two means."""
    return float(np.sqrt(2.0) * NormalDist().inv_cdf(auc))


def true_pauc(auc: float) -> float:
    """Return the pAUC that belongs to an AUC, by the midpoint rule."""
    normal = NormalDist()
    rates = (np.arange(4000) + 0.5) / 40_000
    heights = [normal.cdf(normal.inv_cdf(rate) + shift(auc)) for rate in rates]
    return 0.5 * (1 + (0.1 * float(np.mean(heights)) - 0.005) / 0.095)


def curve(negative: Floats, positive: Floats, names: str = "n p") -> Curve:
    """Return a curve of pools with these names."""
    first, second = names.split()
    return Curve(Pool(first, negative), Pool(second, positive))


def paper_gap(
    rng: np.random.Generator,
    real: float,
    generated: float,
    sizes: tuple[int, int, int] = (50, 50, 50),
) -> Gap:
    """Return a gap whose arms share their normals; ``sizes`` are normal, real, generated."""
    n, r, g = sizes
    x = rng.normal(size=n)
    made = curve(x, rng.normal(size=g) + shift(generated), "n g")
    return Gap(curve(x, rng.normal(size=r) + shift(real), "n r"), made)


def section_gaps(
    rng: np.random.Generator,
    aucs: tuple[float, float],
    change: float = 0.0,
    sizes: tuple[int, int, int] = (50, 100, 200),
    name: str = "",
    weight: float = 0.5,
) -> list[Gap]:
    """Return both domains of a section; the anomalies of both enter both AUCs.

    ``aucs`` are those of the source's and the target's normals, real; generated anomalies
    score higher by ``change``. ``sizes`` are normals of a domain, real, generated anomalies.
    """
    n, r, g = sizes
    real, made = rng.normal(size=r), rng.normal(size=g) + change
    gaps = []
    for domain, auc in zip("st", aucs, strict=True):
        x = rng.normal(size=n) - shift(auc)
        arms = (curve(x, y, f"{name}{domain} {name}{arm}") for arm, y in (("r", real), ("g", made)))
        gaps.append(Gap(*arms, weight))
    return gaps


def auc_after(auc: float, change: float) -> float:
    """Return the AUC when anomalies score higher by ``change``."""
    return NormalDist().cdf((shift(auc) + change) / np.sqrt(2.0))


def share_covered(found: Sequence[Interval], truth: float) -> float:
    """Return the share of intervals that hold the truth; a missing one does not."""
    return float(
        np.mean(
            [i.low is not None and i.high is not None and i.low <= truth <= i.high for i in found]
        )
    )


def repeat(times: int, once: Callable[[], Interval]) -> list[Interval]:
    """Return ``times`` results."""
    return [once() for _ in range(times)]
