"""The table of audio quality: every metric of every machine and label, from pools of clips.

Knows no file, no command line and no plug-in by name: the caller brings clips and embeddings.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from asdbench.api import (
    Context,
    Embedded,
    Embedding,
    SupportsPosteriors,
    SupportsText,
)
from asdbench.errors import PluginError
from asdbench.metrics.classifier_scores import clap_score, inception_score, kl_divergence
from asdbench.metrics.distance import frechet_distance, frechet_floor, frechet_infinity
from asdbench.metrics.kernel_distance import kernel_distance
from asdbench.metrics.memorization_rows import memorization_rows
from asdbench.metrics.quality_rows import (
    ALL_MACHINES,
    CaptionRow,
    ClassifierRow,
    DistanceRow,
    Group,
    Pool,
    QualityTable,
)
from asdbench.metrics.rank import MetricError

Floats = NDArray[np.float64]
Sides = tuple[dict[Group, Pool], dict[Group, Pool]]
"""Real and generated pools."""


def quality_table(
    real: Sequence[Pool],
    generated: Sequence[Pool],
    embeddings: Mapping[str, Embedding],
    context: Context,
    train: Sequence[Pool] = (),
) -> QualityTable:
    """Compare generated with real clips, machine by machine and label by label.

    Machines and labels that only one side has are left out and noted. Where there are several
    machines, rows of the machine ``all`` pool their clips.

    Parameters
    ----------
    real, generated
        At most one pool a machine and label.
    embeddings
        By the name that the rows shall carry. Those that give posteriors add KL divergence and
        inception score; those that embed text add caption scores where there are captions.
    context
        Its seed gives all randomness: the same seed gives the same values, whatever else the
        table holds.
    train
        Training clips of the generator; adds the search for copies. ``real`` must then hold none
        of them.

    Raises
    ------
    MetricError
        When two pools are of one machine and label, or both sides have none in common.
    WeightsError
        When an embedding's weights are absent.
    PluginError
        When an embedding returns vectors that do not fit the clips.
    """
    sides = (_by_group(real, "real"), _by_group(generated, "generated"))
    groups, notes = _common(sides)
    over = _with_overall(groups)
    distances: list[DistanceRow] = []
    classifiers: list[ClassifierRow] = []
    captions: list[CaptionRow] = []
    vectors: dict[str, tuple[dict[Group, Embedded], ...]] = {}
    for name, embedding in embeddings.items():
        digest = embedding.digest()
        found: tuple[dict[Group, Embedded], ...] = ({}, {})
        beliefs: tuple[dict[Group, Floats], ...] = ({}, {})
        for group in groups:
            for pools, embedded, posteriors in zip(sides, found, beliefs, strict=True):
                embedded[group] = _embed(embedding, name, pools[group], context)
                if isinstance(embedding, SupportsPosteriors):
                    posteriors[group] = embedding.posteriors(pools[group].clips, context)
        for group, members in over.items():
            pair = [_joined([side[member] for member in members]) for side in found]
            rng = _rng(context.seed, *group, name)
            distances.append(_distance_row(group, name, digest, pair[0], pair[1], rng))
            if isinstance(embedding, SupportsPosteriors):
                classifiers.append(_classifier_row(group, members, name, digest, sides, beliefs))
        if isinstance(embedding, SupportsText):
            captions += _caption_rows(over, name, digest, sides, found, embedding, context)
        vectors[name] = found
    copies = memorization_rows(groups, sides, train, embeddings, vectors, context)
    return QualityTable(
        tuple(distances), tuple(classifiers), tuple(captions), tuple(copies), tuple(notes)
    )


def _by_group(pools: Sequence[Pool], what: str) -> dict[Group, Pool]:
    found = {pool.group: pool for pool in pools}
    if len(found) < len(pools):
        raise MetricError(f"two pools of {what} clips are of one machine and label")
    return found


def _common(sides: Sides) -> tuple[list[Group], list[str]]:
    """Return what both sides have, sorted, and notes on the rest."""
    groups = sorted(sides[0].keys() & sides[1].keys(), key=_in_words)
    notes = [
        f"only {what} clips of {_in_words(group)}: left out"
        for side, other, what in (
            (sides[0], sides[1], "real"),
            (sides[1], sides[0], "generated"),
        )
        for group in sorted(side.keys() - other.keys(), key=_in_words)
    ]
    if not groups:
        raise MetricError(
            "no machine and label has both real and generated clips: " + "; ".join(notes),
            "Machines and labels must be called the same on both sides.",
        )
    return groups, notes


def _in_words(group: Group) -> str:
    return f"{group[0]} {group[1] or 'without a label'}"


def _with_overall(groups: list[Group]) -> dict[Group, list[Group]]:
    """Return which groups enter each row: themselves, and all machines of a label together."""
    over = {group: [group] for group in groups}
    if len({machine for machine, _ in groups}) > 1:
        for label in dict.fromkeys(label for _, label in groups):
            over[ALL_MACHINES, label] = [group for group in groups if group[1] == label]
    return over


def _rng(seed: int, machine: str, label: str | None, name: str) -> np.random.Generator:
    """Return the generator of one row, which depends on no other row."""
    text = f"{machine}\0{label}\0{name}".encode()
    words = np.frombuffer(hashlib.sha256(text).digest(), dtype="<u4")
    return np.random.default_rng([seed, *words.tolist()])


def _embed(embedding: Embedding, name: str, pool: Pool, context: Context) -> Embedded:
    embedded = embedding.embed(pool.clips, context)
    rows, clip = embedded.rows, embedded.clip
    fits = rows.ndim == 2 and clip.shape == (len(rows),) and bool(np.isfinite(rows).all())
    if not fits or not np.array_equal(np.unique(clip), np.arange(len(pool.clips))):
        raise PluginError(
            f"embedding '{name}' returned vectors {rows.shape} that do not fit "
            f"{len(pool.clips)} clips",
            "It must return finite vectors, float64 (n, d), at least one for every clip.",
        )
    if (np.diff(clip) < 0).any():
        raise PluginError(f"embedding '{name}' returned the clips out of order")
    return embedded


def _joined(parts: list[Embedded]) -> Embedded:
    """Return the vectors of several pools as those of one."""
    first = np.cumsum([0, *(part.clip[-1] + 1 for part in parts)])
    clip = [part.clip + start for part, start in zip(parts, first, strict=False)]
    return Embedded(np.concatenate([part.rows for part in parts]), np.concatenate(clip))


def _distance_row(
    group: Group, name: str, digest: str, real: Embedded, made: Embedded, rng: np.random.Generator
) -> DistanceRow:
    clips = int(real.clip[-1]) + 1, int(made.clip[-1]) + 1
    notes = []
    if clips[0] != clips[1]:
        notes.append(
            f"{clips[0]} real and {clips[1]} generated clips: FAD depends on both numbers, so "
            "compare it with others of the same numbers only"
        )
    fad = floor = kernel = None
    infinity = frechet_infinity(real, made, rng) if min(clips) > 1 else None
    try:
        fad = frechet_distance(real.rows, made.rows)
        floor = frechet_floor(real, made, rng)
        kernel = kernel_distance(real, made, rng)
    except MetricError as error:
        notes.append(error.message)
    if infinity is not None and infinity.reason:
        notes.append(f"FAD-infinity: {infinity.reason}")
    if kernel is not None and kernel.clips != clips:
        notes.append(f"KAD of {kernel.clips[0]} real and {kernel.clips[1]} generated clips")
    return DistanceRow(
        *group,
        name,
        digest,
        *clips,
        fad=fad,
        floor_clips=floor.clips if floor else None,
        fad_matched=floor.generated if floor else None,
        fad_floor=floor.real if floor else None,
        fad_infinity=infinity.estimate if infinity else None,
        fad_infinity_r2=infinity.r_squared if infinity else None,
        kad=kernel.estimate if kernel else None,
        kad_low=kernel.low if kernel else None,
        kad_high=kernel.high if kernel else None,
        kad_p=kernel.p_value if kernel else None,
        kad_floor=kernel.floor if kernel else None,
        notes=tuple(notes),
    )


def _classifier_row(
    group: Group,
    members: list[Group],
    name: str,
    digest: str,
    sides: Sides,
    beliefs: tuple[dict[Group, Floats], ...],
) -> ClassifierRow:
    real, made = (np.concatenate([side[member] for member in members]) for side in beliefs)
    paired: list[tuple[Floats, Floats]] = []
    for member in members:
        partners = _partners(sides[0][member], sides[1][member])
        chosen = [i for i, partner in enumerate(partners) if partner is not None]
        wanted = [partner for partner in partners if partner is not None]
        paired.append((beliefs[0][member][wanted], beliefs[1][member][chosen]))
    references, answers = (np.concatenate(part) for part in zip(*paired, strict=True))
    alone = len(made) - len(answers)
    note = f"{alone} generated clips have no real clip of their caption or condition"
    return ClassifierRow(
        *group,
        name,
        digest,
        pairs=len(answers),
        kl=kl_divergence(references, answers) if len(answers) else None,
        is_real=inception_score(real),
        is_generated=inception_score(made),
        notes=(note,) if alone else (),
    )


def _partners(real: Pool, made: Pool) -> list[int | None]:
    """Return a real clip of the same caption, or condition, for each generated clip.

    The k-th generated clip of a condition gets the k-th real one; where those run out, the first
    is taken again.
    """
    of_real, of_made = _keys(real, made), _keys(made, real)
    places: dict[object, list[int]] = defaultdict(list)
    for index, key in enumerate(of_real):
        places[key].append(index)
    used: dict[object, int] = defaultdict(int)
    partners: list[int | None] = []
    for key in of_made:
        there = places.get(key)
        partners.append(there[used[key] % len(there)] if there else None)
        used[key] += 1
    return partners


def _keys(pool: Pool, other: Pool) -> Iterable[object]:
    if pool.captions and other.captions:
        return pool.captions
    return [(c.machine, c.section, c.attributes) for c in pool.clips.conditions]


def _caption_rows(
    over: dict[Group, list[Group]],
    name: str,
    digest: str,
    sides: Sides,
    vectors: tuple[dict[Group, Embedded], ...],
    embedding: SupportsText,
    context: Context,
) -> list[CaptionRow]:
    """Return rows for the groups in which a side has captions of all its clips."""
    texts = sorted(set(chain.from_iterable(p.captions for side in sides for p in side.values())))
    if not texts:
        return []
    of_text = dict(zip(texts, embedding.embed_text(texts, context), strict=True))
    rows = []
    for group, members in over.items():
        values: list[float | None] = []
        for pools, embedded in zip(sides, vectors, strict=True):
            told = [caption for member in members for caption in pools[member].captions]
            audio = np.concatenate([embedded[member].clip_means() for member in members])
            known = len(told) == len(audio)
            values.append(clap_score([of_text[text] for text in told], audio) if known else None)
        if any(value is not None for value in values):
            rows.append(CaptionRow(*group, name, digest, *values))
    return rows
