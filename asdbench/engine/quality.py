"""How far the clips of a grid lie from real ones, and whether they are copies."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from asdbench.api import Context, Label
from asdbench.audio import AudioFormat
from asdbench.audit.memorization import Search, copies_p, least_p
from asdbench.engine.store import Store, digest, entry_key
from asdbench.engine.tasks import ClipRef, Entry, MeasureQuality, pool
from asdbench.metrics.quality import quality_table
from asdbench.metrics.quality_embeddings import DEFAULT, make_embeddings
from asdbench.metrics.quality_rows import LOG_MEL, Pool
from asdbench.metrics.rank import MetricError
from asdbench.registry import code_digest, source_digest
from asdbench.report.quality_schema import QualityRow


@dataclass(frozen=True)
class MeasuredGrid:
    """Where the quality of one grid's clips of one machine is found."""

    grid: str
    machine: str
    label: Label
    entry: Entry
    made: tuple[str, ...]
    """Names of the grid's clips."""
    train: tuple[str, ...]
    """Names of the clips that the generator learned from."""
    folds: tuple[MeasuredGrid, ...] = ()
    """The same by fold of a cross-fit, where copies of clips are sought in each fold apart."""

    @property
    def entries(self) -> tuple[Entry, ...]:
        """All entries that its row is read from."""
        return self.entry, *(fold.entry for fold in self.folds)


def quality_task(
    grid: str,
    machine: str,
    label: Label,
    real: Sequence[ClipRef],
    made: Sequence[ClipRef],
    train: Sequence[ClipRef],
    needs: tuple[Entry, ...],
    audio: AudioFormat,
    seed: int,
) -> MeasureQuality:
    """Return the task that compares the clips that ``grid`` made with real ones."""
    inputs = {
        part: digest([ref.digest for ref in refs])
        for part, refs in (("real", real), ("made", made), ("train", train))
    }
    key = entry_key("quality", {**inputs, "audio": asdict(audio), "seed": seed, **_identity()})
    return MeasureQuality(
        Entry("quality", key),
        f"compare {grid} {machine}",
        needs,
        audio,
        machine,
        label,
        tuple(real),
        tuple(made),
        tuple(train),
        seed,
    )


@cache
def _identity() -> dict[str, str]:
    """Return what identifies the metrics and the embedding in a key."""
    (embedding,) = make_embeddings([DEFAULT]).values()
    return {
        "metrics": source_digest("asdbench.metrics.quality"),
        "code": code_digest(type(embedding)),
        "embedding": embedding.digest(),
    }


def measure(task: MeasureQuality, store: Store, folder: Path, context: Context) -> None:
    """Write ``quality.json``: the rows of the table, or why there is none.

    Clips bear their number as name, so that equal clips share the entry whatever they are called.
    """

    def pools(refs: Sequence[ClipRef]) -> list[Pool]:
        if not refs:
            return []
        # Frames are used once: the store need not keep them.
        clips = replace(pool(refs, task.audio, store), cached_features=None)
        return [Pool(task.machine, task.label, clips, [str(i) for i in range(len(refs))])]

    try:
        table = quality_table(
            pools(task.real),
            pools(task.made),
            make_embeddings([DEFAULT]),
            context,
            pools(task.train),
        )
        content: dict[str, Any] = table.to_json()
    except MetricError as error:
        content = {"reason": error.message}
    text = json.dumps(content, indent=1, allow_nan=False)
    (folder / "quality.json").write_text(text + "\n", encoding="utf-8")


def read_quality(measured: MeasuredGrid, store: Store) -> QualityRow:
    """Return what was measured, with the clips' own names.

    Of a cross-fit, what is said of copies is the mean over its folds, weighted by their clips.
    """
    row = _read(measured, store)
    if not measured.folds:
        return row
    folds = [_read(fold, store) for fold in measured.folds]
    update: dict[str, Any] = {name: _mean(folds, name) for name in _COPIES}
    searches = [search for fold in measured.folds for search in _searches(_content(fold, store))]
    whole = len(searches) == len(folds)
    update["copied_p"] = copies_p(searches) if whole else None
    update["copied_p_least"] = least_p(searches) if whole else None
    update["train_clips"] = len({name for fold in measured.folds for name in fold.train})
    update["suspects"] = tuple(text for fold in folds for text in fold.suspects)
    reasons = [text for fold in folds for text in fold.notes if fold.copied_share is None]
    update["notes"] = (
        *row.notes,
        *dict.fromkeys(reasons),
        f"copies were sought in {len(folds)} folds, each among what its own fit learned from",
    )
    return row.model_copy(update=update)


_COPIES = (
    "copied_share",
    "copied_share_expected",
    "copied_share_embedding",
    "nearness",
    "nearness_real",
)


def _mean(folds: Sequence[QualityRow], name: str) -> float | None:
    """Return the mean over folds, by clips; None where a fold has none."""
    total = 0.0
    for fold in folds:
        value: float | None = getattr(fold, name)
        if value is None:
            return None
        total += value * fold.generated_clips
    return total / sum(fold.generated_clips for fold in folds)


def _content(measured: MeasuredGrid, store: Store) -> dict[str, Any]:
    path = store.path(measured.entry.kind, measured.entry.key) / "quality.json"
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def _searches(content: Mapping[str, Any]) -> list[Search]:
    """Return the search for copies by spectrogram; nothing where there was none."""
    return [
        Search(
            round(copies["share"] * copies["generated_clips"]),
            copies["generated_clips"],
            copies["baseline_clips"],
        )
        for copies in content.get("memorization", ())
        if copies["space"] == LOG_MEL
    ]


def _read(measured: MeasuredGrid, store: Store) -> QualityRow:
    content = _content(measured, store)
    row: dict[str, Any] = {
        "grid": measured.grid,
        "machine": measured.machine,
        "label": measured.label,
        "generated_clips": len(measured.made),
        "train_clips": len(measured.train),
    }
    if "reason" in content:
        return QualityRow(**row, notes=(content["reason"],))
    (distance,) = content["distances"]
    row |= {name: value for name, value in distance.items() if name in QualityRow.model_fields}
    row["notes"] = (*content["notes"], *distance["notes"])
    for copies in content["memorization"]:
        row["notes"] += tuple(copies["notes"])
        if copies["space"] == LOG_MEL:
            row |= {
                "copied_share": copies["share"],
                "copied_share_expected": copies["expected_share"],
                "copied_p": copies_p(_searches(content)),
                "copied_p_least": least_p(_searches(content)),
                "nearness": copies["median"],
                "nearness_real": copies["median_baseline"],
                "suspects": tuple(
                    f"{measured.made[int(s['clip'])]} is near "
                    f"{measured.train[int(s['neighbor'])]} ({s['nearness']:.3f})"
                    for s in copies["suspects"]
                ),
            }
        else:
            row["copied_share_embedding"] = copies["share"]
    return QualityRow(**row)
