"""From a suite and its data to the list of tasks, with every key known before any work."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field

from asdbench.api import Clip, Dataset, no_progress
from asdbench.audio import AudioFormat
from asdbench.engine.audits import Audits
from asdbench.engine.axes import axis_problems
from asdbench.engine.inventory import read_inventory
from asdbench.engine.layout import Layout
from asdbench.engine.pools import ScoredPool
from asdbench.engine.quality import MeasuredGrid
from asdbench.engine.split import Split, kept_together, split_clips
from asdbench.engine.store import Store, digest
from asdbench.engine.tasks import Entry, MakeClips, Task
from asdbench.errors import DataError
from asdbench.registry import did_you_mean
from asdbench.suite import LoadedPlugin, LoadedSuite
from asdbench.suite.model import SplitModel
from asdbench.suite.yaml_source import parse


@dataclass(frozen=True)
class Plan:
    """What a run will do. Tasks are in an order in which they can run."""

    loaded: LoadedSuite
    clips: tuple[Clip, ...]
    bad_clips: Mapping[str, str]
    """Skipped clips: id -> why."""
    data_digest: str
    """Identifies the clips, their audio and what is said about them."""
    section_digests: Mapping[str, str]
    """The same by `machine/section`, with which clip serves which purpose."""
    split: Split
    tasks: tuple[Task, ...]
    pools: tuple[ScoredPool, ...]
    measured: tuple[MeasuredGrid, ...]
    audits: Audits = field(default_factory=Audits)

    def missing(self, store: Store) -> list[Task]:
        """Return the tasks whose entries the store lacks and something still needs."""
        absent = {t.entry: t for t in self.tasks if not store.has(t.entry.kind, t.entry.key)}
        wanted = {p.entry for p in self.pools} | {e for m in self.measured for e in m.entries}
        wanted |= {t.entry for t in self.tasks if isinstance(t, MakeClips)}
        wanted |= self.audits.entries()
        todo: set[Entry] = set()
        stack = [entry for entry in wanted if entry in absent]
        while stack:
            entry = stack.pop()
            if entry not in todo:
                todo.add(entry)
                stack.extend(need for need in absent[entry].needs if need in absent)
        return [task for task in self.tasks if task.entry in todo]


def list_clips(loaded: LoadedSuite) -> list[Clip]:
    """Return the clips that the suite selects; see :func:`select_clips`."""
    model = loaded.suite.dataset
    return select_clips(loaded.dataset, model.machines, model.sections, loaded.name_for_people)


def select_clips(
    plugin: LoadedPlugin,
    machines: Sequence[str] | None,
    sections: Sequence[str] | None,
    asked_by: str,
) -> list[Clip]:
    """Return the clips of a data set, sorted by id; of some machines and sections, or of all.

    Raises
    ------
    DataError
        When the data is missing, or nothing is left after the selection; the message starts
        with ``asked_by``.
    """
    dataset: Dataset = plugin.cls(plugin.params)
    every = dataset.clips()
    chosen = [
        c
        for c in every
        if (machines is None or c.machine in machines)
        and (sections is None or c.section in sections)
    ]
    for wanted, kind in ((machines, "machine"), (sections, "section")):
        there = sorted({getattr(c, kind) for c in every})
        for name in wanted or ():
            if name not in there:
                raise DataError(
                    f"{asked_by}: the data has no {kind} '{name}'.{did_you_mean(name, there)}",
                    f"It has: {', '.join(there) or 'nothing'}.",
                )
    if not chosen:
        raise DataError(
            f"{asked_by}: no clips are left after the selection of machines and sections",
            f"The data has {len(every)} clips.",
        )
    return sorted(chosen, key=lambda c: c.id)


def data_problems(loaded: LoadedSuite) -> list[str]:
    """Return what would keep this suite from running on its data; reads names, not audio."""
    try:
        clips = list_clips(loaded)
    except DataError as error:
        return [str(error)]
    split = split_clips(clips, loaded.suite.split, generators=bool(loaded.suite.generators))
    return _unusable(loaded, clips, split)


def _unusable(loaded: LoadedSuite, clips: Sequence[Clip], split: Split) -> list[str]:
    """Return where the data does not go with the suite."""
    suite = loaded.suite
    problems = [*_empty_sections(clips, split), *_unlearnable(split, suite.split)]
    document, _ = parse(loaded.text.encode(), loaded.name_for_people)
    written = document.keys if document is not None else {}
    return [*problems, *axis_problems(suite.grids, suite.dataset, clips, written)]


def _unlearnable(split: Split, model: SplitModel) -> Iterator[str]:
    """Yield the machines whose anomalies do not fill the folds of a cross-fit.

    With one group that no fit may part, a fit would learn from no anomaly at all; with fewer
    groups than folds, fits that learned from all of them would have none to make clips like.
    """
    if not split.crossed:
        return
    what = _GROUPS[model.by]
    group_of = kept_together(model)
    groups: dict[str, set[str]] = defaultdict(set)
    for clip in split.evaluation:
        if clip.label == "anomaly":
            groups[clip.machine].add(group_of(clip))
    folds = len(split.folds)
    for machine, found in sorted(groups.items()):
        if len(found) == 1:
            yield (
                f"{machine}: all anomalies share one condition (or one recording), so a fit that "
                "must not see it would learn from none: split by clip, or without folds"
            )
        elif len(found) < folds:
            yield (
                f"{machine}: {folds} folds, but its anomalies have {len(found)} {what} to deal to "
                f"them: set split.folds to {len(found)} or fewer"
                + (", or split by clip" if model.by == "condition" else "")
            )


_GROUPS = {"condition": "conditions", "clip": "clips (or recordings)"}
"""What a fit learns from as a whole or not at all."""


def _empty_sections(clips: Sequence[Clip], split: Split) -> list[str]:
    """Return the sections that lack clips to learn from or to evaluate on.

    A section without any label is an evaluation set as the challenge publishes it: it is scored.
    """
    problems = []
    trained = {(c.machine, c.section) for c in split.detector_train}
    for machine, section in sorted({(c.machine, c.section) for c in clips}):
        here = [c for c in split.evaluation if (c.machine, c.section) == (machine, section)]
        if (machine, section) not in trained:
            problems.append(f"{machine}/{section}: no normal clips to train detectors on")
        if not any(c.label == "normal" for c in here) and any(c.label for c in here):
            problems.append(f"{machine}/{section}: no normal test clips")
        if not any(c.label == "anomaly" for c in here) and any(c.label for c in here):
            problems.append(f"{machine}/{section}: no anomalous test clips are left to evaluate on")
    return problems


def make_plan(
    loaded: LoadedSuite, store: Store, progress: Callable[[int, int, str], None] = no_progress
) -> Plan:
    """Read the data's inventory and lay out every task.

    Raises
    ------
    DataError
        When data is missing, or a clip is bad and the suite says ``on_bad_clip: error``.
    """
    listed = list_clips(loaded)
    audio = AudioFormat(**loaded.suite.audio.model_dump())
    records, bad = read_inventory(listed, audio, store, loaded.suite.on_bad_clip, progress)
    clips = [c for c in listed if c.id not in bad]
    split = split_clips(clips, loaded.suite.split, generators=bool(loaded.suite.generators))
    empty = _unusable(loaded, clips, split)
    if empty:
        raise DataError(
            f"{loaded.name_for_people}: " + "\n".join(empty),
            "Add clips, or leave the sections out (`dataset: {machines:, sections:}`, --only).",
        )
    layout = Layout(loaded, store, audio, records)
    tasks, pools, measured = layout.build(clips, split)
    facts = {c.id: [c.id, records[c.id].digest, str(c.condition), c.split, c.label] for c in listed}
    identity = digest([list(facts.values()), asdict(audio)])
    sections = _section_digests(split, facts, audio)
    return Plan(
        loaded,
        tuple(clips),
        bad,
        identity,
        sections,
        split,
        tasks,
        pools,
        measured,
        layout.audits,
    )


def _section_digests(
    split: Split, facts: Mapping[str, Sequence[object]], audio: AudioFormat
) -> dict[str, str]:
    """Return what identifies each section's clips, by purpose."""
    places: dict[str, list[list[Sequence[object]]]] = {}
    parts = (split.detector_train, split.generator_train, split.evaluation)
    for purpose, clips in enumerate(parts):
        for clip in clips:
            place = places.setdefault(f"{clip.machine}/{clip.section}", [[] for _ in parts])
            place[purpose].append(facts[clip.id])
    return {name: digest([place, asdict(audio)]) for name, place in sorted(places.items())}
