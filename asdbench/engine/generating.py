"""The tasks that fit generators, and those that make what grids ask for."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from asdbench.api import Clip, Condition
from asdbench.audit.conditions import condition_key
from asdbench.conditions import format_attributes
from asdbench.engine.axes import swept_conditions
from asdbench.engine.pools import Batch, Generated
from asdbench.engine.seeds import shuffle_rank
from asdbench.engine.sources import identity
from asdbench.engine.split import Split
from asdbench.engine.store import digest, entry_key
from asdbench.engine.tasks import (
    ClipRef,
    Entry,
    FitGenerator,
    GenerateClips,
    RoundtripClips,
    SweepClips,
)
from asdbench.engine.units import Unit, by_unit, unit_of
from asdbench.suite import LoadedPlugin
from asdbench.suite.model import GridModel

if TYPE_CHECKING:
    from asdbench.engine.layout import Layout

Place = tuple[str, str]
"""(machine, section)"""


class GeneratorLayout:
    """Lays out what a suite's generators are fitted on and what they make.

    What follows a real clip is made by the fit of the fold that holds this clip. Each is then
    made as without folds, from the same seed.
    """

    def __init__(self, layout: Layout, clips: Sequence[Clip], split: Split) -> None:
        self._layout = layout
        self._clips = by_unit(clips, "section")
        self._test = by_unit(split.evaluation, "section")
        self._folds = split.folds
        self._fold_of = {c.id: k for k, fold in enumerate(split.folds) for c in fold.evaluation}
        self._held = {
            condition_key(c.condition): k
            for k, fold in enumerate(split.folds)
            for c in fold.evaluation
            if c.label == "anomaly"
        }
        self._train: dict[tuple[str, int], dict[Unit, list[Clip]]] = {}
        self._fits: dict[tuple[str, Unit, int, int], Entry] = {}

    def build(self) -> dict[tuple[str, str, str], Generated]:
        """Add the tasks and return what each grid makes, by (grid, machine, section)."""
        plugins = {plugin.id: plugin for plugin in self._layout.loaded.generators}
        found = {}
        for name, grid in self._layout.suite.grids.items():
            plugin = plugins[grid.generator]
            for (machine, section), clips in self._test.items():
                place = machine, section
                if grid.sweeps:
                    batches = list(self._sweep(name, grid, plugin, place))
                else:
                    real = [clip for clip in clips if clip.label == grid.label]
                    batches = list(self._follow(name, grid, plugin, place, real))
                if batches:
                    found[name, machine, section] = Generated(name, tuple(batches))
        return found

    def _follow(
        self,
        name: str,
        grid: GridModel,
        plugin: LoadedPlugin,
        place: Place,
        real: Sequence[Clip],
    ) -> Iterator[Batch]:
        """Yield the batches of a grid that follows the real clips of one section."""
        for generation in range(self._layout.suite.seeds.generator_repeats):
            asked = self._asked(grid, real, generation)
            for fold in range(len(self._folds)):
                here = [(clip, seed) for clip, seed in asked if self._fold_of[clip.id] == fold]
                if here and (fitted := self._fit(plugin, place, fold, generation)) is not None:
                    title = self._title(f"{grid.make} {name}", place, fold, generation)
                    task = self._make(title, name, grid, plugin, fitted, here)
                    copied = tuple(c for c, _ in here) if grid.make == "roundtrip" else ()
                    yield Batch(task, fold, generation, copied)

    def _asked(
        self, grid: GridModel, real: Sequence[Clip], generation: int
    ) -> list[tuple[Clip, int]]:
        """Return the real clips to follow, each with the seed of what follows it."""
        suite, seed = self._layout.suite, self._layout.seed
        if grid.make == "roundtrip":
            # Sorted names would tell the domains apart, which the codec is not told.
            clips = sorted(real, key=lambda c: shuffle_rank(suite.seeds.master, c.id))
            return [(c, seed(*_repeat("roundtrip", generation), c.id)) for c in clips]
        count: dict[str, int] = defaultdict(int)
        asked = []
        for model in _models(real, grid.multiplier, suite.split.seed):
            named = str(model.condition)
            words = (*_repeat("request", generation), grid.label, named, count[named])
            asked.append((model, seed(*words)))
            count[named] += 1
        return asked

    def _fit(
        self, plugin: LoadedPlugin, place: Place, fold: int, generation: int
    ) -> tuple[Entry, Sequence[Clip]] | None:
        """Return the fit that serves one section and what it learned from; None without clips."""
        scope = plugin.cls.info.scope
        if (scope, fold) not in self._train:
            self._train[scope, fold] = by_unit(self._folds[fold].generator_train, scope)
        unit = unit_of(self._test[place][0], scope)
        train = self._train[scope, fold].get(unit)
        if train is None:
            return None
        key = plugin.id, unit, fold, generation
        if key not in self._fits:
            self._fits[key] = self._fit_task(plugin, unit, train, fold, generation)
        return self._fits[key], train

    def _fit_task(
        self, plugin: LoadedPlugin, unit: Unit, train: Sequence[Clip], fold: int, generation: int
    ) -> Entry:
        layout = self._layout
        seed = layout.seed(*_repeat("generator", generation), plugin.cls.info.id, *unit)
        inputs = {**identity(plugin), **layout.training(train), "seed": seed}
        entry = Entry("generator", entry_key("generator", inputs))
        title = self._title(f"fit {plugin.id}", unit, fold, generation)
        refs = tuple(layout.sources.ref(c) for c in train)
        needs = layout.sources.needs(train)
        return layout.add(FitGenerator(entry, title, needs, layout.audio, plugin.use, refs, seed))

    def _title(self, what: str, unit: Unit, fold: int, generation: int) -> str:
        title = f"{what} {'/'.join(unit) or 'suite'}"
        title += f" fold {fold}" if len(self._folds) > 1 else ""
        return title + (f" #{generation}" if generation else "")

    def _make(
        self,
        title: str,
        name: str,
        grid: GridModel,
        plugin: LoadedPlugin,
        fit: tuple[Entry, Sequence[Clip]],
        asked: Sequence[tuple[Clip, int]],
    ) -> GenerateClips | RoundtripClips:
        """Add the task that follows some real clips."""
        sources, (fitted, train) = self._layout.sources, fit
        coded = grid.make == "roundtrip"
        real = [clip for clip, _ in asked]
        facts = digest([[str(c.condition), s, sources.digest(c)] for c, s in asked])
        inputs = {"fitted": fitted.key, "label": grid.label}
        inputs["roundtrip" if coded else "requests"] = facts
        shared = (
            Entry("clips", entry_key("clips", inputs)),
            title,
            (fitted, *sources.needs(real if coded else [*train, *real])),
            self._layout.audio,
            plugin.use,
            fitted,
            name,
            grid.label,
            tuple(sources.ref(c) for c in real),
            tuple(seed for _, seed in asked),
        )
        if coded:
            task: GenerateClips | RoundtripClips = RoundtripClips(*shared)
        else:
            task = GenerateClips(*shared, tuple(sources.ref(c) for c in train))
        self._layout.add(task)
        return task

    def _sweep(
        self, name: str, grid: GridModel, plugin: LoadedPlugin, place: Place
    ) -> Iterator[Batch]:
        """Yield a batch for each condition that ``grid`` sweeps in one section, and fold.

        One task a condition: a value more then makes no other clip anew. A condition that a fold
        holds back is left to its fit; the clips of another one are dealt to all fits.
        """
        machine, section = place
        axes = grid.axes.get(machine, {}).get(section, {})
        whole = self._layout.suite.split.by == "condition"
        for condition in swept_conditions(self._clips[place], axes) if axes else ():
            held = self._held.get(condition_key(condition)) if whole else None
            for fold in range(len(self._folds)):
                numbers = [
                    i
                    for i in range(grid.clips_per_cell)
                    if (i % len(self._folds) if held is None else held) == fold
                ]
                if numbers and (fitted := self._fit(plugin, place, fold, 0)) is not None:
                    yield self._cell(name, grid, plugin, fitted, condition, numbers, fold)

    def _cell(
        self,
        name: str,
        grid: GridModel,
        plugin: LoadedPlugin,
        fit: tuple[Entry, Sequence[Clip]],
        condition: Condition,
        numbers: Sequence[int],
        fold: int,
    ) -> Batch:
        layout, sources, (fitted, train) = self._layout, self._layout.sources, fit
        place = condition.machine, condition.section
        cell = format_attributes(condition.attributes)
        named = str(condition)
        seeds = tuple(layout.seed("sweep", grid.label, named, i) for i in numbers)
        like = self._test[place]
        facts = [[named, seeds], [sources.digest(c) for c in like]]
        inputs = {"fitted": fitted.key, "label": grid.label, "sweep": digest(facts)}
        task = SweepClips(
            Entry("clips", entry_key("clips", inputs)),
            self._title(f"sweep {name}", (*place, cell), fold, 0),
            (fitted, *sources.needs([*train, *like])),
            layout.audio,
            plugin.use,
            fitted,
            name,
            grid.label,
            tuple(ClipRef("", condition, grid.label) for _ in numbers),
            seeds,
            tuple(sources.ref(c) for c in train),
            tuple(sources.ref(c) for c in like),
        )
        layout.add(task)
        return Batch(task, fold, cell=cell)


def _repeat(what: str, generation: int) -> tuple[str | int, ...]:
    """Return the words for a seed: those of the only one, or of one repeat more."""
    return (what,) if generation == 0 else (what, "repeat", generation)


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
