"""The tasks of a suite, with every key known before any work."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from asdbench.api import Clip
from asdbench.audio import AudioFormat
from asdbench.engine.audits import Audits, lay_out_audits
from asdbench.engine.inventory import FileRecord
from asdbench.engine.pools import Generated, ScoredPool
from asdbench.engine.quality import MeasuredGrid, quality_task
from asdbench.engine.scoring import DetectorLayout
from asdbench.engine.seeds import derive_seed, shuffle_rank
from asdbench.engine.sources import Sources, identity
from asdbench.engine.split import Split
from asdbench.engine.store import Store, digest, entry_key
from asdbench.engine.tasks import (
    Entry,
    FitGenerator,
    GenerateClips,
    RoundtripClips,
    Task,
)
from asdbench.engine.units import Unit, by_unit, covers
from asdbench.suite import LoadedPlugin, LoadedSuite
from asdbench.suite.model import GridModel


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
        generated = self._build_generators(split)
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

    def _build_generators(self, split: Split) -> dict[tuple[str, str, str], Generated]:
        """Return what each grid makes, by (grid, machine, section)."""
        generated = {}
        plugins = {plugin.id: plugin for plugin in self.loaded.generators}
        for name, grid in self.suite.grids.items():
            plugin = plugins[grid.generator]
            for unit, train in by_unit(split.generator_train, plugin.cls.info.scope).items():
                fitted = self._fit_generator(plugin, unit, train)
                real = [c for c in split.evaluation if covers(unit, c) and c.label == grid.label]
                for (machine, section), clips in by_unit(real, "section").items():
                    if grid.make == "roundtrip":
                        made = self._roundtrip(name, grid, plugin, fitted, clips)
                    else:
                        made = self._generate(name, grid, plugin, fitted, train, clips)
                    generated[name, machine, section] = made
        return generated

    def _fit_generator(self, plugin: LoadedPlugin, unit: Unit, train: Sequence[Clip]) -> Entry:
        seed = self.seed("generator", plugin.cls.info.id, *unit)
        inputs = {**identity(plugin), **self.training(train), "seed": seed}
        entry = Entry("generator", entry_key("generator", inputs))
        title = f"fit {plugin.id} {'/'.join(unit) or 'suite'}"
        refs = tuple(self.sources.ref(c) for c in train)
        return self.add(
            FitGenerator(
                entry, title, self.sources.needs(train), self.audio, plugin.use, refs, seed
            )
        )

    def training(self, train: Sequence[Clip]) -> dict[str, Any]:
        """Return what identifies training clips in a key."""
        facts = [[self.sources.digest(c), str(c.condition), c.label] for c in train]
        return {"train": digest(facts), "audio": asdict(self.audio)}

    def _generate(
        self,
        name: str,
        grid: GridModel,
        plugin: LoadedPlugin,
        fitted: Entry,
        train: Sequence[Clip],
        real: Sequence[Clip],
    ) -> Generated:
        models = _models(real, grid.multiplier, self.suite.split.seed)
        count: dict[str, int] = defaultdict(int)
        seeds = []
        for model in models:
            named = str(model.condition)
            seeds.append(self.seed("request", grid.label, named, count[named]))
            count[named] += 1
        facts = [
            [str(m.condition), s, self.sources.digest(m)]
            for m, s in zip(models, seeds, strict=True)
        ]
        inputs = {"fitted": fitted.key, "label": grid.label, "requests": digest(facts)}
        entry = Entry("clips", entry_key("clips", inputs))
        task = GenerateClips(
            entry,
            f"generate {name} {real[0].machine}/{real[0].section}",
            (fitted, *self.sources.needs([*train, *real])),
            self.audio,
            plugin.use,
            fitted,
            name,
            grid.label,
            tuple(self.sources.ref(m) for m in models),
            tuple(seeds),
            tuple(self.sources.ref(c) for c in train),
        )
        self.add(task)
        return Generated(name, task)

    def _roundtrip(
        self,
        name: str,
        grid: GridModel,
        plugin: LoadedPlugin,
        fitted: Entry,
        real: Sequence[Clip],
    ) -> Generated:
        # Sorted names would tell the domains apart, which the codec is not told.
        clips = sorted(real, key=lambda c: shuffle_rank(self.suite.seeds.master, c.id))
        seeds = tuple(self.seed("roundtrip", c.id) for c in clips)
        facts = [
            [str(c.condition), s, self.sources.digest(c)] for c, s in zip(clips, seeds, strict=True)
        ]
        inputs = {"fitted": fitted.key, "label": grid.label, "roundtrip": digest(facts)}
        task = RoundtripClips(
            Entry("clips", entry_key("clips", inputs)),
            f"roundtrip {name} {real[0].machine}/{real[0].section}",
            (fitted, *self.sources.needs(real)),
            self.audio,
            plugin.use,
            fitted,
            name,
            grid.label,
            tuple(self.sources.ref(c) for c in clips),
            seeds,
        )
        self.add(task)
        return Generated(name, task, tuple(c.id for c in clips))

    def _build_quality(
        self, split: Split, generated: Mapping[tuple[str, str, str], Generated]
    ) -> list[MeasuredGrid]:
        made: dict[tuple[str, str], list[Generated]] = defaultdict(list)
        for (grid, machine, _), clips in generated.items():
            made[grid, machine].append(clips)
        return [self._measure(split, *key, found) for key, found in made.items()]

    def _measure(
        self, split: Split, name: str, machine: str, generated: Sequence[Generated]
    ) -> MeasuredGrid:
        grid = self.suite.grids[name]
        real = [c for c in split.evaluation if (c.machine, c.label) == (machine, grid.label)]
        train = [c for c in split.generator_train if c.machine == machine]
        if grid.make == "roundtrip":
            train = []  # the codec's clips are meant to be those that went in
        task = quality_task(
            name,
            machine,
            grid.label,
            [self.sources.ref(c) for c in real],
            [ref for clips in generated for ref in clips.refs()],
            [self.sources.ref(c) for c in train],
            (*(g.task.entry for g in generated), *self.sources.needs([*real, *train])),
            self.audio,
            self.seed("quality", machine, grid.label),
        )
        self.add(task)
        names = tuple(row.clip for clips in generated for row in clips.rows())
        return MeasuredGrid(
            name, machine, grid.label, task.entry, names, tuple(c.id for c in train)
        )


def _models(real: Sequence[Clip], multiplier: float, seed: int) -> list[Clip]:
    """Return the real clips that requests copy the condition and length of.

    Each domain gets its share, and within it conditions recur as often as among the real clips.
    """
    models: list[Clip] = []
    domains = sorted({c.domain or "" for c in real})
    for domain in domains:
        here = [c for c in real if (c.domain or "") == domain]
        here.sort(key=lambda c: shuffle_rank(seed, c.id))
        wanted = max(1, round(multiplier * len(here)))
        models.extend(here[i % len(here)] for i in range(wanted))
    return models
