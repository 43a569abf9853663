"""Detectors whose AUC on real clips lies below chance: a wrong sign, or worse.

Such a detector ranks normal clips above anomalous ones. Its gaps are small where generated clips
are as misjudged as real ones, so nothing else in a report would speak against it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from asdbench.metrics.definitions import DEFINITIONS
from asdbench.report.cells import Arm, Rules, Subset
from asdbench.report.intervals import generator_for
from asdbench.report.section_arms import ArmKey
from asdbench.report.text import with_interval
from asdbench.report.trust_schema import BelowChanceRow
from asdbench.stats.combination import Clusters, combination
from asdbench.stats.curves import Curve, Pool
from asdbench.stats.interval import Interval
from asdbench.suite.model import REAL

_Fit = list[list[Curve]]
"""The curves of one fit of a detector: of every section, one a domain."""


def below_chance(
    arms: Mapping[ArmKey, Sequence[Arm]],
    detectors: Sequence[str],
    sections: Mapping[tuple[str, str], bool],
    rules: Rules,
) -> Iterator[BelowChanceRow]:
    """Yield a row for each machine and detector whose mean AUC on real clips is below 0.5.

    That is: by more than chance explains, at the level of the report's intervals divided by the
    number of machines and detectors (Bonferroni). The mean is over the domains of all sections,
    or over the sections where clips have no domains.

    Parameters
    ----------
    arms
        Scored clips by origin, detector, machine and section: one a fit.
    detectors
        `id`s in the suite.
    sections
        Every (machine, section), and whether its clips have domains.
    rules
        What the suite says about metrics and their uncertainty.
    """
    machines = dict.fromkeys(machine for machine, _ in sections)
    level = 0.5 * (1.0 - rules.confidence) / (len(machines) * len(detectors))
    for machine in machines:
        for detector in detectors:
            fits, recordings = _fits(machine, detector, arms, sections, rules)
            if not fits or _p_by_chance(fits) >= level:
                continue
            found = _mean_auc(fits, recordings, rules, f"{machine}/{detector}/below chance")
            # Clips of one recording vary together: chance explains more than it does of clips.
            if found.se is None or NormalDist().cdf((found.estimate - 0.5) / found.se) < level:
                yield _row(machine, detector, found)


def _fits(
    machine: str,
    detector: str,
    arms: Mapping[ArmKey, Sequence[Arm]],
    sections: Mapping[tuple[str, str], bool],
    rules: Rules,
) -> tuple[list[_Fit], Clusters]:
    """Return the curves of each fit by section, and what their pools were cut from.

    None where a section has no scores.
    """
    fits: dict[int, _Fit] = {}
    recordings: dict[str, NDArray[np.str_]] = {}
    for section in (section for own, section in sections if own == machine):
        has_domains = sections[machine, section] and DEFINITIONS[rules.definition].has_domains
        scored = arms.get((REAL, detector, machine, section), ())
        for number, arm in enumerate(scored):
            fits.setdefault(number, []).append([])
            for curve, cut in _curves(section, arm.by_clip(), has_domains, rules):
                fits[number][-1].append(curve)
                recordings |= cut
        if not scored or not all(fit[-1] for fit in fits.values()):
            return [], {}
    return list(fits.values()), recordings


def _p_by_chance(fits: Sequence[_Fit]) -> float:
    """Return the probability of a mean AUC as low as this without any difference.

    The AUC of each curve then has Mann-Whitney's variance (n + m + 1) / (12 n m). The curves of
    a section share clips and count as one; sections share none, so their variances add.
    """
    means = [_mean(fit) for fit in fits]
    spreads = [np.mean([_deviation(curve) for curve in curves]) for curves in fits[0]]
    variance = float(np.sum(np.square(spreads))) / len(spreads) ** 2
    if len(means) > 1:
        variance += float(np.var(means, ddof=1)) / len(means)
    return NormalDist().cdf((float(np.mean(means)) - 0.5) / math.sqrt(variance))


def _deviation(curve: Curve) -> float:
    n, m = len(curve.negative.scores), len(curve.positive.scores)
    return math.sqrt((n + m + 1) / (12 * n * m))


def _mean(fit: _Fit) -> float:
    return float(np.mean([curve.auc for curves in fit for curve in curves]))


def _mean_auc(fits: Sequence[_Fit], recordings: Clusters, rules: Rules, seed_name: str) -> Interval:
    """Return the mean AUC of all fits with its interval."""
    curves = [curve for fit in fits for found in fit for curve in found]
    interval = combination(
        [(1.0 / len(curves), curve) for curve in curves],
        rules.confidence,
        rules.draws,
        generator_for(rules.seed, seed_name, 0),
        clusters=recordings,
    )
    if len(fits) == 1:
        return interval
    means = [_mean(fit) for fit in fits]
    return interval.widened(float(np.var(means, ddof=1)) / len(means))


def _curves(
    section: str, arm: Arm, has_domains: bool, rules: Rules
) -> Iterator[tuple[Curve, dict[str, NDArray[np.str_]]]]:
    """Yield the curve of each domain with its recordings; none where a side has no clips."""
    subsets: tuple[Subset, ...] = ("source", "target") if has_domains else ("all",)
    for subset in subsets if len(arm.score) else ():  # no clip has a label in a challenge's set
        shared = DEFINITIONS[rules.definition].auc_takes_both_domains
        names = f"{section} normals {subset}", f"{section} anomalies {'all' if shared else subset}"
        sides = [
            arm.take(arm.chosen(normal, "auc", subset, rules.definition))
            for normal in (True, False)
        ]
        if not all(len(side.score) for side in sides):
            return
        named = list(zip(names, sides, strict=True))
        negative, positive = (Pool(name, side.score) for name, side in named)
        cut = {name: side.recording for name, side in named if side.recording is not None}
        yield Curve(negative, positive), cut


def _row(machine: str, detector: str, found: Interval) -> BelowChanceRow:
    shown = with_interval(found.estimate, found.low, found.high)
    return BelowChanceRow(
        machine=machine,
        detector=detector,
        auc=found.estimate,
        low=found.low,
        high=found.high,
        sentence=(
            f"{machine}, {detector}: AUC {shown} on real clips is below chance: the detector calls "
            "normal clips more anomalous than anomalous ones, as a score with the wrong sign "
            "does. Its gaps say nothing until that is explained."
        ),
    )
