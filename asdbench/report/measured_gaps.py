"""The gap of an arm to the real one, with what its uncertainty is made of.

A gap of one section is a weighted sum of metrics over fits of detector and generator, and over
domains; its clips are drawn once for all of them (see :mod:`asdbench.stats.combination`). What
differs between fits comes on top. Sections share no clips, so the variances of their gaps add.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from asdbench.metrics.rank import Floats
from asdbench.report.cells import MetricName, Subset
from asdbench.report.intervals import generator_for
from asdbench.report.section_arms import SectionArms, without_digests
from asdbench.report.trust_schema import GapKind
from asdbench.stats.combination import Clusters, combination
from asdbench.stats.components import Components, variance_components
from asdbench.stats.curves import Curve, Gap
from asdbench.stats.interval import NO_VARIATION, Interval
from asdbench.stats.noise_floor import floor_of
from asdbench.stats.permutation import p_of

GAPS: tuple[GapKind, ...] = ("matched", "paper", "coded")
"""The arms that are compared with the real one."""


@dataclass(frozen=True)
class MeasuredGap:
    """A gap of one section, or the mean of several."""

    clips: Interval
    """The gap with the interval that the choice of clips alone causes."""
    method: str | None
    """How that interval was computed."""
    fits: Floats
    """(fits of the detector, fits of the generator) the gap of each pair."""
    made_variance: float
    """Variance of the gap of one fit of the generator that its own clips cause."""
    deals: Floats | None = None
    """(draws,) gaps of random deals of real and generated clips to the two arms."""
    halves: Floats | None = None
    """(draws,) gaps of random halves of the real clips, at the sizes of the two arms."""

    @property
    def components(self) -> Components:
        """Where the variance of the gap comes from."""
        se = self.clips.se
        return variance_components(self.fits, None if se is None else se**2, self.made_variance)

    @property
    def interval(self) -> Interval:
        """The gap with the uncertainty of clips and fits."""
        return self.clips.widened(self.components.fits_variance)

    @property
    def how(self) -> str:
        """How the interval was computed, with the number of fits where there are several."""
        counts = zip(("detector", "generator"), self.fits.shape, strict=True)
        several = [f"{count} fits of the {what}" for what, count in counts if count > 1]
        return ", ".join([self.method or "none", *several])

    @property
    def p_permutation(self) -> float | None:
        """Share of deals with a gap at least as large, the observed one included."""
        return None if self.deals is None else p_of(self.deals, self.clips.estimate)

    @property
    def floor(self) -> float | None:
        """What |gap| 95 of 100 random halves stay below."""
        return None if self.halves is None else floor_of(self.halves)


@dataclass(frozen=True)
class GapPair:
    """A curve of the arm and the one of the real arm that it is compared with."""

    gap: Gap
    repeat: int
    """Which fit of the detector."""
    generation: int
    """Which fit of the generator."""
    recordings: Clusters
    """What the clips of its pools were cut from, where several were cut from one."""


def measure_gap(
    arms: SectionArms,
    kind: GapKind,
    domains: Sequence[Subset],
    metric: MetricName,
) -> MeasuredGap | str:
    """Return the mean gap of a section over ``domains``, or why there is none."""
    pairs = gap_pairs(arms, kind, domains, metric)
    if isinstance(pairs, str):
        return pairs
    name = "/".join([arms.name, *domains, kind, metric])
    clips = _interval(arms, pairs, metric, name)
    return MeasuredGap(
        clips,
        None if clips.se is None else clips.method,
        _fits(pairs, arms.repeats, metric),
        _made_variance(arms, pairs, metric, clips, name),
    )


def gap_pairs(
    arms: SectionArms, kind: GapKind, domains: Sequence[Subset], metric: MetricName
) -> list[GapPair] | str:
    """Return the curves whose weighted differences are a section's gap, or why there are none."""
    pairs = []
    for domain in domains:
        made, real = arms.curves(kind, domain, metric), arms.curves("real", domain, metric)
        if isinstance(made, str):
            return made
        if isinstance(real, str):
            return real
        for i, one in enumerate(made):
            beside = real[i * len(real) // len(made)]
            gap = Gap(beside.curve, one.curve, 1.0 / len(made) / len(domains))
            recordings = {**beside.recordings, **one.recordings}
            pairs.append(GapPair(gap, one.repeat, one.generation, recordings))
    return pairs


def _interval(
    arms: SectionArms, pairs: Sequence[GapPair], metric: MetricName, name: str
) -> Interval:
    weights: dict[int, tuple[float, Curve]] = {}
    for pair in pairs:  # a real curve stands against every fit of the generator
        for sign, curve in ((1.0, pair.gap.generated), (-1.0, pair.gap.real)):
            before = weights.get(id(curve), (0.0, curve))[0]
            weights[id(curve)] = before + sign * pair.gap.weight, curve
    rules = arms.rules
    rng = generator_for(rules.seed, name, 0)
    recordings = {pool: cut for pair in pairs for pool, cut in pair.recordings.items()}
    found = combination(
        list(weights.values()), rules.confidence, rules.draws, rng, metric, recordings
    )
    return replace(found, note=without_digests(found.note))


def _fits(pairs: Sequence[GapPair], repeats: int, metric: MetricName) -> Floats:
    generations = sorted({pair.generation for pair in pairs})
    total = np.zeros((repeats, len(generations)))
    weight = np.zeros_like(total)
    for pair in pairs:
        place = pair.repeat, generations.index(pair.generation)
        values = [
            curve.auc if metric == "auc" else curve.pauc
            for curve in (pair.gap.generated, pair.gap.real)
        ]
        total[place] += pair.gap.weight * (values[0] - values[1])
        weight[place] += pair.gap.weight
    return total / weight


def _made_variance(
    arms: SectionArms, pairs: Sequence[GapPair], metric: MetricName, clips: Interval, name: str
) -> float:
    """Return the variance of the gap of one fit of the generator that its own clips cause.

    Var(one fit) = V + W and Var(mean of G fits) = V + W / G, where V is the variance that the
    real clips cause and W that of the generated clips of one fit; W follows from both.
    """
    fits = sorted({pair.generation for pair in pairs})
    count = len(fits)
    if count < 2:
        return 0.0
    variances = []
    for fit in fits:
        own = [
            replace(pair, gap=replace(pair.gap, weight=count * pair.gap.weight))
            for pair in pairs
            if pair.generation == fit
        ]
        variances.append((_interval(arms, own, metric, name).se or 0.0) ** 2)
    excess = float(np.mean(variances)) - (clips.se or 0.0) ** 2
    return max(excess, 0.0) * count / (count - 1)


def mean_gap(gaps: Mapping[str, MeasuredGap], weights: Mapping[str, float]) -> MeasuredGap | str:
    """Return the weighted mean of the gaps of several sections.

    The interval is normal: the mean of many is nearly so, and a percentile interval would keep
    the bias of small samples while the mean narrows it. A section that shows no variation
    (perfect separation on both sides) adds none, and a note says so.
    """
    found = list(gaps.values())
    if len(found) == 1:
        return found[0]
    if len({one.fits.shape for one in found}) > 1:
        return "the sections have different numbers of fits"
    shares = np.array([weights[name] for name in gaps]) / sum(weights.values())
    clips, method = _mean_interval(gaps, shares)
    return MeasuredGap(
        clips,
        method,
        np.asarray(np.sum(shares[:, None, None] * np.stack([one.fits for one in found]), axis=0)),
        _weighted(shares**2, [one.made_variance for one in found]),
        _mean_draws([one.deals for one in found], shares),
        _mean_draws([one.halves for one in found], shares),
    )


def _mean_interval(gaps: Mapping[str, MeasuredGap], shares: Floats) -> tuple[Interval, str | None]:
    parts = [one.clips for one in gaps.values()]
    estimate = _weighted(shares, [part.estimate for part in parts])
    confidence = parts[0].confidence
    methods = sorted({one.method for one in gaps.values() if one.method is not None})
    lost = [part.note or "" for part in parts if part.se is None]
    grave = [note for note in lost if note != NO_VARIATION or not methods]
    if grave:
        return Interval.missing(estimate, confidence, grave[0]), None
    se = math.sqrt(_weighted(shares**2, [(part.se or 0.0) ** 2 for part in parts]))
    notes = sorted({part.note for part in parts if part.se is not None and part.note is not None})
    mute = [name for name, one in gaps.items() if one.clips.se is None]
    if mute:
        notes.append(f"no variation in {', '.join(mute)}: the interval is too narrow")
    found = Interval.normal(estimate, se, confidence)
    return replace(found, note="; ".join(notes) or None), " and ".join(methods)


def _weighted(weights: Floats, values: Sequence[float]) -> float:
    return math.fsum(weight * value for weight, value in zip(weights, values, strict=True))


def _mean_draws(draws: Sequence[Floats | None], shares: Floats) -> Floats | None:
    """Return draws of the mean; sections are drawn independently. None unless all have them."""
    known = [one for one in draws if one is not None]
    if len(known) < len(draws):
        return None
    mean: Floats = np.sum(shares[:, None] * np.stack(known), axis=0)
    return mean
