"""The kinds of work, each from a self-contained, picklable description to a store entry.

dataset part -> generator fit -> generated or coded clips -> detector fit -> scores. A task
knows its key before it runs; running it twice, or in another process, writes the same bytes.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from asdbench.api import (
    Condition,
    Context,
    Dataset,
    Detector,
    Domain,
    Generator,
    Label,
    Request,
    SupportsRoundtrip,
)
from asdbench.audio import AudioFormat, probe, read_audio, write_wav
from asdbench.clips import ClipPool
from asdbench.engine.checked import checked_scores
from asdbench.engine.lending import FittedPart, lend
from asdbench.engine.making import MadeClip, make_clips, roundtrip_clips
from asdbench.engine.store import Store, entry_key
from asdbench.engine.workload import work_notes
from asdbench.errors import AsdbenchError, PluginError
from asdbench.registry import Use, code_digest

if TYPE_CHECKING:
    from asdbench.features import Frames, LogMelSpec

Kind = Literal["dataset", "generator", "clips", "quality", "detector", "scores", "audit"]
Progress = Callable[[int, int, str], None]


@dataclass(frozen=True)
class Entry:
    """Address of a store entry."""

    kind: Kind
    key: str


@dataclass(frozen=True)
class ClipRef:
    """A clip that a task reads: a file, or clip number ``index`` of a ``clips`` entry."""

    digest: str
    condition: Condition
    label: Label | None
    path: Path | None = None
    source: Entry | None = None
    index: int = 0


@dataclass(frozen=True)
class Task:
    """One store entry to make. ``needs`` must exist before."""

    entry: Entry
    title: str
    """For people, e.g. ``fit ae fan``."""
    needs: tuple[Entry, ...]
    audio: AudioFormat


@dataclass(frozen=True)
class BuildDataset(Task):
    """Build one part of a data set that makes its own audio."""

    use: Use
    part: str
    seed: int


@dataclass(frozen=True)
class FitGenerator(Task):
    """Fit a generator on the clips that the split lends it."""

    use: Use
    train: tuple[ClipRef, ...]
    seed: int


@dataclass(frozen=True)
class MakeClips(Task):
    """Have a fitted generator make one clip for each of ``real``, like it or from it."""

    use: Use
    fitted: Entry
    grid: str
    label: Label
    real: tuple[ClipRef, ...]
    """Real clips of the evaluation, which lend their conditions and lengths."""
    seeds: tuple[int, ...]


@dataclass(frozen=True)
class GenerateClips(MakeClips):
    """Make new clips of the conditions of ``real``."""

    train: tuple[ClipRef, ...]


@dataclass(frozen=True)
class SweepClips(GenerateClips):
    """Make clips of conditions that need not occur; the generator may refuse them.

    ``real`` has conditions but no audio.
    """

    like: tuple[ClipRef, ...]
    """Real clips, whose most common length is taken."""


@dataclass(frozen=True)
class RoundtripClips(MakeClips):
    """Pass ``real`` through the generator's codec and back."""


@dataclass(frozen=True)
class MeasureQuality(Task):
    """Compare the clips that a grid made with real ones of their machine and label."""

    machine: str
    label: Label
    real: tuple[ClipRef, ...]
    made: tuple[ClipRef, ...]
    train: tuple[ClipRef, ...]
    """What the generator learned from; empty where copies need not be sought."""
    seed: int


@dataclass(frozen=True)
class FitDetector(Task):
    """Fit a detector on normal clips."""

    use: Use
    train: tuple[ClipRef, ...]
    seed: int
    parts: tuple[FittedPart, ...] = ()


@dataclass(frozen=True)
class ScoreClips(Task):
    """Score a pool of clips with a fitted detector."""

    use: Use
    fitted: Entry
    clips: tuple[ClipRef, ...]
    seed: int
    parts: tuple[FittedPart, ...] = ()


class AuditTask(Task):
    """A task that writes its entry itself (:mod:`asdbench.engine.audit_tasks`)."""

    def write(self, store: Store, folder: Path, context: Context) -> None:
        """Write the entry into ``folder``."""
        raise NotImplementedError


