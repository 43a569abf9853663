"""From a suite and its data to the list of tasks, with every key known before any work."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from asdbench.api import Clip, Condition, Dataset, DetectorInfo, Label, Scope, no_progress
from asdbench.audio import AudioFormat
from asdbench.engine.inventory import FileRecord, take_inventory
from asdbench.engine.seeds import derive_seed, shuffle_rank
from asdbench.engine.split import Split, split_clips
from asdbench.engine.store import Store, digest, entry_key
from asdbench.engine.tasks import (
    BuildDataset,
    ClipRef,
    Entry,
    FitDetector,
    FitGenerator,
    GenerateClips,
    ScoreClips,
    Task,
)
from asdbench.errors import BadClipError, DataError
from asdbench.registry import Use, code_digest
from asdbench.suite import LoadedPlugin, LoadedSuite
from asdbench.suite.model import GridModel

REAL = "real"
"""Origin of the pool of real test clips; generated pools bear the name of their grid."""

Unit = tuple[str, ...]
"""What one fit covers: () the suite, (machine,) or (machine, section)."""


@dataclass(frozen=True)
class PoolRow:
    """A scored clip, for the score table."""

    clip: str
    condition: Condition
    label: Label | None


@dataclass(frozen=True)
class ScoredPool:
    """One detector's scores of one unit's real or generated clips."""

    detector: str
    repeat: int
    origin: str
    unit: Unit
    entry: Entry
    rows: tuple[PoolRow, ...]


@dataclass(frozen=True)
class Plan:
    """What a run will do. Tasks are in an order in which they can run."""

    loaded: LoadedSuite
    clips: tuple[Clip, ...]
    bad_clips: Mapping[str, str]
    """Skipped clips: id -> why."""
    data_digest: str
    """Identifies the clips, their audio and what is said about them."""
    split: Split
    tasks: tuple[Task, ...]
    pools: tuple[ScoredPool, ...]

    def missing(self, store: Store) -> list[Task]:
        """Return the tasks whose entries the store lacks and something still needs."""
        absent = {t.entry: t for t in self.tasks if not store.has(t.entry.kind, t.entry.key)}
        wanted = {p.entry for p in self.pools} | {
            t.entry for t in self.tasks if isinstance(t, GenerateClips)
        }
        todo: set[Entry] = set()
        stack = [entry for entry in wanted if entry in absent]
        while stack:
            entry = stack.pop()
            if entry not in todo:
                todo.add(entry)
                stack.extend(need for need in absent[entry].needs if need in absent)
        return [task for task in self.tasks if task.entry in todo]


def list_clips(loaded: LoadedSuite) -> list[Clip]:
    """Return the clips that the suite selects.

    Raises
    ------
    DataError
        When the data is missing, or nothing is left after the selection.
    """
    dataset: Dataset = loaded.dataset.cls(loaded.dataset.params)
    every = dataset.clips()
    model = loaded.suite.dataset
    chosen = [
        c
        for c in every
        if (model.machines is None or c.machine in model.machines)
        and (model.sections is None or c.section in model.sections)
    ]
    for wanted, field in ((model.machines, "machine"), (model.sections, "section")):
        there = sorted({getattr(c, field) for c in every})
        for name in wanted or ():
            if name not in there:
                raise DataError(
                    f"{loaded.name_for_people}: the data has no {field} '{name}'",
                    f"It has: {', '.join(there) or 'nothing'}.",
                )
    if not chosen:
        raise DataError(
            f"{loaded.name_for_people}: no clips are left after the selection of machines and "
            "sections",
            f"The data has {len(every)} clips.",
        )
    return sorted(chosen, key=lambda c: c.id)


def data_problems(loaded: LoadedSuite) -> list[str]:
    """Return what would keep this suite from running on its data; reads names, not audio."""
    try:
        clips = list_clips(loaded)
    except DataError as error:
        return [str(error)]
    problems = []
    split = split_clips(clips, loaded.suite.split, generators=bool(loaded.suite.generators))
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
    records = take_inventory(listed, audio, store, progress)
    bad = {c.id: p for c in listed if (p := records[c.id].problem) is not None}
    if bad and loaded.suite.on_bad_clip == "error":
        shown = "\n".join(f"  {problem}" for problem in list(bad.values())[:20])
        raise BadClipError(
            f"{len(bad)} of {len(listed)} clips cannot be used:\n{shown}",
            "Mend or remove them, or set `on_bad_clip: skip` in the suite to go on without.",
        )
    clips = [c for c in listed if c.id not in bad]
    split = split_clips(clips, loaded.suite.split, generators=bool(loaded.suite.generators))
    builder = _Builder(loaded, store, audio, records)
    tasks, pools = builder.build(clips, split)
    facts = [[c.id, records[c.id].digest, str(c.condition), c.split, c.label] for c in listed]
    return Plan(
        loaded, tuple(clips), bad, digest([facts, asdict(audio)]), split, tasks, pools
    )  # fmt: skip


class _Builder:
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
        self.store = store
        self.audio = audio
        self.records = records
        self.tasks: dict[Entry, Task] = {}
        self.parts: dict[str, Entry] = {}
        self.refs: dict[str, ClipRef] = {}

    def build(
        self, clips: Sequence[Clip], split: Split
    ) -> tuple[tuple[Task, ...], tuple[ScoredPool, ...]]:
        self._build_parts(clips)
        generated = self._build_generators(split)
        pools = self._build_detectors(split, generated)
        return tuple(self.tasks.values()), tuple(pools)

    def _add(self, task: Task) -> Entry:
        self.tasks.setdefault(task.entry, task)
        return task.entry

    def _seed(self, *names: str | int) -> int:
        return derive_seed(self.suite.seeds.master, *names)

    def _build_parts(self, clips: Sequence[Clip]) -> None:
        plugin = self.loaded.dataset
        dataset: Dataset = plugin.cls(plugin.params)
        needed = {c.part for c in clips}
        for part in dataset.parts():
            if part not in needed:
                continue
            inputs = {**_identity(plugin), "part": dict(dataset.part_key(part))}
            entry = Entry("dataset", entry_key("dataset", inputs))
            self.parts[part] = self._add(
                BuildDataset(entry, f"simulate {part}", (), self.audio, plugin.use, part, 0)
            )

    def _ref(self, clip: Clip) -> ClipRef:
        if clip.id not in self.refs:
            path = clip.path
            if clip.part is not None:
                part = self.parts[clip.part]
                path = self.store.path(part.kind, part.key) / clip.path
            self.refs[clip.id] = ClipRef(self._digest(clip), clip.condition, clip.label, path)
        return self.refs[clip.id]

    def _digest(self, clip: Clip) -> str:
        """Return what identifies a clip's audio in keys.

        For a clip that the data set makes, that includes the code that makes it.
        """
        if clip.part is None:
            return self.records[clip.id].digest
        return digest([self.parts[clip.part].key, clip.id])

    def _needs(self, clips: Iterable[Clip]) -> tuple[Entry, ...]:
        return tuple(dict.fromkeys(self.parts[c.part] for c in clips if c.part is not None))

    def _build_generators(self, split: Split) -> dict[tuple[str, str, str], _Generated]:
        """Return what each grid makes, by (grid, machine, section)."""
        generated = {}
        plugins = {plugin.id: plugin for plugin in self.loaded.generators}
        for name, grid in self.suite.grids.items():
            plugin = plugins[grid.generator]
            for unit, train in _by_unit(split.generator_train, plugin.cls.info.scope).items():
                fitted = self._fit_generator(plugin, unit, train)
                real = [c for c in split.evaluation if _covers(unit, c) and c.label == grid.label]
                for (machine, section), clips in _by_unit(real, "section").items():
                    made = self._generate(name, grid, plugin, fitted, train, clips)
                    generated[name, machine, section] = made
        return generated

    def _fit_generator(self, plugin: LoadedPlugin, unit: Unit, train: Sequence[Clip]) -> Entry:
        seed = self._seed("generator", plugin.cls.info.id, *unit)
        inputs = {**_identity(plugin), **self._training(train), "seed": seed}
        entry = Entry("generator", entry_key("generator", inputs))
        title = f"fit {plugin.id} {'/'.join(unit) or 'suite'}"
        refs = tuple(self._ref(c) for c in train)
        return self._add(
            FitGenerator(entry, title, self._needs(train), self.audio, plugin.use, refs, seed)
        )

    def _training(self, train: Sequence[Clip]) -> dict[str, Any]:
        facts = [[self._digest(c), str(c.condition), c.label] for c in train]
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
        facts = [[str(m.condition), s, self._digest(m)] for m, s in zip(models, seeds, strict=True)]
        inputs = {"fitted": fitted.key, "label": grid.label, "requests": digest(facts)}
        entry = Entry("clips", entry_key("clips", inputs))
        task = GenerateClips(
            entry,
            f"generate {name} {real[0].machine}/{real[0].section}",
            (fitted, *self._needs([*train, *real])),
            self.audio,
            plugin.use,
            tuple(self._ref(c) for c in train),
            fitted,
            tuple(m.condition for m in models),
            grid.label,
            tuple(seeds),
            tuple(self._ref(m) for m in models),
        )
        self._add(task)
        return _Generated(name, task)

    def _build_detectors(
        self, split: Split, generated: Mapping[tuple[str, str, str], _Generated]
    ) -> list[ScoredPool]:
        pools = []
        for plugin in self.loaded.detectors:
            info: DetectorInfo = plugin.cls.info
            for unit, train in _by_unit(split.detector_train, info.scope).items():
                real = [c for c in split.evaluation if _covers(unit, c)]
                for repeat in range(self.suite.seeds.detector_repeats):
                    fitted = self._fit_detector(plugin, unit, train, repeat)
                    pools.append(self._score_real(plugin, unit, repeat, fitted, real))
                    pools.extend(
                        self._score_generated(plugin, unit, repeat, fitted, name, generated)
                        for name in self.suite.grids
                        if any(key[0] == name and _inside(unit, key[1:]) for key in generated)
                    )
        return pools

    def _fit_detector(
        self, plugin: LoadedPlugin, unit: Unit, train: Sequence[Clip], repeat: int
    ) -> Entry:
        info: DetectorInfo = plugin.cls.info
        seed = self._seed("detector", info.id, repeat, *unit)
        inputs = {**_identity(plugin, info.score_params), **self._training(train), "seed": seed}
        entry = Entry("detector", entry_key("detector", inputs))
        title = f"fit {plugin.id} {'/'.join(unit) or 'suite'}" + (f" #{repeat}" if repeat else "")
        values = {k: v for k, v in plugin.use.values.items() if k not in info.score_params}
        use = Use(plugin.use.plugin, values)
        refs = tuple(self._ref(c) for c in train)
        return self._add(FitDetector(entry, title, self._needs(train), self.audio, use, refs, seed))

    def _score_real(
        self, plugin: LoadedPlugin, unit: Unit, repeat: int, fitted: Entry, real: Sequence[Clip]
    ) -> ScoredPool:
        refs = tuple(self._ref(c) for c in real)
        rows = tuple(PoolRow(c.id, c.condition, c.label) for c in real)
        needs = (fitted, *self._needs(real))
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
        made = [g for key, g in generated.items() if key[0] == grid and _inside(unit, key[1:])]
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
            **_identity(plugin),
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
    task: GenerateClips

    def refs(self) -> list[ClipRef]:
        entry = self.task.entry
        return [
            ClipRef(digest([entry.key, i]), condition, self.task.label, None, entry, i)
            for i, condition in enumerate(self.task.conditions)
        ]

    def rows(self) -> list[PoolRow]:
        return [
            PoolRow(
                f"{self.grid}/{condition.machine}/{condition.section}/{i:06d}",
                condition,
                self.task.label,
            )
            for i, condition in enumerate(self.task.conditions)
        ]


def _identity(plugin: LoadedPlugin, without: frozenset[str] = frozenset()) -> dict[str, Any]:
    """Return what identifies a plug-in's code and parameters in a key."""
    info = plugin.cls.info
    return {
        "plugin": info.id,
        "version": info.version,
        "code": code_digest(plugin.cls),
        "params": {k: v for k, v in plugin.identity.items() if k not in without},
    }


def _unit_of(clip: Clip, scope: Scope) -> Unit:
    if scope == "suite":
        return ()
    return (clip.machine,) if scope == "machine" else (clip.machine, clip.section)


def _by_unit(clips: Iterable[Clip], scope: Scope) -> dict[Unit, list[Clip]]:
    groups: dict[Unit, list[Clip]] = defaultdict(list)
    for clip in clips:
        groups[_unit_of(clip, scope)].append(clip)
    return dict(sorted(groups.items()))


def _inside(unit: Unit, place: tuple[str, ...]) -> bool:
    return place[: len(unit)] == unit


def _covers(unit: Unit, clip: Clip) -> bool:
    return _inside(unit, (clip.machine, clip.section))


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
