"""Fit a generator for anybody's own use: on clips, or without any where it comes trained."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from asdbench.api import Audio, Clip, Context, Generator, GeneratorInfo, Request, Scope
from asdbench.audio import AudioFormat
from asdbench.clips import ClipPool
from asdbench.engine.made import MadeRow
from asdbench.engine.material import Material, WorkObserver, census, run_all
from asdbench.engine.seeds import derive_seed
from asdbench.engine.sources import identity
from asdbench.engine.store import Store, digest, entry_key
from asdbench.engine.tasks import Entry, FitGenerator
from asdbench.engine.units import Unit, by_unit
from asdbench.errors import DataError, PluginError, WeightsError
from asdbench.suite import LoadedPlugin

NO_CLIPS = "Give it clips to learn from: --suite SUITE, or --data DATASET."
Fitted = tuple[Generator, ClipPool]
"""A fitted generator, and the clips that it was fitted on."""


def group_requests(
    rows: Sequence[tuple[MadeRow, Request]], scope: Scope
) -> dict[Unit, list[tuple[MadeRow, Request]]]:
    """Return the rows that one fit of ``scope`` serves, by its unit."""
    width = {"suite": 0, "machine": 1, "section": 2}[scope]
    units: dict[Unit, list[tuple[MadeRow, Request]]] = defaultdict(list)
    for row, request in rows:
        place = (request.condition.machine, request.condition.section)
        units[place[:width]].append((row, request))
    return dict(units)


@dataclass(frozen=True)
class Fitter:
    """What a generator is fitted with."""

    plugin: LoadedPlugin
    material: Material | None
    """None for a generator that comes trained."""
    audio: AudioFormat
    seed: int

    def fit(
        self, units: Sequence[Unit], store: Store, context: Context, observer: WorkObserver
    ) -> dict[Unit, Fitted]:
        """Return a generator for every unit; fits on clips are kept in the store.

        Raises
        ------
        AsdbenchError
            When there are no clips of a unit, or the generator cannot do without clips.
        """
        if not units:
            return {}
        if self.material is None:
            return dict.fromkeys(units, self._without_clips(context))
        return self._on_clips(self.material, units, store, context, observer)

    def _without_clips(self, context: Context) -> Fitted:
        no_audio: list[Audio] = []
        nothing = ClipPool.from_arrays(no_audio, self.audio.sample_rate, [])
        generator: Generator = self.plugin.cls(self.plugin.params)
        try:
            generator.fit(nothing, context)
        except WeightsError:
            raise  # no clips would help
        except Exception as error:  # a plug-in that needs clips may fail in any way
            raise PluginError(
                f"'{self.plugin.cls.info.id}' cannot be used without clips to learn from: "
                f"{type(error).__name__}: {error}",
                NO_CLIPS,
            ) from error
        return generator, nothing

    def _on_clips(
        self,
        material: Material,
        units: Sequence[Unit],
        store: Store,
        context: Context,
        observer: WorkObserver,
    ) -> dict[Unit, Fitted]:
        info: GeneratorInfo = self.plugin.cls.info
        lent = by_unit(material.clips, info.scope)
        absent = sorted("/".join(unit) for unit in units if unit not in lent)
        if absent:
            known = ", ".join("/".join(unit) for unit in lent)
            raise DataError(
                f"there are no clips of {', '.join(absent)} to learn from", f"There are: {known}."
            )
        needed = [clip for unit in units for clip in lent[unit]]
        observer.say(f"learning from {census(needed)}")
        material.build(needed, observer)
        tasks = {unit: self._task(material, unit, lent[unit]) for unit in units}
        run_all(list(tasks.values()), store, context.device, observer)
        fitted: dict[Unit, Fitted] = {}
        for unit, task in tasks.items():
            cls, params = task.use.load()
            folder = store.path("generator", task.entry.key)
            fitted[unit] = cls.load(folder, params, context), material.pool(lent[unit])
        return fitted

    def _task(self, material: Material, unit: Unit, clips: Sequence[Clip]) -> FitGenerator:
        plugin, info = self.plugin, self.plugin.cls.info
        seed = derive_seed(self.seed, "generator", info.id, *unit)
        facts = [[material.sources.digest(c), str(c.condition), c.label] for c in clips]
        audio = asdict(material.audio)
        inputs = {**identity(plugin), "train": digest(facts), "audio": audio, "seed": seed}
        entry = Entry("generator", entry_key("generator", inputs))
        title = f"fit {info.id} {'/'.join(unit)}".rstrip()
        refs = tuple(material.sources.ref(c) for c in clips)
        return FitGenerator(entry, title, (), material.audio, plugin.use, refs, seed)