def execute(task: Task, store: Store, device: str, progress: Progress) -> None:
    """Make ``task.entry`` unless it exists.

    Raises
    ------
    AsdbenchError
        When the work cannot be done; anything else is a defect of a plug-in or of ours.
    """
    makers: dict[type[Task], Callable[[Any, Store, Path, Context], None]] = {
        BuildDataset: _build_dataset,
        FitGenerator: _fit_generator,
        GenerateClips: _generate,
        SweepClips: _sweep,
        RoundtripClips: _roundtrip,
        MeasureQuality: _measure_quality,
        FitDetector: _fit_detector,
        ScoreClips: _score,
    }

    info: dict[str, Any] = {"title": task.title}

    def make(folder: Path) -> None:
        started = time.monotonic()
        scratch = folder.with_name(folder.name + ".scratch")
        scratch.mkdir(exist_ok=True)
        try:
            context = Context(getattr(task, "seed", 0), scratch, device, progress)
            work = task.write if isinstance(task, AuditTask) else partial(makers[type(task)], task)
            work(store, folder, context)
        finally:
            _remove(scratch)
        info["work"] = work_notes(task, time.monotonic() - started, device)

    store.ensure(task.entry.kind, task.entry.key, make, info=info)


def _remove(folder: Path) -> None:
    import shutil

    shutil.rmtree(folder, ignore_errors=True)


def _build_dataset(task: BuildDataset, store: Store, folder: Path, context: Context) -> None:
    cls, params = task.use.load()
    dataset: Dataset = cls(params)
    dataset.build(task.part, folder, context)


def _fit_generator(task: FitGenerator, store: Store, folder: Path, context: Context) -> None:
    cls, params = task.use.load()
    generator: Generator = cls(params)
    generator.fit(pool(task.train, task.audio, store, labelled=True), context)
    generator.save(folder)


def _generate(task: GenerateClips, store: Store, folder: Path, context: Context) -> None:
    requests = _requests(task)
    _make(task, _fitted(task, store, context), requests, store, folder, context)


def _fitted(task: MakeClips, store: Store, context: Context) -> Any:
    plugin, params = task.use.load()
    return plugin.load(store.path("generator", task.fitted.key), params, context)


def _make(
    task: GenerateClips,
    generator: Generator,
    requests: Sequence[Request],
    store: Store,
    folder: Path,
    context: Context,
) -> None:
    train = pool(task.train, task.audio, store, labelled=True)
    made = make_clips(generator, requests, train, task.audio.sample_rate, context)
    _write_clips(made, requests, folder, task.audio.sample_rate)


def _sweep(task: SweepClips, store: Store, folder: Path, context: Context) -> None:
    lengths = Counter(_samples(ref, task.audio) for ref in task.like)
    samples = min(lengths, key=lambda length: (-lengths[length], length))
    requests = [
        Request(ref.condition, task.label, seed, samples)
        for ref, seed in zip(task.real, task.seeds, strict=True)
    ]
    generator: Generator = _fitted(task, store, context)
    reason = next(filter(None, map(generator.refuses, requests)), None)
    if reason is None:
        _make(task, generator, requests, store, folder, context)
    else:
        (folder / _REFUSED).write_text(json.dumps(reason) + "\n", encoding="utf-8")


_REFUSED = "refused.json"


def refusal(entry: Entry, store: Store) -> str | None:
    """Return why the generator refused the condition of a sweep's ``entry``, or None."""
    path = store.path(entry.kind, entry.key) / _REFUSED
    return str(json.loads(path.read_text(encoding="utf-8"))) if path.exists() else None


def _roundtrip(task: RoundtripClips, store: Store, folder: Path, context: Context) -> None:
    codec: SupportsRoundtrip = _fitted(task, store, context)
    requests = _requests(task)
    clips = pool(task.real, task.audio, store, hide="domain")
    rate = task.audio.sample_rate
    made = roundtrip_clips(codec, clips, requests, rate, task.use.load()[0].info.id, context)
    _write_clips(made, requests, folder, rate)


def _requests(task: MakeClips) -> list[Request]:
    return [
        Request(ref.condition, task.label, seed, _samples(ref, task.audio))
        for ref, seed in zip(task.real, task.seeds, strict=True)
    ]


def _write_clips(
    made: Iterable[MadeClip], requests: Sequence[Request], folder: Path, sample_rate: int
) -> None:
    rows = []
    for index, (request, clip) in enumerate(zip(requests, made, strict=True)):
        write_wav(folder / clip_name(index), clip.audio, sample_rate)
        condition, label = str(request.condition), request.label
        row = {"condition": condition, "label": label, "seed": request.seed, "notes": clip.notes}
        rows.append(row)
    (folder / "clips.json").write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


