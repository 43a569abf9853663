"""Who may learn from which clip, decided once and disjointly.

The training normals go to detectors, less a share set aside for generators. The test anomalies
go either to generators (training) or to the ``real`` arm (evaluation), never to both. Test normals
serve evaluation only.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from asdbench.api import Clip
from asdbench.engine.seeds import shuffle_rank
from asdbench.suite.model import SplitModel


@dataclass(frozen=True)
class Split:
    """Clips by purpose, each sorted by id."""

    detector_train: tuple[Clip, ...]
    """Normals that detectors learn from."""
    generator_train: tuple[Clip, ...]
    """Normals and anomalies that generators learn from."""
    evaluation: tuple[Clip, ...]
    """Real test clips that are scored: the normals, and the anomalies no generator saw."""


def split_clips(clips: Sequence[Clip], model: SplitModel, *, generators: bool) -> Split:
    """Divide ``clips`` as the suite says; without generators, evaluation gets all test clips.

    The choice is made within each (machine, section, domain, label); a clip's fate depends on
    its id and the seed, not on the order of the listing. Where a stratum has two or more
    anomalies (or conditions), both sides get at least one.
    """
    normals = [c for c in clips if c.split == "train"]
    anomalies = [c for c in clips if c.split == "test" and c.label == "anomaly"]
    rest = [c for c in clips if c.split == "test" and c.label != "anomaly"]
    if not generators:
        return Split(_sorted(normals), (), _sorted([*anomalies, *rest]))
    lent = _lent(anomalies, model.generator_train, model)
    if model.generator_normals == "shared":
        set_aside, kept = normals, normals
    else:
        chosen = _lent(normals, model.generator_normals, model)
        set_aside = [c for c in normals if c.id in chosen]
        kept = [c for c in normals if c.id not in chosen]
    return Split(
        detector_train=_sorted(kept),
        generator_train=_sorted([*set_aside, *(c for c in anomalies if c.id in lent)]),
        evaluation=_sorted([*(c for c in anomalies if c.id not in lent), *rest]),
    )


def _sorted(clips: Sequence[Clip]) -> tuple[Clip, ...]:
    return tuple(sorted(clips, key=lambda c: c.id))


def _lent(clips: Sequence[Clip], share: float, model: SplitModel) -> set[str]:
    """Return the ids of about ``share`` of each stratum's clips, whole groups at a time."""
    group_of: Callable[[Clip], str] = (
        (lambda c: str(c.condition)) if model.by == "condition" else (lambda c: c.recording or c.id)
    )
    strata: dict[tuple[str, ...], dict[str, list[Clip]]] = defaultdict(lambda: defaultdict(list))
    for clip in clips:
        stratum = (clip.machine, clip.section, clip.domain or "", clip.label or "")
        strata[stratum][group_of(clip)].append(clip)
    lent: set[str] = set()
    for groups in strata.values():
        order = sorted(groups, key=lambda name: shuffle_rank(model.seed, name))
        wanted = share * sum(len(groups[name]) for name in order)
        taken = 0
        for position, name in enumerate(order):
            last = position == len(order) - 1
            first = position == 0 and share > 0 and not last
            # Take a group if that brings the share nearer to what was asked.
            nearer = taken + len(groups[name]) / 2 <= wanted
            if (first or nearer) and not last:
                taken += len(groups[name])
                lent.update(clip.id for clip in groups[name])
    return lent
