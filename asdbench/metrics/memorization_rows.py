"""The search for copies, machine by machine: rows of the table of audio quality."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from asdbench.api import Context, Embedded, Embedding
from asdbench.features import Frames, LogMelSpec
from asdbench.metrics.memorization import (
    IDENTICAL,
    Nearest,
    memorization,
    nearest_by_correlation,
    nearest_by_distance,
)
from asdbench.metrics.quality_rows import LOG_MEL, Group, MemorizationRow, Pool, Suspect

SPEC = LogMelSpec()


def memorization_rows(
    groups: Sequence[Group],
    sides: tuple[Mapping[Group, Pool], Mapping[Group, Pool]],
    train: Sequence[Pool],
    embeddings: Mapping[str, Embedding],
    vectors: Mapping[str, tuple[Mapping[Group, Embedded], ...]],
    context: Context,
) -> Iterator[MemorizationRow]:
    """Yield a row for each machine, label and space: spectrograms, then each embedding.

    Parameters
    ----------
    groups
        What both sides have.
    sides
        Real (held out) and generated pools.
    train
        Training pools; each generated clip is compared with those of its machine, of any label.
    embeddings, vectors
        By name; the vectors of both sides.
    context
        For the training clips' vectors.
    """
    for machine in dict.fromkeys(machine for machine, _ in groups):
        pools = [pool for pool in train if pool.machine == machine]
        names = [name for pool in pools for name in pool.names]
        if not names:
            continue
        frames = joined_frames([pool.clips.features(SPEC) for pool in pools])
        labels = [group for group in groups if group[0] == machine]
        for group in labels:
            held_out, made = sides[0][group], sides[1][group]
            found = [
                nearest_by_correlation(pool.clips.features(SPEC), frames, context.progress)
                for pool in (made, held_out)
            ]
            seconds = SPEC.hop_length / made.clips.sample_rate
            yield _row(made, LOG_MEL, None, found, names, seconds)
        for name, embedding in embeddings.items():
            known = np.concatenate([embedding.embed(p.clips, context).clip_means() for p in pools])
            for group in labels:
                found = [
                    nearest_by_distance(side[group].clip_means(), known)
                    for side in (vectors[name][1], vectors[name][0])
                ]
                yield _row(sides[1][group], name, embedding.digest(), found, names, None)


def _row(
    made: Pool,
    space: str,
    digest: str | None,
    found: list[Nearest],
    names: Sequence[str],
    seconds: float | None,
) -> MemorizationRow:
    nearest, baseline = found
    result = memorization(nearest, baseline)
    suspects = tuple(
        Suspect(
            clip=made.names[i],
            neighbor=names[nearest.index[i]],
            nearness=float(nearest.nearness[i]),
            margin=float(nearest.margin[i]),
            shift_seconds=None if seconds is None else float(nearest.shift[i] * seconds),
        )
        for i in result.suspicious
    )
    notes = []
    same = int(np.sum(baseline.nearness >= IDENTICAL)) if space == LOG_MEL else 0
    if same:
        notes.append(
            f"{same} held-out real clips are recordings of the training set, so the baseline is "
            "too near"
        )
    return MemorizationRow(
        made.machine,
        made.label,
        space,
        digest,
        generated_clips=len(nearest.index),
        baseline_clips=result.baseline_clips,
        train_clips=len(names),
        limit=result.limit,
        share=result.share,
        margin_limit=result.margin_limit,
        margin_share=result.margin_share,
        expected_share=result.expected_share,
        median=result.median,
        median_baseline=result.median_baseline,
        suspects=suspects,
        notes=tuple(notes),
    )


def joined_frames(parts: Sequence[Frames]) -> Frames:
    """Return the frames of several pools as those of one."""
    if len(parts) == 1:
        return parts[0]
    first = np.cumsum([0, *(part.offsets[-1] for part in parts)])
    offsets = [part.offsets[1:] + start for part, start in zip(parts, first, strict=False)]
    return Frames(np.concatenate([part.values for part in parts]), np.concatenate([[0], *offsets]))
