"""The kinds of work, each from a self-contained, picklable description to a store entry.

dataset part -> generator fit -> generated or coded clips -> detector fit -> scores. A task
knows its key before it runs; running it twice, or in another process, writes the same bytes.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from asdbench.api import (
    Condition,
    Context,
    Domain,
    Label,
)
from asdbench.audio import AudioFormat, read_audio
from asdbench.clips import ClipPool
from asdbench.engine.lending import FittedPart
from asdbench.engine.store import Store, entry_key
from asdbench.errors import AsdbenchError
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


class AuditTask(Task, ABC):
    """A task that writes its entry itself (:mod:`asdbench.engine.audit_tasks`)."""

    @abstractmethod
    def write(self, store: Store, folder: Path, context: Context) -> None:
        """Write the entry into ``folder``."""


REFUSED = "refused.json"
"""Where a sweep's entry says why the generator refused its condition."""


def refusal(entry: Entry, store: Store) -> str | None:
    """Return why the generator refused the condition of a sweep's ``entry``, or None."""
    path = store.path(entry.kind, entry.key) / REFUSED
    return str(json.loads(path.read_text(encoding="utf-8"))) if path.exists() else None


def clip_name(index: int) -> str:
    """Return the file name of clip ``index`` of a ``clips`` entry."""
    return f"{index:06d}.wav"


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
