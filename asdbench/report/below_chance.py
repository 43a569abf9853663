"""Detectors whose AUC on real clips lies below chance: a wrong sign, or worse.

Such a detector ranks normal clips above anomalous ones. Its gaps are small where generated clips
are as misjudged as real ones, so nothing else in a report would speak against it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from asdbench.metrics.definitions import DEFINITIONS
from asdbench.report.cells import Arm, Rules, Subset
from asdbench.report.intervals import generator_for
from asdbench.report.section_arms import ArmKey
from asdbench.report.text import with_interval
from asdbench.report.trust_schema import BelowChanceRow
from asdbench.stats.combination import combination
from asdbench.stats.curves import Curve, Pool
from asdbench.stats.interval import Interval
from asdbench.suite.model import REAL


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
            found = _mean_auc(machine, detector, arms, sections, rules)
            p = None if found is None else found.p_below(0.5)
            if found is not None and p is not None and p < level:
                yield _row(machine, detector, found)


def _mean_auc(
    machine: str,
    detector: str,
    arms: Mapping[ArmKey, Sequence[Arm]],
    sections: Mapping[tuple[str, str], bool],
    rules: Rules,
) -> Interval | None:
    """Return the mean AUC on real clips, or None where a section has none."""
    by_fit: dict[int, list[Curve]] = {}
    for section in (section for own, section in sections if own == machine):
        has_domains = sections[machine, section] and DEFINITIONS[rules.definition].has_domains
        fits = arms.get((REAL, detector, machine, section), ())
        for fit, arm in enumerate(fits):
            found = list(_curves(section, arm.by_clip(), has_domains, rules))
            if not found:
                return None
            by_fit.setdefault(fit, []).extend(found)
        if not fits:
            return None
    curves = [curve for found in by_fit.values() for curve in found]
    interval = combination(
        [(1.0 / len(curves), curve) for curve in curves],
        rules.confidence,
        rules.draws,
        generator_for(rules.seed, f"{machine}/{detector}/below chance", 0),
    )
    means = [float(np.mean([curve.auc for curve in found])) for found in by_fit.values()]
    if len(means) == 1:
        return interval
    return interval.widened(float(np.var(means, ddof=1)) / len(means))


def _curves(section: str, arm: Arm, has_domains: bool, rules: Rules) -> Iterator[Curve]:
    """Yield the curve of each domain; none where a side has no clips."""
    subsets: tuple[Subset, ...] = ("source", "target") if has_domains else ("all",)
    for subset in subsets:
        normals = arm.normals("auc", subset, rules.definition)
        anomalies = arm.anomalies("auc", subset, rules.definition)
        if not len(normals) or not len(anomalies):
            return
        shared = DEFINITIONS[rules.definition].auc_takes_both_domains
        yield Curve(
            Pool(f"{section} normals {subset}", normals),
            Pool(f"{section} anomalies {'all' if shared else subset}", anomalies),
        )


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
