"""What the audits need of a run: which clips are described, and which generators are asked."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from asdbench.api import Clip, Condition, Label, SupportsTrainingManifest
from asdbench.embeddings.logmel_stats import LogMelStats
from asdbench.engine.audit_tasks import DescribeClips, KnownClip, LearnAttributes, ReadManifest
from asdbench.engine.pools import Generated
from asdbench.engine.seeds import shuffle_rank
from asdbench.engine.split import Split
from asdbench.engine.store import digest, entry_key
from asdbench.engine.tasks import ClipRef, Entry, FitGenerator
from asdbench.engine.units import by_unit, covers
from asdbench.registry import code_digest, source_digest

if TYPE_CHECKING:
    from asdbench.engine.layout import Layout


@dataclass(frozen=True)
class AuditedMachine:
    """The real clips of one machine."""

    machine: str
    described: Entry
    learned: Entry
    clips: tuple[Clip, ...]
    """In the order of ``described``; all but unlabelled ones."""
    known: tuple[KnownClip, ...]
    """The same, as attributes were learned from them."""


@dataclass(frozen=True)
class AuditedGrid:
    """The clips that one grid makes for one machine."""

    grid: str
    generator: str
    machine: str
    label: Label
    described: Entry
    conditions: tuple[Condition, ...]
    """What was asked for, in the order of ``described``."""


@dataclass(frozen=True)
class AuditedFit:
    """One fit of a generator."""

    generator: str
    train: tuple[Clip, ...]
    """What the suite gave it."""
    evaluation: tuple[Clip, ...]
    """What its clips are compared with."""
    manifest: Entry | None
    """None where it does not say what else it learned from."""


@dataclass(frozen=True)
class Audits:
    """Everything that is audited."""

    machines: tuple[AuditedMachine, ...] = ()
    grids: tuple[AuditedGrid, ...] = ()
    fits: tuple[AuditedFit, ...] = ()

    def entries(self) -> set[Entry]:
        """Return the entries that must be made."""
        found = {entry for m in self.machines for entry in (m.described, m.learned)}
        found |= {grid.described for grid in self.grids}
        return found | {fit.manifest for fit in self.fits if fit.manifest is not None}


def lay_out_audits(
    layout: Layout, split: Split, generated: Mapping[tuple[str, str, str], Generated]
) -> Audits:
    """Add the tasks of the audits to ``layout``; nothing where the suite generates nothing.

    Parameters
    ----------
    layout
        Of a suite whose other tasks are laid out.
    split
        Which clip serves which purpose.
    generated
        What each grid makes, by (grid, machine, section).
    """
    made: dict[tuple[str, str], list[Generated]] = defaultdict(list)
    for (grid, machine, _), clips in generated.items():
        if grid in layout.suite.matched_grids and layout.suite.grids[grid].make == "generate":
            made[grid, machine].append(clips)
    machines = dict.fromkeys(machine for _, machine, _ in generated)
    return Audits(
        tuple(_machine(layout, split, machine) for machine in machines),
        tuple(_grid(layout, *place, clips) for place, clips in made.items()),
        tuple(_fits(layout, split)),
    )


def _machine(layout: Layout, split: Split, machine: str) -> AuditedMachine:
    def of_machine(clips: Sequence[Clip]) -> list[Clip]:
        return [c for c in clips if c.machine == machine and c.label is not None]

    detectors = of_machine(split.detector_train)
    known_already = {clip.id for clip in (*detectors, *split.evaluation)}
    lent = [c for c in of_machine(split.generator_train) if c.id not in known_already]
    master = layout.suite.seeds.master  # the order in which detectors are given test clips
    test = sorted(of_machine(split.evaluation), key=lambda c: shuffle_rank(master, c.id))
    parts = (detectors, lent, test)
    clips = tuple(clip for part in parts for clip in part)
    described = _describe(
        layout,
        f"describe {machine}",
        [[layout.sources.ref(clip) for clip in part] for part in parts],
        layout.sources.needs(clips),
    )
    known = tuple(KnownClip(c.condition, c.label or "normal", c.recording or c.id) for c in clips)
    seed = layout.seed("attributes", machine)
    facts = [[str(k.condition), k.label, k.recording] for k in known]
    inputs = {"described": described.key, "clips": digest(facts), "seed": seed, **_identity()}
    learned = LearnAttributes(
        Entry("audit", entry_key("audit", inputs)),
        f"learn attributes {machine}",
        (described,),
        layout.audio,
        described,
        known,
        seed,
    )
    return AuditedMachine(machine, described, layout.add(learned), clips, known)


def _grid(layout: Layout, name: str, machine: str, generated: Sequence[Generated]) -> AuditedGrid:
    grid = layout.suite.grids[name]
    refs = [ref for clips in generated for ref in clips.refs()]
    needs = tuple(dict.fromkeys(entry for clips in generated for entry in clips.entries))
    described = _describe(layout, f"describe {name} {machine}", [refs], needs)
    conditions = tuple(ref.condition for ref in refs)
    return AuditedGrid(name, grid.generator, machine, grid.label, described, conditions)


def _describe(
    layout: Layout, title: str, parts: Sequence[Sequence[ClipRef]], needs: tuple[Entry, ...]
) -> Entry:
    facts = [[ref.digest for ref in part] for part in parts]
    inputs = {"clips": digest(facts), **layout.training(()), **_identity()}
    return layout.add(
        DescribeClips(
            Entry("audit", entry_key("audit", inputs)),
            title,
            needs,
            layout.audio,
            tuple(tuple(part) for part in parts),
        )
    )


def _fits(layout: Layout, split: Split) -> Iterator[AuditedFit]:
    fits = [task for task in layout.tasks.values() if isinstance(task, FitGenerator)]
    for plugin in layout.loaded.generators:
        fitted = [task for task in fits if task.use == plugin.use]
        for fold in split.folds:
            for unit, train in by_unit(fold.generator_train, plugin.cls.info.scope).items():
                refs = tuple(layout.sources.ref(clip) for clip in train)
                own = [task for task in fitted if task.train == refs]
                if not own:
                    continue  # no clip of it is asked for, so nobody learned from the rest
                manifest = None
                if issubclass(plugin.cls, SupportsTrainingManifest):
                    manifest = _ask(layout, own[0])
                evaluation = tuple(c for c in fold.evaluation if covers(unit, c))
                yield AuditedFit(plugin.id, tuple(train), evaluation, manifest)


def _ask(layout: Layout, fit: FitGenerator) -> Entry:
    entry = Entry("audit", entry_key("audit", {"manifest": fit.entry.key}))
    title = fit.title.replace("fit", "ask", 1)
    return layout.add(ReadManifest(entry, title, (fit.entry,), layout.audio, fit.use, fit.entry))


@cache
def _identity() -> dict[str, Any]:
    """Return what identifies the embedding and the classifiers in a key."""
    embedding = LogMelStats(LogMelStats.info.params())
    return {
        "embedding": embedding.digest(),
        "code": code_digest(LogMelStats),
        "classifiers": source_digest("asdbench.audit.classifiers"),
    }
