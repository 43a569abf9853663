"""The work behind the audits: describe clips, ask for manifests, learn attributes from real clips.

What is compared with what, and what follows from it, is computed when the report is made
(:mod:`asdbench.engine.audits`).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from asdbench.api import (
    Condition,
    Context,
    Label,
    SupportsTrainingManifest,
    TrainingClip,
    TrainingManifest,
    audio_digest,
)
from asdbench.audit.classifiers import Classifiers, fit_classifiers
from asdbench.conditions import format_condition, parse_condition
from asdbench.embeddings.logmel_stats import SPEC, LogMelStats
from asdbench.engine.store import Store
from asdbench.engine.tasks import AuditTask, ClipRef, Entry, features_key, pool
from asdbench.registry import Use

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class DescribeClips(AuditTask):
    """Note the vector of each clip, and what identifies its samples.

    ``parts`` are lists of clips as detectors are given them: their frames may be in the store.
    """

    parts: tuple[tuple[ClipRef, ...], ...]

    def write(self, store: Store, folder: Path, context: Context) -> None:
        """Write ``vectors.npy``, float64 (n, 96), and ``digests.json``."""
        embedding = LogMelStats(LogMelStats.info.params())
        vectors, digests = [], []
        for refs in self.parts:
            if not refs:
                continue
            clips = pool(refs, self.audio, store)
            if not store.has("features", features_key(refs, self.audio, SPEC)):
                clips = replace(clips, cached_features=None)  # nobody else asked for them
            vectors.append(embedding.embed(clips, context).clip_means())
            digests += [audio_digest(clips.audio(i)) for i in range(len(clips))]
        np.save(folder / "vectors.npy", np.concatenate(vectors), allow_pickle=False)
        (folder / "digests.json").write_text(json.dumps(digests) + "\n", encoding="utf-8")


@dataclass(frozen=True)
class Described:
    """What :class:`DescribeClips` wrote, in the order of its clips."""

    vectors: NDArray[np.float64]
    digests: Sequence[str]


def read_described(entry: Entry, store: Store) -> Described:
    """Return the vectors and digests of ``entry``."""
    folder = store.path(entry.kind, entry.key)
    digests = json.loads((folder / "digests.json").read_text(encoding="utf-8"))
    return Described(np.load(folder / "vectors.npy", allow_pickle=False), digests)


@dataclass(frozen=True)
class ReadManifest(AuditTask):
    """Ask a fitted generator what it learned from elsewhere."""

    use: Use
    fitted: Entry

    def write(self, store: Store, folder: Path, context: Context) -> None:
        """Write ``manifest.json``: the clips, or null where it does not know."""
        plugin, params = self.use.load()
        path = store.path(self.fitted.kind, self.fitted.key)
        generator: SupportsTrainingManifest = plugin.load(path, params, context)
        found = generator.training_manifest()
        content: dict[str, Any] = {"clips": None, "sample_rate": None}
        if found is not None:
            clips = [
                [c.digest, format_condition(c.condition) if c.condition else None, c.label]
                for c in found.clips
            ]
            content = {"clips": clips, "sample_rate": found.sample_rate}
        (folder / "manifest.json").write_text(json.dumps(content) + "\n", encoding="utf-8")


def read_manifest(entry: Entry, store: Store) -> TrainingManifest | None:
    """Return what :class:`ReadManifest` wrote."""
    path = store.path(entry.kind, entry.key) / "manifest.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    if content["clips"] is None:
        return None
    conditions: dict[str, Condition] = {}
    clips = []
    for digest, text, label in content["clips"]:
        if text is not None and text not in conditions:
            conditions[text] = parse_condition(text)
        clips.append(TrainingClip(digest, conditions.get(text), label))
    return TrainingManifest(clips, content["sample_rate"])


@dataclass(frozen=True)
class KnownClip:
    """What is known of a real clip from which attributes are learned."""

    condition: Condition
    label: Label
    recording: str


@dataclass(frozen=True)
class LearnAttributes(AuditTask):
    """Fit classifiers of every attribute of a machine on its real clips, section by section."""

    described: Entry
    clips: tuple[KnownClip, ...]
    """In the order of ``described``."""
    seed: int

    def write(self, store: Store, folder: Path, context: Context) -> None:
        """Write one ``.npz`` for each section and attribute that can be learned."""
        vectors = read_described(self.described, store).vectors
        for number, (section, name) in enumerate(sections_attributes(self.clips)):
            here = [i for i, c in enumerate(self.clips) if c.condition.section == section]
            found = fit_classifiers(
                vectors[here],
                [dict(self.clips[i].condition.attributes).get(name) for i in here],
                [self.clips[i].recording for i in here],
                self.seed,
            )
            if found is not None:
                own = replace(found, clips=np.array(here, dtype=np.int64)[found.clips])
                arrays: Any = own.arrays()
                np.savez(folder / f"{number}.npz", **arrays)


def sections_attributes(clips: Sequence[KnownClip]) -> list[tuple[str, str]]:
    """Return every (section, attribute) that a clip has, sorted."""
    return sorted(
        {(c.condition.section, name) for c in clips for name, _ in c.condition.attributes}
    )


def read_classifiers(
    entry: Entry, clips: Sequence[KnownClip], store: Store
) -> dict[tuple[str, str], Classifiers | None]:
    """Return the classifiers of each (section, attribute); None where it could not be learned."""
    folder = store.path(entry.kind, entry.key)
    found: dict[tuple[str, str], Classifiers | None] = {}
    for number, key in enumerate(sections_attributes(clips)):
        path = folder / f"{number}.npz"
        if not path.exists():
            found[key] = None
            continue
        with np.load(path, allow_pickle=False) as arrays:
            found[key] = Classifiers.of(dict(arrays))
    return found
