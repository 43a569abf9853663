"""Clips that a plug-in may learn from: what a suite lends to generators, or a whole data set."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from asdbench.api import Clip, no_progress
from asdbench.audio import AudioFormat
from asdbench.clips import ClipPool
from asdbench.engine.inventory import FileRecord, read_inventory
from asdbench.engine.local import Observer, default_workers, run_tasks
from asdbench.engine.plan import list_clips, select_clips
from asdbench.engine.portable import placeless
from asdbench.engine.sources import Sources
from asdbench.engine.split import split_clips
from asdbench.engine.store import Store, default_store
from asdbench.engine.tasks import Task, pool
from asdbench.errors import AsdbenchError, DataError
from asdbench.suite import LoadedPlugin, LoadedSuite, load_suite
from asdbench.suite.arguments import load_dataset


class WorkObserver(Observer, Protocol):
    """Who wants to know how training or generating goes on."""

    def reading(self, done: int, total: int, what: str) -> None:
        """Note that ``done`` of ``total`` data files were read."""

    def expecting(self, tasks: int) -> None:
        """Note how many tasks come first."""

    def say(self, line: str) -> None:
        """Note what is worth a line."""

    def working(self, done: int, total: int, what: str) -> None:
        """Note that the plug-in did ``done`` of ``total`` ``what``."""


@dataclass(frozen=True)
class Material:
    """Labelled clips to learn from, sorted by id, and how to read them."""

    clips: tuple[Clip, ...]
    records: Mapping[str, FileRecord]
    audio: AudioFormat
    sources: Sources
    store: Store
    facts: Mapping[str, Any]
    """Where they come from, as JSON values; no folder of this machine."""
    unlabelled: int = 0
    """Clips that were left out because nothing says what they are."""

    def build(self, clips: Sequence[Clip], observer: WorkObserver) -> None:
        """Build the parts of the data set that ``clips`` lie in, where the store lacks them."""
        run_all([*self.sources.tasks(clips)], self.store, "cpu", observer)

    def pool(self, clips: Sequence[Clip]) -> ClipPool:
        """Return ``clips`` as a plug-in may see them, with labels; :meth:`build` them first."""
        refs = [self.sources.ref(clip) for clip in clips]
        return pool(refs, self.audio, self.store, labelled=True)

    def describe(self, clip: Clip) -> dict[str, Any]:
        """Return what a manifest says of a clip."""
        return {
            "id": clip.id,
            "digest": self.records[clip.id].digest,
            "condition": str(clip.condition),
            "label": clip.label,
        }


def find_material(
    *,
    suite: str | None,
    data: str | None,
    settings: Sequence[str] = (),
    machines: Sequence[str] | None = None,
    sections: Sequence[str] | None = None,
    sample_rate: int | None = None,
    store: Path | None = None,
    observer: WorkObserver,
) -> Material:
    """Return what a suite lends to generators, or the clips of a data set.

    Parameters
    ----------
    suite, data
        A suite's file or name, or the name of a data set plug-in: one of the two.
    settings
        ``name=value`` for the parameters of the data set.
    machines, sections
        Which to take; all by default.
    sample_rate
        At which the data set is read, Hz; a suite has its own.
    store
        Where built data is kept; default ``ASDBENCH_STORE`` or the user's cache.

    Raises
    ------
    AsdbenchError
        When the suite, the data set or its clips are wrong.
    """
    if (suite is None) == (data is None):
        raise AsdbenchError(
            "clips to learn from must come from one of --suite and --data",
            "For example: --suite quickstart, or --data simulated --data-set seed=101.",
        )
    keep = Store((store or default_store()).absolute())
    keep.prepare()
    if suite is not None:
        if settings:
            raise AsdbenchError(
                "--data-set belongs to --data", "A suite says itself which clips there are."
            )
        only = [f"machine={name}" for name in machines or ()]
        only += [f"section={name}" for name in sections or ()]
        loaded = load_suite(suite, (), only)
        rate = loaded.suite.audio.sample_rate
        if sample_rate not in (None, rate):
            raise AsdbenchError(
                f"{suite} reads its clips at {rate} Hz, not at {sample_rate} Hz",
                "Leave --sample-rate out.",
            )
        return lent_by_suite(loaded, keep, observer.reading)
    assert data is not None
    plugin = load_dataset(data, settings, machines, sections)
    audio = AudioFormat() if sample_rate is None else AudioFormat(sample_rate)
    return all_of_dataset(plugin, audio, keep, machines, sections, observer.reading)


def lent_by_suite(
    loaded: LoadedSuite, store: Store, progress: Callable[[int, int, str], None] = no_progress
) -> Material:
    """Return the clips that the split of a suite lends to generators, and no others.

    Raises
    ------
    DataError
        When data is missing or bad, or the suite lends nothing.
    """
    suite = loaded.suite
    if not suite.generators:
        raise DataError(
            f"{loaded.name_for_people} has no generators, so its split lends them no clips: all "
            "anomalies are for evaluation",
            "Name a suite with generators, or a data set: --data.",
        )
    if suite.split.folds is not None:
        raise DataError(
            f"{loaded.name_for_people} fits its generators crosswise (split: folds), so it lends "
            "them every clip that it evaluates",
            "Set a share instead (split: {generator_train: 0.5}), or name a data set: --data.",
        )
    audio = AudioFormat(**suite.audio.model_dump())
    listed = list_clips(loaded)
    records, bad = read_inventory(listed, audio, store, suite.on_bad_clip, progress)
    usable = [c for c in listed if c.id not in bad]
    clips = split_clips(usable, suite.split, generators=True).generator_train
    facts = {
        "suite": suite.name,
        "version": suite.version,
        "digest": loaded.digest,
        "split": suite.split.model_dump(mode="json"),
        "dataset": placeless(suite.dataset.model_dump(mode="json")),
    }
    if not clips:
        raise DataError(
            f"{loaded.name_for_people} lends no clips to generators",
            "Raise `split: {generator_train:, generator_normals:}`, or name a data set: --data.",
        )
    sources = Sources(loaded.dataset, store, audio, records)
    return Material(clips, records, audio, sources, store, facts)


def all_of_dataset(
    plugin: LoadedPlugin,
    audio: AudioFormat,
    store: Store,
    machines: Sequence[str] | None = None,
    sections: Sequence[str] | None = None,
    progress: Callable[[int, int, str], None] = no_progress,
) -> Material:
    """Return every labelled clip of a data set, whichever split it is in.

    Raises
    ------
    DataError
        When data is missing or bad, or nothing is labelled.
    """
    listed = select_clips(plugin, machines, sections, f"--data {plugin.cls.info.id}")
    clips = [c for c in listed if c.label is not None]
    if not clips:
        raise DataError(
            f"none of the {len(listed)} clips of '{plugin.cls.info.id}' has a label",
            "Learning needs to know which clips are normal: give the ground truth, or other data.",
        )
    records, _ = read_inventory(clips, audio, store, "error", progress)
    facts = {
        "dataset": plugin.cls.info.id,
        "version": plugin.cls.info.version,
        "params": placeless(plugin.stated),
        "machines": None if machines is None else list(machines),
        "sections": None if sections is None else list(sections),
    }
    sources = Sources(plugin, store, audio, records)
    left_out = len(listed) - len(clips)
    return Material(tuple(clips), records, audio, sources, store, facts, left_out)


def run_all(tasks: Sequence[Task], store: Store, device: str, observer: WorkObserver) -> None:
    """Run the tasks whose entries the store lacks.

    Raises
    ------
    AsdbenchError
        When one fails, with all that went wrong.
    """
    missing = [t for t in tasks if not store.has(t.entry.kind, t.entry.key)]
    if not missing:
        return
    observer.expecting(len(missing))
    failures = run_tasks(
        missing, store, workers=default_workers(), device=device, observer=observer
    )
    causes = [f for f in failures.values() if f.error != "upstream"]
    if causes:
        lines = dict.fromkeys(f"{f.title}: {f.error}: {f.message}" for f in causes)
        raise AsdbenchError("\n".join(lines), "The same command tries again.")


def census(clips: Sequence[Clip]) -> str:
    """Return how many clips there are, in words."""
    labels = Counter(clip.label for clip in clips)
    return f"{len(clips)} clips ({labels['normal']} normal, {labels['anomaly']} anomalous)"
