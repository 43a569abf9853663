"""From scores to cells: each metric on the real and on the generated clips of one section."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from asdbench.metrics.dcase import RANK_METRICS, pools
from asdbench.metrics.decision import decision_metrics
from asdbench.metrics.definitions import DEFINITIONS, DefinitionId
from asdbench.report.schema import Cell, Comparison, Decisions

Subset = Literal["source", "target", "all"]
SUBSETS: tuple[Subset, ...] = ("source", "target", "all")
MetricName = Literal["auc", "pauc"]


@dataclass(frozen=True)
class Rules:
    """What the suite says about metrics and their uncertainty."""

    definition: DefinitionId
    confidence: float
    draws: int
    seed: int


@dataclass(frozen=True)
class Place:
    """Which cells to make: a section, a detector, and what is compared with the real clips."""

    machine: str
    section: str
    detector: str
    generator: str | None
    grid: str | None


@dataclass(frozen=True)
class Arm:
    """Labelled clips of one section with one detector's scores. Arrays are (n,)."""

    score: NDArray[np.float64]
    anomaly: NDArray[np.bool_]
    domain: NDArray[np.str_] | None
    decision: NDArray[np.bool_] | None
    clip: NDArray[np.str_] | None = None
    """What each clip is called; of a round trip, the clip that went in."""
    generation: int = 0
    """Which fit of the generator made the clips."""
    recording: NDArray[np.str_] | None = None
    """What each clip was cut from; None where that is not known, or a clip of its own each."""

    @classmethod
    def of(cls, frame: pd.DataFrame) -> Arm:
        """Read an arm from rows of the score table; unlabelled clips are left out."""
        known = frame[frame["label"].notna()]
        domain = known["domain"]
        decision = known["decision"]
        made = frame["generation"].iloc[0] if "generation" in frame.columns else 0
        return cls(
            known["score"].to_numpy(dtype=np.float64),
            (known["label"] == "anomaly").to_numpy(dtype=bool),
            None if domain.isna().any() or not len(known) else domain.to_numpy(dtype=str),
            None if decision.isna().any() or not len(known) else decision.to_numpy(dtype=bool),
            known["copy_of"].fillna(known["clip"]).to_numpy(dtype=str),
            int(made),
            _recordings(known),
        )

    def by_clip(self) -> Arm:
        """Return the same clips in the order of their names."""
        if self.clip is None:
            return self
        return self.take(np.argsort(self.clip))

    def take(self, which: NDArray[np.intp] | NDArray[np.bool_]) -> Arm:
        """Return the clips at ``which``, places in that order or a mask (n,)."""
        return Arm(
            self.score[which],
            self.anomaly[which],
            None if self.domain is None else self.domain[which],
            None if self.decision is None else self.decision[which],
            None if self.clip is None else self.clip[which],
            self.generation,
            None if self.recording is None else self.recording[which],
        )

    def normals(self, metric: MetricName, subset: Subset, definition: DefinitionId) -> Scores:
        """Return the scores of the normal clips that enter a metric."""
        return self.score[self.chosen(True, metric, subset, definition)]

    def anomalies(self, metric: MetricName, subset: Subset, definition: DefinitionId) -> Scores:
        """Return the scores of the anomalous clips that enter a metric."""
        return self.score[self.chosen(False, metric, subset, definition)]

    def chosen(
        self, normal: bool, metric: MetricName, subset: Subset, definition: DefinitionId
    ) -> NDArray[np.bool_]:
        """Return which clips enter a metric as normals, or as anomalies."""
        negative, positive = pools(metric, subset, definition, self.anomaly, self.domain)
        return negative if normal else positive


Scores = NDArray[np.float64]


def _recordings(clips: pd.DataFrame) -> NDArray[np.str_] | None:
    """Return what each clip was cut from; None unless several were cut from one."""
    if "recording" not in clips.columns or clips["recording"].isna().any():
        return None
    found = clips["recording"]
    return None if found.is_unique else found.to_numpy(dtype=str)


