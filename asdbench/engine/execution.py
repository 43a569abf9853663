"""What each kind of task does, when a worker gets to it."""

from __future__ import annotations

import json
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from asdbench.api import Context, Dataset, Detector, Generator, Request, SupportsRoundtrip
from asdbench.audio import AudioFormat, probe, write_wav
from asdbench.engine.checked import checked_scores
from asdbench.engine.lending import lend
from asdbench.engine.making import MadeClip, make_clips, roundtrip_clips
from asdbench.engine.quality import measure
from asdbench.engine.store import Store
from asdbench.engine.tasks import (
    REFUSED,
    AuditTask,
    BuildDataset,
    ClipRef,
    FitDetector,
    FitGenerator,
    GenerateClips,
    MakeClips,
    MeasureQuality,
    Progress,
    RoundtripClips,
    ScoreClips,
    SweepClips,
    Task,
    clip_name,
    pool,
    refusal,
)
from asdbench.engine.workload import work_notes
from asdbench.errors import PluginError


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
        MeasureQuality: measure,
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
            shutil.rmtree(scratch, ignore_errors=True)
        info["work"] = work_notes(task, time.monotonic() - started, device)

    store.ensure(task.entry.kind, task.entry.key, make, info=info)


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
        (folder / REFUSED).write_text(json.dumps(reason) + "\n", encoding="utf-8")


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


def _samples(reference: ClipRef, audio: AudioFormat) -> int:
    assert reference.path is not None
    info = probe(reference.path)
    return round(info.samples * audio.sample_rate / info.sample_rate)


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
