"""The tasks of a suite, with every key known before any work."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from asdbench.api import Clip, Condition, DetectorInfo, Label
from asdbench.audio import AudioFormat
from asdbench.engine.inventory import FileRecord
from asdbench.engine.quality import MeasuredGrid, quality_task
from asdbench.engine.seeds import derive_seed, shuffle_rank
from asdbench.engine.sources import Sources, identity
from asdbench.engine.split import Split
from asdbench.engine.store import Store, digest, entry_key
from asdbench.engine.tasks import (
    ClipRef,
    Entry,
    FitDetector,
    FitGenerator,
    GenerateClips,
    MakeClips,
    RoundtripClips,
    ScoreClips,
    Task,
)
from asdbench.engine.units import Unit, by_unit, covers, inside
from asdbench.registry import Use
from asdbench.suite import LoadedPlugin, LoadedSuite
from asdbench.suite.model import REAL, GridModel


@dataclass(frozen=True)
class PoolRow:
    """A scored clip, for the score table."""

    clip: str
    condition: Condition
    label: Label | None
    copy_of: str | None = None
    """Of a round trip, the real clip that went in."""


@dataclass(frozen=True)
class ScoredPool:
    """One detector's scores of one unit's real or generated clips."""

    detector: str
    repeat: int
    origin: str
    unit: Unit
    entry: Entry
    rows: tuple[PoolRow, ...]


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

    def build(
        self, clips: Sequence[Clip], split: Split
    ) -> tuple[tuple[Task, ...], tuple[ScoredPool, ...], tuple[MeasuredGrid, ...]]:
        """Return the tasks, in an order in which they can run, what is scored and measured."""
        for task in self.sources.tasks(clips):
            self._add(task)
        generated = self._build_generators(split)
        measured = self._build_quality(split, generated)
        pools = self._build_detectors(split, generated)
        return tuple(self.tasks.values()), tuple(pools), tuple(measured)

    def _add(self, task: Task) -> Entry:
        self.tasks.setdefault(task.entry, task)
        return task.entry

    def _seed(self, *names: str | int) -> int:
        return derive_seed(self.suite.seeds.master, *names)

    def _build_generators(self, split: Split) -> dict[tuple[str, str, str], _Generated]:
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
        seed = self._seed("generator", plugin.cls.info.id, *unit)
        inputs = {**identity(plugin), **self._training(train), "seed": seed}
        entry = Entry("generator", entry_key("generator", inputs))
        title = f"fit {plugin.id} {'/'.join(unit) or 'suite'}"
        refs = tuple(self.sources.ref(c) for c in train)
        return self._add(
            FitGenerator(
                entry, title, self.sources.needs(train), self.audio, plugin.use, refs, seed
            )
        )

    def _training(self, train: Sequence[Clip]) -> dict[str, Any]:
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
    ) -> _Generated:
        models = _models(real, grid.multiplier, self.suite.split.seed)
        count: dict[str, int] = defaultdict(int)
        seeds = []
        for model in models:
            named = str(model.condition)
            seeds.append(self._seed("request", grid.label, named, count[named]))
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
        self._add(task)
        return _Generated(name, task)

    def _roundtrip(
        self,
        name: str,
        grid: GridModel,
        plugin: LoadedPlugin,
        fitted: Entry,
        real: Sequence[Clip],
    ) -> _Generated:
        # Sorted names would tell the domains apart, which the codec is not told.
        clips = sorted(real, key=lambda c: shuffle_rank(self.suite.seeds.master, c.id))
        seeds = tuple(self._seed("roundtrip", c.id) for c in clips)
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
        self._add(task)
        return _Generated(name, task, tuple(c.id for c in clips))

    def _build_quality(
        self, split: Split, generated: Mapping[tuple[str, str, str], _Generated]
    ) -> list[MeasuredGrid]:
        made: dict[tuple[str, str], list[_Generated]] = defaultdict(list)
        for (grid, machine, _), clips in generated.items():
            made[grid, machine].append(clips)
        return [self._measure(split, *key, found) for key, found in made.items()]

    def _measure(
        self, split: Split, name: str, machine: str, generated: Sequence[_Generated]
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
            self._seed("quality", machine, grid.label),
        )
        self._add(task)
        names = tuple(row.clip for clips in generated for row in clips.rows())
        return MeasuredGrid(
            name, machine, grid.label, task.entry, names, tuple(c.id for c in train)
        )

    def _build_detectors(
        self, split: Split, generated: Mapping[tuple[str, str, str], _Generated]
    ) -> list[ScoredPool]:
        pools = []
        for plugin in self.loaded.detectors:
            info: DetectorInfo = plugin.cls.info
            for unit, train in by_unit(split.detector_train, info.scope).items():
                real = [c for c in split.evaluation if covers(unit, c)]
                for repeat in range(self.suite.seeds.detector_repeats):
                    fitted = self._fit_detector(plugin, unit, train, repeat)
                    pools.append(self._score_real(plugin, unit, repeat, fitted, real))
                    pools.extend(
                        self._score_generated(plugin, unit, repeat, fitted, name, generated)
                        for name in self.suite.grids
                        if any(key[0] == name and inside(unit, key[1:]) for key in generated)
                    )
        return pools

    def _fit_detector(
        self, plugin: LoadedPlugin, unit: Unit, train: Sequence[Clip], repeat: int
    ) -> Entry:
        info: DetectorInfo = plugin.cls.info
        seed = self._seed("detector", info.id, repeat, *unit)
        inputs = {**identity(plugin, info.score_params), **self._training(train), "seed": seed}
        entry = Entry("detector", entry_key("detector", inputs))
        title = f"fit {plugin.id} {'/'.join(unit) or 'suite'}" + (f" #{repeat}" if repeat else "")
        values = {k: v for k, v in plugin.use.values.items() if k not in info.score_params}
        use = Use(plugin.use.plugin, values)
        refs = tuple(self.sources.ref(c) for c in train)
        return self._add(
            FitDetector(entry, title, self.sources.needs(train), self.audio, use, refs, seed)
        )

    def _score_real(
        self, plugin: LoadedPlugin, unit: Unit, repeat: int, fitted: Entry, real: Sequence[Clip]
    ) -> ScoredPool:
        # Sorted names would put anomalies before normals: a detector could read the label there.
        shuffled = sorted(real, key=lambda c: shuffle_rank(self.suite.seeds.master, c.id))
        refs = tuple(self.sources.ref(c) for c in shuffled)
        rows = tuple(PoolRow(c.id, c.condition, c.label) for c in shuffled)
        needs = (fitted, *self.sources.needs(real))
        return self._score(plugin, unit, repeat, fitted, REAL, refs, rows, needs)

    def _score_generated(
        self,
        plugin: LoadedPlugin,
        unit: Unit,
        repeat: int,
        fitted: Entry,
        grid: str,
        generated: Mapping[tuple[str, str, str], _Generated],
    ) -> ScoredPool:
        made = [g for key, g in generated.items() if key[0] == grid and inside(unit, key[1:])]
        refs = tuple(ref for g in made for ref in g.refs())
        rows = tuple(row for g in made for row in g.rows())
        needs = (fitted, *(g.task.entry for g in made))
        return self._score(plugin, unit, repeat, fitted, grid, refs, rows, needs)

    def _score(
        self,
        plugin: LoadedPlugin,
        unit: Unit,
        repeat: int,
        fitted: Entry,
        origin: str,
        refs: tuple[ClipRef, ...],
        rows: tuple[PoolRow, ...],
        needs: tuple[Entry, ...],
    ) -> ScoredPool:
        info: DetectorInfo = plugin.cls.info
        seed = self._seed("score", info.id, repeat, *unit)
        shown = sorted(info.needs)
        facts = [[ref.digest, str(ref.condition)] for ref in refs]
        inputs = {
            **identity(plugin),
            "fitted": fitted.key,
            "clips": digest(facts),
            "seed": seed,
            "needs": shown,
        }
        entry = Entry("scores", entry_key("scores", inputs))
        title = f"score {plugin.id} {'/'.join(unit) or 'suite'} {origin}"
        self._add(ScoreClips(entry, title, needs, self.audio, plugin.use, fitted, refs, seed))
        return ScoredPool(plugin.id, repeat, origin, unit, entry, rows)


@dataclass(frozen=True)
class _Generated:
    """The clips that one grid makes for one section."""

    grid: str
    task: MakeClips
    copies_of: tuple[str, ...] = ()
    """Of a round trip, the clips that went in."""

    def refs(self) -> list[ClipRef]:
        entry = self.task.entry
        return [
            ClipRef(digest([entry.key, i]), real.condition, self.task.label, None, entry, i)
            for i, real in enumerate(self.task.real)
        ]

    def rows(self) -> list[PoolRow]:
        rows = []
        for i, real in enumerate(self.task.real):
            name = f"{self.grid}/{real.condition.machine}/{real.condition.section}/{i:06d}"
            copy_of = self.copies_of[i] if self.copies_of else None
            rows.append(PoolRow(name, real.condition, self.task.label, copy_of))
        return rows


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