def section_cells(
    place: Place,
    real: Sequence[Arm],
    generated: Sequence[Arm] | None,
    rules: Rules,
    beside: Sequence[Arm] | None = None,
) -> Iterator[Cell]:
    """Yield the cells of one section: source, target (where clips have domains) and all.

    Their gaps have no intervals yet; see :mod:`asdbench.report.cell_intervals`.

    Parameters
    ----------
    place
        Which cells.
    real, generated
        One arm for every repeat of the detector, or several (folds of a transductive detector);
        ``generated`` is None where the suite has no generator.
    rules
        What the suite says about metrics and their uncertainty.
    beside
        Of a transductive detector, the real normals as scored together with each of
        ``generated``; None where their scores are those of ``real``.
    """
    has_domains = DEFINITIONS[rules.definition].has_domains and real[0].domain is not None
    real = [arm.by_clip() for arm in real]
    arms = _Arms(real, generated or (), [arm.by_clip() for arm in beside] if beside else None)
    for subset in SUBSETS if has_domains else SUBSETS[2:]:
        yield _cell(place, subset, arms, rules)


@dataclass(frozen=True)
class _Arms:
    """What :func:`section_cells` compares."""

    real: Sequence[Arm]
    generated: Sequence[Arm]
    beside: Sequence[Arm] | None

    def generated_clips(self, subset: Subset, definition: DefinitionId) -> int:
        """Return how many clips of one fit of the generator enter the AUC."""
        folds = max(1, len(self.generated) // len(self.real))
        first = [a for a in self.generated[:folds] if a.generation == self.generated[0].generation]
        return sum(len(arm.anomalies("auc", subset, definition)) for arm in first)


def _cell(place: Place, subset: Subset, arms: _Arms, rules: Rules) -> Cell:
    first = arms.real[0]
    auc = _compare("auc", subset, arms, rules)
    return Cell(
        machine=place.machine,
        section=place.section,
        domain=subset,
        detector=place.detector,
        generator=place.generator,
        grid=place.grid,
        n_normal=len(first.normals("auc", subset, rules.definition)),
        n_anomaly_real=len(first.anomalies("auc", subset, rules.definition)),
        n_anomaly_generated=arms.generated_clips(subset, rules.definition),
        repeats=len(arms.real),
        auc=auc,
        pauc=_compare("pauc", subset, arms, rules),
        decisions=_decisions(subset, arms.real),
        status="ok" if auc.real is not None else "empty",
        reason=None if auc.real is not None else auc.reason,
    )


def _compare(metric: MetricName, subset: Subset, arms: _Arms, rules: Rules) -> Comparison:
    def normals_of(given: Sequence[Arm]) -> list[Scores]:
        return [arm.normals(metric, subset, rules.definition) for arm in given]

    normals = normals_of(arms.real)
    found = [arm.anomalies(metric, subset, rules.definition) for arm in arms.real]
    made = [arm.anomalies(metric, subset, rules.definition) for arm in arms.generated]
    if arms.beside is None:  # scored once, whichever fit of the generator they stand beside
        beside = [normals[i * len(normals) // len(made)] for i in range(len(made))]
    else:
        beside = normals_of(arms.beside)
    measure = RANK_METRICS[metric]
    missing = _missing(normals, found) if len(arms.real[0].score) else "no labelled test clips"
    real_value = None
    if missing is None:
        real_value = float(np.mean([measure(n, a) for n, a in zip(normals, found, strict=True)]))
    if not made:
        return Comparison(real=real_value, generated=None, gap=None, reason=missing)
    if not all(map(len, made)) or not all(map(len, beside)):
        reason = missing or "no generated anomalous clips"
        return Comparison(real=real_value, generated=None, gap=None, reason=reason)
    made_value = float(np.mean([measure(n, a) for n, a in zip(beside, made, strict=True)]))
    if real_value is None:
        return Comparison(real=None, generated=made_value, gap=None, reason=missing)
    return Comparison(real=real_value, generated=made_value, gap=made_value - real_value)


def _missing(normals: Sequence[Scores], anomalies: Sequence[Scores]) -> str | None:
    if not len(normals[0]):
        return "no real normal clips"
    return None if len(anomalies[0]) else "no real anomalous clips"


def _decisions(subset: Subset, real: Sequence[Arm]) -> Decisions | None:
    """Average precision, recall and F1 over the repeats, for the clips of one domain."""
    values = []
    for arm in real:
        if arm.decision is None:
            return None
        if subset == "all" and arm.domain is not None:
            return None
        inside = np.ones_like(arm.anomaly) if arm.domain is None else arm.domain == subset
        if not inside.any():
            return None
        values.append(decision_metrics(arm.anomaly[inside], arm.decision[inside]))
    return Decisions(
        precision=float(np.mean([v.precision for v in values])),
        recall=float(np.mean([v.recall for v in values])),
        f1=float(np.mean([v.f1 for v in values])),
    )
