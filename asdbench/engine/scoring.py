"""The tasks that fit detectors and score clips with them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from asdbench.api import Detector, DetectorInfo, Label, Scope
from asdbench.engine.lending import FittedPart
from asdbench.engine.pools import Generated, Member, PoolRow, ScoredPool, folds
from asdbench.engine.seeds import shuffle_rank
from asdbench.engine.sources import identity
from asdbench.engine.split import Split
from asdbench.engine.store import digest, entry_key
from asdbench.engine.tasks import Entry, FitDetector, ScoreClips
from asdbench.engine.units import Unit, by_unit, covers, inside
from asdbench.errors import PluginError
from asdbench.registry import Use
from asdbench.suite import LoadedPlugin
from asdbench.suite.arms import arm_origins, pairings, pool_name, sweep_pairings
from asdbench.suite.model import REAL

if TYPE_CHECKING:
    from asdbench.engine.layout import Layout

Made = Mapping[tuple[str, str, str], Generated]
"""What each grid makes, by (grid, machine, section)."""
_WIDTH: Mapping[Scope, int] = {"suite": 0, "machine": 1, "section": 2}


@dataclass(frozen=True)
class _Fitted:
    """A detector of the suite, fitted."""

    plugin: LoadedPlugin
    repeat: int
    entry: Entry
    parts: tuple[FittedPart, ...]


class DetectorLayout:
    """Lays out what a suite's detectors are fitted on and what they score."""

    def __init__(self, layout: Layout, split: Split, generated: Made) -> None:
        self._layout = layout
        self._split = split
        self._generated = generated
        self._clips = {clip.id: clip for clip in split.evaluation}
        self._generations = range(layout.suite.seeds.generator_repeats)
        self._training = cache(self._describe_training)
        self._rank = cache(partial(shuffle_rank, layout.suite.seeds.master))
        self._train = {
            scope: by_unit(split.detector_train, scope) for scope in ("suite", "machine", "section")
        }

    def build(self) -> list[ScoredPool]:
        """Add the tasks and return what is scored."""
        pools: list[ScoredPool] = []
        for plugin in self._layout.loaded.detectors:
            info: DetectorInfo = plugin.cls.info
            for unit in self._train[_scope(plugin)]:
                for repeat in range(self._layout.suite.seeds.detector_repeats):
                    fitted = _Fitted(plugin, repeat, *self._fit(plugin, unit, repeat))
                    pools += (self._by_arm if info.transductive else self._by_origin)(unit, fitted)
        return pools

    def _fit(
        self, plugin: LoadedPlugin, unit: Unit, repeat: int
    ) -> tuple[Entry, tuple[FittedPart, ...]]:
        layout, info = self._layout, plugin.cls.info
        train = self._train[_scope(plugin)][unit]
        parts = tuple(
            self._fit_part(name, part, plugin, unit, repeat) for name, part in plugin.parts.items()
        )
        seed = layout.seed("detector", info.id, repeat, *unit)
        inputs = {
            **identity(plugin, info.score_params),
            **self._training(unit),
            **({"fitted": {part.name: part.key for part in parts}} if parts else {}),
            "seed": seed,
        }
        entry = Entry("detector", entry_key("detector", inputs))
        title = f"fit {plugin.id} {'/'.join(unit) or 'suite'}" + (f" #{repeat}" if repeat else "")
        values = {k: v for k, v in plugin.use.values.items() if k not in info.score_params}
        use = Use(plugin.use.plugin, values)
        refs = tuple(layout.sources.ref(c) for c in train)
        needs = (*_entries(parts), *layout.sources.needs(train))
        layout.add(FitDetector(entry, title, needs, layout.audio, use, refs, seed, parts))
        return entry, parts

    def _describe_training(self, unit: Unit) -> dict[str, Any]:
        """Return what identifies the training clips of ``unit`` in a key; worked out once."""
        scope = next(scope for scope, width in _WIDTH.items() if width == len(unit))
        return self._layout.training(self._train[scope][unit])

    def _fit_part(
        self, name: str, part: LoadedPlugin, owner: LoadedPlugin, unit: Unit, repeat: int
    ) -> FittedPart:
        scope, wide = _scope(part), _scope(owner)
        if _WIDTH[scope] > len(unit):
            raise PluginError(
                f"'{owner.id}' is fitted once a {wide}, but its part '{name}' "
                f"('{part.cls.info.id}') once a {scope}",
                "A part must cover what the whole covers: choose another detector for it.",
            )
        entry, inner = self._fit(part, unit[: _WIDTH[scope]], repeat)
        facts = digest([identity(part), entry.key])
        return FittedPart(name, part.use, entry.key, facts, inner)

    def _by_origin(self, unit: Unit, fitted: _Fitted) -> Iterator[ScoredPool]:
        """Yield a pool of all real clips of ``unit``, and one of each grid's."""
        yield self._score(unit, unit, fitted, REAL, self._real(unit))
        for name in self._layout.suite.grids:
            for generation in self._generations:
                made = [
                    member
                    for key, generated in self._generated.items()
                    if key[0] == name and inside(unit, key[1:])
                    for member in generated.members(generation)
                ]
                if made:
                    yield self._score(unit, unit, fitted, name, made, generation)

    def _by_arm(self, unit: Unit, fitted: _Fitted) -> Iterator[ScoredPool]:
        """Yield a pool for each arm of each section, with as many of both sides as the real one."""
        for place in by_unit((c for c in self._split.evaluation if covers(unit, c)), "section"):
            real = self._real(place)
            labels = [member.row.label for member in real]
            like = labels.count("normal"), labels.count("anomaly")
            yield self._score(unit, place, fitted, REAL, real)
            for generation in self._generations:
                for name, (negative, positive) in self._arms(place, real, generation).items():
                    if negative and positive and all(like):
                        for fold, members in enumerate(folds(negative, positive, like)):
                            yield self._score(unit, place, fitted, name, members, generation, fold)

    def _arms(
        self, place: Unit, real: Sequence[Member], generation: int
    ) -> dict[str, tuple[list[Member], list[Member]]]:
        """Return both sides of each arm but the real one, by the name of their pool."""
        arms = {}
        suite = self._layout.suite
        for pairing in (*pairings(suite), *sweep_pairings(suite)):
            for name, origins in arm_origins(pairing).items():
                if name == "real":
                    continue
                arms[pool_name(*origins)] = (
                    self._side(place, real, origins[0], "normal", generation),
                    self._side(place, real, origins[1], "anomaly", generation),
                )
        return arms

    def _side(
        self, place: Unit, real: Sequence[Member], origin: str, label: Label, generation: int
    ) -> list[Member]:
        if origin == REAL:
            return [member for member in real if member.row.label == label]
        machine, section = place
        found = self._generated.get((origin, machine, section))
        return found.members(generation) if found else []

    def _real(self, unit: Unit) -> list[Member]:
        clips = [c for c in self._split.evaluation if covers(unit, c)]
        return [
            Member(
                self._layout.sources.ref(c),
                PoolRow(c.id, c.condition, c.label, REAL, recording=c.recording),
            )
            for c in clips
        ]

    def _score(
        self,
        unit: Unit,
        place: Unit,
        fitted: _Fitted,
        name: str,
        members: Sequence[Member],
        generation: int = 0,
        fold: int = 0,
    ) -> ScoredPool:
        layout, plugin = self._layout, fitted.plugin
        info: DetectorInfo = plugin.cls.info
        if name == REAL or info.transductive:
            # Sorted names put anomalies before normals: a detector could read the label there.
            members = sorted(members, key=lambda m: self._rank(m.row.clip))
        refs = tuple(member.ref for member in members)
        seed = layout.seed("score", info.id, fitted.repeat, *unit)
        facts = [[ref.digest, str(ref.condition)] for ref in refs]
        inputs = {
            **identity(plugin),
            "fitted": fitted.entry.key,
            "clips": digest(facts),
            "seed": seed,
            "needs": sorted(info.needs),
        }
        entry = Entry("scores", entry_key("scores", inputs))
        title = f"score {plugin.id} {'/'.join(place) or 'suite'} {name}"
        title += f" repeat {generation}" if generation else ""
        title += f" #{fold}" if fold else ""
        sources = dict.fromkeys(ref.source for ref in refs if ref.source is not None)
        clips = [self._clips[m.row.clip] for m in members if m.row.origin == REAL]
        needs = (fitted.entry, *_entries(fitted.parts), *sources, *layout.sources.needs(clips))
        layout.add(
            ScoreClips(
                entry,
                title,
                needs,
                layout.audio,
                plugin.use,
                fitted.entry,
                refs,
                seed,
                fitted.parts,
            )
        )
        rows = tuple(member.row for member in members)
        return ScoredPool(plugin.id, fitted.repeat, name, generation, fold, place, entry, rows)


def _scope(plugin: LoadedPlugin) -> Scope:
    cls: type[Detector] = plugin.cls
    return cls.scope(plugin.params)


def _entries(parts: Sequence[FittedPart]) -> list[Entry]:
    """Return the fits of ``parts`` and of their own parts."""
    return [
        entry for part in parts for entry in (Entry("detector", part.key), *_entries(part.parts))
    ]
