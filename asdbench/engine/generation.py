"""Clips for anybody's own use: what ``asdbench generate`` writes, and how it is resumed."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from asdbench import __version__
from asdbench.api import Context, Generator, GeneratorInfo, Request
from asdbench.audio import AudioFormat, probe, write_wav
from asdbench.clips import ClipPool
from asdbench.engine.fitting import NO_CLIPS, Fitter, group_requests
from asdbench.engine.folder import agrees, claimed, state
from asdbench.engine.made import MANIFEST, MadeRow, listing, read_made
from asdbench.engine.making import MadeClip, make_clips
from asdbench.engine.material import Material, WorkObserver
from asdbench.engine.run import choose_device
from asdbench.engine.seeds import derive_seed
from asdbench.engine.sources import identity
from asdbench.engine.store import Store, digest
from asdbench.engine.wanted import Wanted
from asdbench.errors import BadClipError, DataError, PluginError
from asdbench.suite import LoadedPlugin

REQUEST = "generation.json"
FORMAT = "asdbench/generation@1"


@dataclass(frozen=True)
class Generation:
    """What is to be generated, and by whom."""

    plugin: LoadedPlugin
    wanted: tuple[Wanted, ...]
    seed: int
    audio: AudioFormat
    material: Material | None
    """What the generator learns from; None for one that comes trained."""

    @classmethod
    def of(
        cls,
        plugin: LoadedPlugin,
        wanted: Sequence[Wanted],
        seed: int,
        sample_rate: int | None,
        material: Material | None,
    ) -> Self:
        """Return a generation at ``sample_rate`` Hz, or at that of the clips it learns from."""
        audio = AudioFormat() if sample_rate is None else AudioFormat(sample_rate)
        if material is not None:
            audio = material.audio
        return cls(plugin, tuple(wanted), seed, audio, material)

    @property
    def request(self) -> dict[str, Any]:
        """All that every clip depends on, beside its own row."""
        learned = None
        if self.material is not None:
            facts = [self.material.describe(clip) for clip in self.material.clips]
            learned = {"data": dict(self.material.facts), "clips": digest(facts)}
        return {
            "format": FORMAT,
            "asdbench": __version__,
            "generator": identity(self.plugin),
            "learned_from": learned,
            "seed": self.seed,
            "sample_rate": self.audio.sample_rate,
        }

    def rows(self) -> list[tuple[MadeRow, Request]]:
        """Return every clip to be made. Asking for more clips leaves the first ones as they are."""
        rows, count, places = [], Counter[str](), Counter[str]()
        for wanted in self.wanted:
            condition, label = wanted.condition, wanted.label
            for _ in range(wanted.count):
                named = f"{label} {condition}"
                seed = derive_seed(self.seed, "request", label, str(condition), count[named])
                count[named] += 1
                row = MadeRow.of(condition, label, seed, places)
                samples = round(wanted.seconds * self.audio.sample_rate)
                rows.append((row, Request(condition, label, seed, samples)))
        return rows


@dataclass(frozen=True)
class Made:
    """What came of it."""

    folder: Path
    written: int
    kept: int
    warnings: tuple[str, ...] = ()
    """What the generator warned of, and for how many of the clips written now."""

    @property
    def manifest(self) -> Path:
        """The CSV file that lists the clips."""
        return self.folder / MANIFEST


def run_generation(
    generation: Generation, folder: Path, *, store: Store, device: str, observer: WorkObserver
) -> Made:
    """Write the clips and their manifest; clips that an earlier call made are kept.

    Raises
    ------
    AsdbenchError
        When the folder holds something else, the generator refuses a condition, needs clips to
        learn from, or breaks its contract.
    """
    info: GeneratorInfo = generation.plugin.cls.info
    _check_labels(generation)
    store.prepare()
    device = choose_device(device)
    with claimed(folder, store), tempfile.TemporaryDirectory(prefix="asdbench-") as scratch:
        context = Context(generation.seed, Path(scratch), device)
        request, rows = generation.request, generation.rows()
        begun = agrees(folder, REQUEST, request)
        kept = _kept(folder, rows, generation.audio) if begun else {}
        todo = [(row, wanted) for row, wanted in rows if row.path not in kept]
        if begun:
            observer.say(f"resuming: {len(kept)} of {len(rows)} clips are there -> {folder}")
        else:
            observer.say(f"generating {len(rows)} clips with {info.id} -> {folder}")
        by_unit = group_requests(todo, info.scope)
        fitter = Fitter(generation.plugin, generation.material, generation.audio, generation.seed)
        fitted = fitter.fit(tuple(by_unit), store, context, observer)
        for unit, (generator, _) in fitted.items():
            _check_refusals(generator, by_unit[unit], generation)
        if not begun:
            state(folder, REQUEST, request)
        warned = Counter[str]()
        with listing(folder, [row.path for row, _ in rows], kept) as made:
            for unit, (generator, train) in fitted.items():
                for row, clip in _make(generator, by_unit[unit], train, generation, context):
                    target = folder / row.path
                    target.parent.mkdir(parents=True, exist_ok=True)
                    write_wav(target, clip.audio, generation.audio.sample_rate)
                    made.add(row.noting(clip.notes))
                    warned.update(text for name, text in clip.notes.items() if name == "warning")
                    observer.working(len(made.rows) - len(kept), len(todo), "clips")
    warnings = tuple(f"{text} ({count} clips)" for text, count in warned.items())
    return Made(folder, len(todo), len(kept), warnings)


def _make(
    generator: Generator,
    rows: Sequence[tuple[MadeRow, Request]],
    train: ClipPool,
    generation: Generation,
    context: Context,
) -> Iterator[tuple[MadeRow, MadeClip]]:
    requests = [request for _, request in rows]
    clips = make_clips(generator, requests, train, generation.audio.sample_rate, context)
    return zip((row for row, _ in rows), clips, strict=True)


def _check_labels(generation: Generation) -> None:
    info: GeneratorInfo = generation.plugin.cls.info
    for label in sorted({wanted.label for wanted in generation.wanted} - info.labels):
        raise PluginError(
            f"'{info.id}' cannot make label '{label}'",
            f"Allowed: {', '.join(sorted(info.labels)) or 'none'}.",
        )


def _check_refusals(
    generator: Generator, rows: Sequence[tuple[MadeRow, Request]], generation: Generation
) -> None:
    """Refuse everything at once, before any clip is made."""
    reasons: dict[str, None] = {}
    for _, request in rows:
        reason = generator.refuses(request)
        if reason is not None:
            reasons[f"'{generator.info.id}' refuses {request.condition}: {reason}"] = None
    if reasons:
        hint = "Ask for other conditions."
        if generation.material is None:
            hint += " Does the generator learn from clips? " + NO_CLIPS
        raise PluginError("\n".join(reasons), hint)


def _kept(
    folder: Path, rows: Sequence[tuple[MadeRow, Request]], audio: AudioFormat
) -> dict[str, MadeRow]:
    """Return the rows of earlier clips that are still asked for and whole.

    Raises
    ------
    DataError
        When the folder lists clips that nobody asks for now, or of another length.
    """
    asked = {row.path: (row, request.samples) for row, request in rows}
    there = read_made(folder)
    strangers = [row.path for row in there if row.path not in asked]
    if strangers:
        raise DataError(
            f"{folder / MANIFEST} lists {len(strangers)} clips that this command does not ask for, "
            f"e.g. {strangers[0]}",
            "Name another folder: --out FOLDER. More clips of the same conditions may be added.",
        )
    return {
        row.path: row
        for row in there
        if _whole(folder / row.path, audio.sample_rate, asked[row.path][1])
        and row.noting({}) == asked[row.path][0]
    }


def _whole(path: Path, sample_rate: int, samples: int) -> bool:
    """Return whether a clip is there and readable.

    Raises
    ------
    DataError
        When it was made with another length: it is not to be written over.
    """
    try:
        found = probe(path)
    except BadClipError:
        return False
    if found.samples != samples:
        raise DataError(
            f"{path} is there already and lasts {found.samples / found.sample_rate:g} s, not "
            f"{samples / sample_rate:g} s",
            "Ask for the same length (--seconds), or name another folder: --out FOLDER.",
        )
    return found.sample_rate == sample_rate