def clip_name(index: int) -> str:
    """Return the file name of clip ``index`` of a ``clips`` entry."""
    return f"{index:06d}.wav"


def _samples(reference: ClipRef, audio: AudioFormat) -> int:
    assert reference.path is not None
    info = probe(reference.path)
    return round(info.samples * audio.sample_rate / info.sample_rate)


def _measure_quality(task: MeasureQuality, store: Store, folder: Path, context: Context) -> None:
    from asdbench.engine.quality import measure  # it reads the clips with the functions below

    measure(task, store, folder, context)


def _fit_detector(task: FitDetector, store: Store, folder: Path, context: Context) -> None:
    cls, params = task.use.load()
    detector: Detector = cls(params)
    context = lend(task.parts, store, context)
    detector.fit(pool(task.train, task.audio, store), context)
    detector.save(folder)


def _score(task: ScoreClips, store: Store, folder: Path, context: Context) -> None:
    plugin, params = task.use.load()
    context = lend(task.parts, store, context)
    detector: Detector = plugin.load(store.path("detector", task.fitted.key), params, context)
    hidden = None if "test_domain" in plugin.info.needs else "domain"
    sources = {ref.source for ref in task.clips if ref.source is not None}
    refused = {entry for entry in sources if refusal(entry, store) is not None}
    there = np.array([ref.source not in refused for ref in task.clips], dtype=bool)
    if refused:
        np.save(folder / "there.npy", there, allow_pickle=False)
    refs = [ref for ref in task.clips if ref.source not in refused]
    scores = np.empty(0)
    if refs:
        clips = pool(refs, task.audio, store, hide=hidden)
        scores = checked_scores(detector.score(clips, context), len(clips), plugin.info.id)
    np.save(folder / "scores.npy", scores, allow_pickle=False)
    decisions = detector.decide(scores) if refs else None
    if decisions is not None:
        decided = np.asarray(decisions)
        if decided.shape != scores.shape or decided.dtype != np.bool_:
            raise PluginError(
                f"'{plugin.info.id}' decided {decided.dtype} {decided.shape}, not bool "
                f"({len(scores)},)",
                "decide() must return one bool for every score, or None.",
            )
        np.save(folder / "decisions.npy", decided, allow_pickle=False)


def pool(
    refs: Sequence[ClipRef],
    audio_format: AudioFormat,
    store: Store,
    *,
    labelled: bool = False,
    hide: str | None = None,
) -> ClipPool:
    """Return the clips as plug-ins may see them; their features go through the store."""
    paths = [_path(ref, store) for ref in refs]
    conditions = [ref.condition for ref in refs]
    if hide == "domain":
        unknown: Domain | None = None
        conditions = [replace(c, domain=unknown) for c in conditions]

    def read(index: int) -> Any:
        # Generated clips have one channel, whichever one the recordings are read from.
        form = audio_format if refs[index].source is None else replace(audio_format, channel=0)
        return read_audio(paths[index], form)

    def features(spec: LogMelSpec) -> Frames:
        from asdbench.features import Frames, log_mel

        key = features_key(refs, audio_format, spec)

        def make(folder: Path) -> None:
            audio = (read(i) for i in range(len(paths)))
            log_mel(audio, audio_format.sample_rate, spec).save(folder)

        return Frames.load(store.ensure("features", key, make))

    labels: list[Label] = [ref.label or "normal" for ref in refs] if labelled else []
    return ClipPool(conditions, audio_format.sample_rate, read, labels, features)


def features_key(refs: Sequence[ClipRef], audio_format: AudioFormat, spec: LogMelSpec) -> str:
    """Return the key of the log-mel frames of ``refs``, in that order."""
    from asdbench.features import Frames

    return entry_key(
        "features",
        {
            "spec": asdict(spec),
            "audio": asdict(audio_format),
            "clips": [ref.digest for ref in refs],
            "code": code_digest(Frames),
        },
    )


def _path(ref: ClipRef, store: Store) -> Path:
    if ref.path is not None:
        return ref.path
    if ref.source is None:
        raise AsdbenchError(f"clip {ref.digest} has neither a file nor an entry")
    return store.path(ref.source.kind, ref.source.key) / clip_name(ref.index)
