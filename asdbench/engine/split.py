"""Who may learn from which clip, decided once and disjointly.

The training normals go to detectors, less a share set aside for generators. The test anomalies
go either to generators (training) or to the ``real`` arm (evaluation), never to both; or, with
``folds``, every one is evaluated, beside the clips of a fit that did not learn from it. Test
normals serve evaluation only.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from asdbench.api import Clip
from asdbench.engine.seeds import shuffle_rank
from asdbench.suite.model import SplitModel


@dataclass(frozen=True)
class Fold:
    """One fit of the generators, and the real clips that its clips are made like.

    The fit learned from none of these, whichever fold it is.
    """

    generator_train: tuple[Clip, ...]
    """Normals and anomalies that this fit learns from, sorted by id."""
    evaluation: tuple[Clip, ...]
    """Real test clips that lend their conditions to the clips of this fit, sorted by id."""


@dataclass(frozen=True)
class Split:
    """Clips by purpose, each sorted by id."""

    detector_train: tuple[Clip, ...]
    """Normals that detectors learn from."""
    evaluation: tuple[Clip, ...]
    """Real test clips that are scored: each lies in one fold, where there are generators."""
    folds: tuple[Fold, ...]
    """The fits of the generators: none without generators, one with a fixed split."""

    @property
    def generator_train(self) -> tuple[Clip, ...]:
        """Clips that any fit learns from. With several folds the evaluation is among them."""
        return _sorted({c.id: c for fold in self.folds for c in fold.generator_train}.values())

    @property
    def crossed(self) -> bool:
        """Whether clips that one fit learns from are evaluated with another."""
        return len(self.folds) > 1


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
        return Split(_sorted(normals), _sorted([*anomalies, *rest]), ())
    if model.generator_normals == "shared":
        set_aside, kept = normals, normals
    else:
        chosen = _lent(normals, model.generator_normals, model)
        set_aside = [c for c in normals if c.id in chosen]
        kept = [c for c in normals if c.id not in chosen]
    if model.folds is not None:
        return _crossed(kept, set_aside, anomalies, rest, model.folds, model)
    lent = _lent(anomalies, model.generator_train, model)
    fold = Fold(
        generator_train=_sorted([*set_aside, *(c for c in anomalies if c.id in lent)]),
        evaluation=_sorted([*(c for c in anomalies if c.id not in lent), *rest]),
    )
    return Split(_sorted(kept), fold.evaluation, (fold,))


def _crossed(
    kept: Sequence[Clip],
    set_aside: Sequence[Clip],
    anomalies: Sequence[Clip],
    rest: Sequence[Clip],
    count: int,
    model: SplitModel,
) -> Split:
    """Return the split in which every anomaly is evaluated, and lent to all fits but one.

    Normals of the evaluation are dealt too, so that generated normals come from all fits alike.
    Where no fit may part a condition, they follow the anomalies of theirs.
    """
    group_of = kept_together(model)
    dealt = _dealt(anomalies, group_of, count, model.seed)
    if model.by == "condition":
        held = {group_of(clip): dealt[clip.id] for clip in anomalies}
        dealt |= {clip.id: held[group_of(clip)] for clip in rest if group_of(clip) in held}
    free = [clip for clip in rest if clip.id not in dealt]
    dealt |= _dealt(free, lambda clip: clip.id, count, model.seed)
    folds = tuple(
        Fold(
            generator_train=_sorted([*set_aside, *(c for c in anomalies if dealt[c.id] != k)]),
            evaluation=_sorted([c for c in (*anomalies, *rest) if dealt[c.id] == k]),
        )
        for k in range(count)
    )
    return Split(_sorted(kept), _sorted([*anomalies, *rest]), folds)


def _sorted(clips: Iterable[Clip]) -> tuple[Clip, ...]:
    return tuple(sorted(clips, key=lambda c: c.id))


def kept_together(model: SplitModel) -> Callable[[Clip], str]:
    """Return what tells which anomalies lie in one fold: the domain is no operating condition."""
    if model.by == "condition":
        return lambda clip: str(replace(clip.condition, domain=None))
    return lambda clip: clip.recording or clip.id


def _stratum(clip: Clip) -> tuple[str, ...]:
    return clip.machine, clip.section, clip.domain or "", clip.label or ""


def _lent(clips: Sequence[Clip], share: float, model: SplitModel) -> set[str]:
    """Return the ids of about ``share`` of each stratum's clips, whole groups at a time."""
    group_of: Callable[[Clip], str] = (
        (lambda c: str(c.condition)) if model.by == "condition" else (lambda c: c.recording or c.id)
    )
    strata: dict[tuple[str, ...], dict[str, list[Clip]]] = defaultdict(lambda: defaultdict(list))
    for clip in clips:
        strata[_stratum(clip)][group_of(clip)].append(clip)
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


def _dealt(
    clips: Sequence[Clip], group_of: Callable[[Clip], str], count: int, seed: int
) -> dict[str, int]:
    """Return the fold of each clip, by its id: whole groups of a machine, evenly by stratum.

    The largest groups come first, each to the fold that has the fewest clips of its strata.
    """
    machines: dict[str, dict[str, list[Clip]]] = defaultdict(lambda: defaultdict(list))
    for clip in clips:
        machines[clip.machine][group_of(clip)].append(clip)
    dealt: dict[str, int] = {}
    for groups in machines.values():
        loads = [Counter[tuple[str, ...]]() for _ in range(count)]
        order = sorted(groups, key=lambda g: (-len(groups[g]), shuffle_rank(seed, g)))
        for name in order:
            adds = Counter(_stratum(clip) for clip in groups[name])
            fold = min(
                range(count),
                key=lambda k: (
                    sum(number * loads[k][stratum] for stratum, number in adds.items()),
                    loads[k].total(),
                    k,
                ),
            )
            loads[fold] += adds
            dealt.update((clip.id, fold) for clip in groups[name])
    return dealt
