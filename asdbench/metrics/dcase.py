"""The metrics of DCASE Challenge Task 2 for one section, and their means over sections.

The domain-less definition of 2020, the same-domain definition of 2021 and the one used since
2022, in which the anomalies of both domains enter the AUC of each domain (see
:mod:`asdbench.metrics.definitions`).

Deviations: the official 2022 evaluator's per-machine rows "source harmonic mean" and "target
harmonic mean" mix domains where a machine has three sections; here they are the means of the
named domain (docs/metrics.md). The evaluators' "official score ci95" is not computed: it is a
jackknife over scores pooled across machines and says nothing about the official score.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from asdbench.api import Domain
from asdbench.metrics.decision import DecisionMetrics, decision_metrics
from asdbench.metrics.definitions import DEFINITIONS, DefinitionId
from asdbench.metrics.rank import Floats, MetricError, auc, harmonic_mean, pauc

Mask = NDArray[np.bool_]
DOMAINS: tuple[Domain, Domain] = ("source", "target")
RANK_METRICS: Mapping[str, Callable[[ArrayLike, ArrayLike], float]] = {"auc": auc, "pauc": pauc}
"""Metrics of normal scores against anomaly scores."""


def pools(
    metric: Literal["auc", "pauc"],
    subset: Domain | Literal["all"],
    definition: DefinitionId,
    anomaly: Mask,
    domain: NDArray[np.str_] | None,
) -> tuple[Mask, Mask]:
    """Return which normal and which anomalous clips of one section enter a metric.

    Parameters
    ----------
    metric
        ``auc`` or ``pauc``.
    subset
        A domain, or ``all`` clips of the section. ``pauc`` of one domain takes the anomalies of
        that domain only, in every year.
    definition
        Decides which anomalies enter the AUC of a domain.
    anomaly
        (n,) True for anomalous clips.
    domain
        (n,) ``source`` or ``target``; None where clips have none, then ``subset`` is ``all``.

    Returns
    -------
    normals, anomalies
        (n,) masks.

    Raises
    ------
    MetricError
        When ``subset`` is a domain and ``domain`` is None or the definition knows no domains.
    """
    if subset == "all":
        return ~anomaly, anomaly
    rules = DEFINITIONS[definition]
    if domain is None or not rules.has_domains:
        raise MetricError(f"no {subset} domain: the clips or {definition} have no domains")
    inside = domain == subset
    both = metric == "auc" and rules.auc_takes_both_domains
    return inside & ~anomaly, anomaly if both else inside & anomaly


@dataclass(frozen=True)
class SectionMetrics:
    """All metrics of one section. None where the clips have no domains or no decisions."""

    machine: str
    section: str
    auc_source: float | None
    auc_target: float | None
    auc_all: float
    pauc: float
    """Of all clips of the section."""
    pauc_source: float | None
    """Of the clips of one domain: in the official score of 2021, in none since (then None where
    the domain has no anomalous clip)."""
    pauc_target: float | None
    decisions: Mapping[Domain, DecisionMetrics]
    """Precision, recall and F1 by domain; empty without decisions or domains."""
    counts: Mapping[tuple[Domain | None, Literal["normal", "anomaly"]], int]
    """Number of clips by domain (None: no domains) and label."""

    def value(self, quantity: str) -> float | None:
        """Return e.g. ``auc_source`` or ``f1_target``; None where it is not defined."""
        name, _, domain = quantity.rpartition("_")
        if name in DecisionMetrics.__dataclass_fields__:
            found = next((m for d, m in self.decisions.items() if d == domain), None)
            return None if found is None else float(getattr(found, name))
        value: float | None = getattr(self, quantity)
        return value


def section_metrics(
    machine: str,
    section: str,
    scores: ArrayLike,
    anomaly: Mask,
    domain: NDArray[np.str_] | None = None,
    decision: Mask | None = None,
    definition: DefinitionId = DefinitionId.DCASE2022,
) -> SectionMetrics:
    """Compute every metric of one section.

    Parameters
    ----------
    scores
        (n,) anomaly scores, higher is more anomalous.
    anomaly, domain
        (n,) as in :func:`pools`; ``domain`` is ignored where the definition knows none.
    decision
        (n,) True for clips called anomalous, if decisions were made.

    Raises
    ------
    MetricError
        When a class that a metric needs has no clip, or a score is not finite.
    """
    values = np.asarray(scores, dtype=np.float64)
    if not DEFINITIONS[definition].has_domains:
        domain = None

    def value(metric: Literal["auc", "pauc"], subset: Domain | Literal["all"]) -> float:
        normals, anomalies = pools(metric, subset, definition, anomaly, domain)
        try:
            return RANK_METRICS[metric](values[normals], values[anomalies])
        except MetricError as error:
            raise MetricError(
                f"{machine} section {section}, {subset}: {error.message}", error.hint
            ) from error

    def auc_of(subset: Domain) -> float | None:
        return None if domain is None else value("auc", subset)

    def pauc_of(subset: Domain) -> float | None:
        needed = definition is DefinitionId.DCASE2021
        if domain is None or not (needed or np.any(anomaly & (domain == subset))):
            return None
        return value("pauc", subset)

    decisions: dict[Domain, DecisionMetrics] = {}
    if decision is not None and domain is not None:
        decisions = {
            d: decision_metrics(anomaly[domain == d], decision[domain == d]) for d in DOMAINS
        }
    return SectionMetrics(
        machine,
        section,
        auc_source=auc_of("source"),
        auc_target=auc_of("target"),
        auc_all=value("auc", "all"),
        pauc=value("pauc", "all"),
        pauc_source=pauc_of("source"),
        pauc_target=pauc_of("target"),
        decisions=decisions,
        counts=_counts(anomaly, domain),
    )


def _counts(
    anomaly: Mask, domain: NDArray[np.str_] | None
) -> dict[tuple[Domain | None, Literal["normal", "anomaly"]], int]:
    counts: dict[tuple[Domain | None, Literal["normal", "anomaly"]], int] = {}
    for name in (None,) if domain is None else DOMAINS:
        inside = np.ones_like(anomaly) if name is None else domain == name
        counts[name, "normal"] = int(np.sum(inside & ~anomaly))
        counts[name, "anomaly"] = int(np.sum(inside & anomaly))
    return counts


def _both(name: str) -> dict[str, tuple[str, ...]]:
    source, target = f"{name}_source", f"{name}_target"
    return {name: (source, target), source: (source,), target: (target,)}


AVERAGED: Mapping[str, tuple[str, ...]] = {
    **_both("auc"),
    "auc_all": ("auc_all",),
    "pauc": ("pauc",),
    "pauc_source": ("pauc_source",),
    "pauc_target": ("pauc_target",),
    **_both("precision"),
    **_both("recall"),
    **_both("f1"),
}
"""The quantities of :class:`SectionMetrics` that each mean takes from every section."""

Means = Mapping[str, float | None]
"""Keys of :data:`AVERAGED`; None where one of the values is not defined."""


def _average(
    rows: Sequence[SectionMetrics], quantities: Sequence[str], mean: Callable[[Floats], float]
) -> float | None:
    values = [row.value(quantity) for row in rows for quantity in quantities]
    complete = [value for value in values if value is not None]
    return mean(np.array(complete)) if len(complete) == len(values) > 0 else None


def arithmetic_means(rows: Sequence[SectionMetrics]) -> Means:
    """Average over sections (and for ``auc``, ``precision``, ``recall``, ``f1`` over domains)."""
    return {name: _average(rows, parts, _arithmetic) for name, parts in AVERAGED.items()}


def harmonic_means(rows: Sequence[SectionMetrics]) -> Means:
    """Like :func:`arithmetic_means`, with :func:`asdbench.metrics.rank.harmonic_mean`."""
    return {name: _average(rows, parts, harmonic_mean) for name, parts in AVERAGED.items()}


def _arithmetic(values: Floats) -> float:
    return float(np.mean(values))


def official_score(rows: Sequence[SectionMetrics], definition: DefinitionId) -> float | None:
    """Return the official score over all machines and sections.

    Every value has equal weight, whatever the number of sections of its machine. The 2020
    challenge ranked systems by average rank and published no score of one system; the
    arithmetic mean is what is commonly quoted for it. None where a value is not defined.
    """
    if definition is DefinitionId.DCASE2020:
        return _average(rows, ("auc_all", "pauc"), _arithmetic)
    if definition is DefinitionId.DCASE2021:
        return _average(
            rows, ("auc_source", "auc_target", "pauc_source", "pauc_target"), harmonic_mean
        )
    return _average(rows, ("auc_source", "auc_target", "pauc"), harmonic_mean)
