"""The tasks of a suite, with every key known before any work."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

from asdbench.api import Clip
from asdbench.audio import AudioFormat
from asdbench.engine.audits import Audits, lay_out_audits
from asdbench.engine.generating import GeneratorLayout
from asdbench.engine.inventory import FileRecord
from asdbench.engine.pools import Generated, Member, ScoredPool
from asdbench.engine.quality import MeasuredGrid, quality_task
from asdbench.engine.scoring import DetectorLayout
from asdbench.engine.seeds import derive_seed
from asdbench.engine.sources import Sources
from asdbench.engine.split import Split
from asdbench.engine.store import Store, digest
from asdbench.engine.tasks import Entry, Task
from asdbench.suite import LoadedSuite


class Layout:
    """Lays out the tasks of one suite; holds what all of them share."""

    def __init__(
        self,
        loaded: LoadedSuite,
        store: Store,
        audio: AudioFormat,
        records: Mapping[str, FileRecord],
    ) -> None:
        self.loaded = loaded
        self.suite = loaded.suite
        self.audio = audio
        self.sources = Sources(loaded.dataset, store, audio, records)
        self.tasks: dict[Entry, Task] = {}
        self.audits = Audits()

    def build(
        self, clips: Sequence[Clip], split: Split
    ) -> tuple[tuple[Task, ...], tuple[ScoredPool, ...], tuple[MeasuredGrid, ...]]:
        """Return the tasks, in an order in which they can run, what is scored and measured."""
        for task in self.sources.tasks(clips):
            self.add(task)
        generated = GeneratorLayout(self, clips, split).build()
        measured = self._build_quality(split, generated)
        pools = DetectorLayout(self, split, generated).build()
        self.audits = lay_out_audits(self, split, generated)
        return tuple(self.tasks.values()), tuple(pools), tuple(measured)

    def add(self, task: Task) -> Entry:
        """Note a task, once, and return what it makes."""
        self.tasks.setdefault(task.entry, task)
        return task.entry

    def seed(self, *names: str | int) -> int:
        """Return the seed for the purpose that ``names`` spell out."""
        return derive_seed(self.suite.seeds.master, *names)

    def training(self, train: Sequence[Clip]) -> dict[str, Any]:
        """Return what identifies training clips in a key."""
        facts = [[self.sources.digest(c), str(c.condition), c.label] for c in train]
        return {"train": digest(facts), "audio": asdict(self.audio)}

    def _build_quality(
        self, split: Split, generated: Mapping[tuple[str, str, str], Generated]
    ) -> list[MeasuredGrid]:
        made: dict[tuple[str, str], list[Generated]] = defaultdict(list)
        for (grid, machine, _), clips in generated.items():
            if not self.suite.grids[grid].sweeps:
                made[grid, machine].append(clips)
        return [self._measure(split, *key, found) for key, found in made.items()]

    def _measure(
        self, split: Split, name: str, machine: str, generated: Sequence[Generated]
    ) -> MeasuredGrid:
        """Return where the clips of one grid and machine are compared with real ones.

        Copies are sought among what the fit that made a clip learned from: with several folds,
        fold by fold, while the distances are those of all clips.
        """
        members = [member for clips in generated for member in clips.members()]
        copies = self.suite.grids[name].make == "generate"  # a codec is meant to give them back
        if not (copies and split.crossed):
            train = split.folds[0].generator_train if copies else ()
            return self._compare(name, machine, split.evaluation, members, train)
        whole = self._compare(name, machine, split.evaluation, members, ())
        folds = []
        for k, fold in enumerate(split.folds):
            made = [member for clips in generated for member in clips.by_fold().get(k, ())]
            if made:
                train = fold.generator_train
                folds.append(self._compare(name, machine, fold.evaluation, made, train))
        return replace(whole, folds=tuple(folds))

    def _compare(
        self,
        name: str,
        machine: str,
        evaluation: Sequence[Clip],
        made: Sequence[Member],
        learned: Sequence[Clip],
    ) -> MeasuredGrid:
        label = self.suite.grids[name].label
        real = [c for c in evaluation if (c.machine, c.label) == (machine, label)]
        train = [c for c in learned if c.machine == machine]
        sources = dict.fromkeys(m.ref.source for m in made if m.ref.source is not None)
        task = quality_task(
            name,
            machine,
            label,
            [self.sources.ref(c) for c in real],
            [member.ref for member in made],
            [self.sources.ref(c) for c in train],
            (*sources, *self.sources.needs([*real, *train])),
            self.audio,
            self.seed("quality", machine, label),
        )
        self.add(task)
        names = tuple(member.row.clip for member in made)
        return MeasuredGrid(name, machine, label, task.entry, names, tuple(c.id for c in train))
