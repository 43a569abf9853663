from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from asdbench.api import (
    ClipSet,
    Condition,
    Context,
    Embedded,
    Embedding,
    EmbeddingInfo,
    Label,
)
from asdbench.clips import ClipPool
from asdbench.embeddings.logmel_stats import LogMelStats
from asdbench.errors import PluginError
from asdbench.metrics.classifier_scores import kl_divergence
from asdbench.metrics.distance import frechet_distance
from asdbench.metrics.quality import quality_table
from asdbench.metrics.quality_csv import to_csv
from asdbench.metrics.quality_rows import Pool, QualityTable
from asdbench.metrics.rank import MetricError

RATE = 8000


class Moments(Embedding):
    """Mean absolute value and level of each half clip: two rows a clip, also classes and text."""

    info = EmbeddingInfo(id="moments", version="1")

    def embed(self, clips: ClipSet, context: Context) -> Embedded:
        halves = [half for i in range(len(clips)) for half in np.array_split(clips.audio(i), 2)]
        rows = [[np.abs(half).mean(), half.std()] for half in halves]
        return Embedded(np.array(rows, np.float64), np.repeat(np.arange(len(clips)), 2))

    def posteriors(self, clips: ClipSet, context: Context) -> NDArray[np.float64]:
        level = np.array([min(1.0, clips.audio(i).std()) for i in range(len(clips))])
        return np.stack([level, 1.0 - level], axis=1)

    def embed_text(self, texts: Sequence[str], context: Context) -> NDArray[np.float64]:
        return np.array([[1.0, float(len(text))] for text in texts])

    def digest(self) -> str:
        return "d" * 64


def pool(
    machine: str, label: Label | None, clips: int, seed: int, level: float = 0.1, **options: object
) -> Pool:
    rng = np.random.default_rng(seed)
    audio = [(level * rng.standard_normal(4000)).astype(np.float32) for _ in range(clips)]
    conditions = [Condition(machine, "00", attributes=(("vel", str(i % 3)),)) for i in range(clips)]
    names = [f"{machine}-{label}-{seed}-{i}" for i in range(clips)]
    return Pool(machine, label, ClipPool.from_arrays(audio, RATE, conditions), names, **options)


@pytest.fixture
def context(tmp_path: Path) -> Context:
    return Context(7, tmp_path)


def test_rows_by_machine_and_label_and_all_together(context: Context) -> None:
    real = [pool("fan", "normal", 9, 0), pool("valve", "normal", 6, 1, 0.2)]
    real += [pool("fan", "anomaly", 8, 2), pool("pump", "normal", 5, 3)]
    made = [pool("fan", "anomaly", 7, 4), pool("valve", "normal", 6, 5, 0.2)]
    made += [pool("fan", "normal", 9, 6, 0.3), pool("fan", None, 5, 7)]
    table = quality_table(real, made, {"m": Moments(None)}, context)
    found = [(row.machine, row.label, row.real_clips, row.generated_clips)
             for row in table.distances]  # fmt: skip
    assert found == [
        ("fan", "anomaly", 8, 7),
        ("fan", "normal", 9, 9),
        ("valve", "normal", 6, 6),
        ("all", "anomaly", 8, 7),
        ("all", "normal", 15, 15),
    ]
    assert table.notes == (
        "only real clips of pump normal: left out",
        "only generated clips of fan without a label: left out",
    )
    uneven, even = table.distances[:2]
    assert any("8 real and 7 generated clips: FAD depends" in note for note in uneven.notes)
    assert not any("depends" in note for note in even.notes)
    assert {(row.embedding, row.digest) for row in table.distances} == {("m", "d" * 64)}
    assert not table.memorization


def test_values_are_those_of_the_metrics(context: Context) -> None:
    real, made = pool("fan", "normal", 20, 0), pool("fan", "normal", 20, 1, 0.3)
    embedding = Moments(None)
    (row,) = quality_table([real], [made], {"m": embedding}, context).distances
    rows = [embedding.embed(side.clips, context).rows for side in (real, made)]
    assert row.fad == pytest.approx(frechet_distance(*rows), rel=1e-12)
    assert row.floor_clips == 10
    assert row.fad_floor is not None
    assert row.fad_matched is not None
    assert row.fad_floor < row.fad_matched
    assert row.kad_p == 0.001
    assert row.kad is not None
    assert row.kad_low is not None
    assert row.kad_high is not None
    assert row.kad_low <= row.kad <= row.kad_high
    assert row.fad_infinity is None
    assert any(note.startswith("FAD-infinity: 20 clips") for note in row.notes)


def test_a_row_depends_on_no_other_row(context: Context) -> None:
    fan = pool("fan", "normal", 12, 0), pool("fan", "normal", 12, 1)
    valve = pool("valve", "normal", 8, 2), pool("valve", "normal", 8, 3)
    embeddings = {"m": Moments(None)}
    alone = quality_table([fan[0]], [fan[1]], embeddings, context).distances[0]
    both = quality_table(
        [valve[0], fan[0]], [fan[1], valve[1]], {**embeddings, "n": LogMelStats(None)}, context
    )
    assert alone in both.distances
    again = dataclasses.replace(context, seed=8)
    assert quality_table([fan[0]], [fan[1]], embeddings, again).distances[0] != alone


def test_posteriors_are_paired_by_condition(context: Context) -> None:
    real, made = pool("fan", "normal", 4, 0, 0.2), pool("fan", "normal", 8, 1, 0.5)
    embedding = Moments(None)
    (row,) = quality_table([real], [made], {"m": embedding}, context).classifiers
    p, q = (embedding.posteriors(side.clips, context) for side in (real, made))
    # Conditions 0 1 2 0 against 0 1 2 0 1 2 0 1: the k-th of a condition with its k-th.
    partners = [0, 1, 2, 3, 1, 2, 0, 1]
    assert row.pairs == 8
    assert row.kl == pytest.approx(kl_divergence(p[partners], q), rel=1e-12)
    assert row.is_real >= 1.0
    assert row.is_generated >= 1.0
    captioned = [dataclasses.replace(side, captions=tuple("ab"[i % 2] for i in range(n)))
                 for side, n in ((real, 4), (made, 8))]  # fmt: skip
    captioned[0] = dataclasses.replace(captioned[0], captions=("a", "a", "c", "a"))
    (row,) = quality_table(captioned[:1], captioned[1:], {"m": embedding}, context).classifiers
    assert row.pairs == 4
    assert row.kl == pytest.approx(kl_divergence(p[[0, 1, 3, 0]], q[::2]), rel=1e-12)
    assert row.notes == ("4 generated clips have no real clip of their caption or condition",)


def test_captions_are_scored_where_all_clips_have_one(context: Context) -> None:
    real, made = pool("fan", "normal", 4, 0), pool("fan", "normal", 4, 1)
    told = dataclasses.replace(made, captions=("a", "b", "a", "b"))
    (row,) = quality_table([real], [told], {"m": Moments(None)}, context).captions
    assert row.clap_real is None
    vectors = Moments(None).embed(made.clips, context).rows.reshape(4, 2, 2).mean(axis=1)
    wanted = np.mean(vectors.sum(axis=1) / np.linalg.norm(vectors, axis=1) / np.sqrt(2))
    assert row.clap_generated == pytest.approx(wanted, rel=1e-12)
    assert not quality_table([real], [made], {"m": Moments(None)}, context).captions


def with_copies() -> tuple[Pool, Pool, Pool]:
    """Real, generated and training pools: two of six generated clips are training clips."""
    train = pool("fan", "normal", 30, 0)
    real, made = pool("fan", "normal", 25, 1), pool("fan", "normal", 6, 2)
    audio = [made.clips.audio(i) for i in range(6)]
    audio[2] = np.roll(train.clips.audio(17), 640)
    audio[5] = train.clips.audio(4)
    clips = ClipPool.from_arrays(audio, RATE, made.clips.conditions)
    return real, dataclasses.replace(made, clips=clips), train


def test_copies_are_found_in_both_spaces(context: Context) -> None:
    real, made, train = with_copies()
    other = pool("valve", "normal", 5, 9)
    table = quality_table([real], [made], {"l": LogMelStats(None)}, context, [train, other])
    by_sound, by_vector = table.memorization
    assert (by_sound.space, by_sound.digest) == ("log-mel", None)
    assert (by_vector.space, by_vector.digest) == ("l", LogMelStats(None).digest())
    assert by_sound.train_clips == 30
    assert by_sound.baseline_clips == 25
    for row in (by_sound, by_vector):
        suspects = {suspect.clip: suspect.neighbor for suspect in row.suspects}
        assert suspects["fan-normal-2-5"] == "fan-normal-0-4"
        assert suspects["fan-normal-2-2"] == "fan-normal-0-17"
        assert 2 / 6 <= max(row.share, row.margin_share) <= len(row.suspects) / 6
        assert row.suspects[0].clip == "fan-normal-2-5"
        assert row.suspects[0].margin > row.margin_limit
        assert not row.notes
    exact, shifted = by_sound.suspects[:2]
    assert exact.nearness == pytest.approx(1.0, abs=1e-4)
    assert exact.shift_seconds == 0.0
    assert shifted.shift_seconds is not None
    assert shifted.shift_seconds == pytest.approx(-640 / RATE, abs=512 / RATE)


def test_a_baseline_of_training_clips_is_noted(context: Context) -> None:
    _, made, train = with_copies()
    table = quality_table([train], [made], {"m": Moments(None)}, context, [train])
    assert any("30 held-out real clips are recordings" in n for n in table.memorization[0].notes)


def test_few_clips_give_reasons_instead_of_values(context: Context) -> None:
    embeddings = {"l": LogMelStats(None)}
    real, made = pool("fan", "normal", 1, 0), pool("fan", "normal", 1, 1)
    (row,) = quality_table([real], [made], embeddings, context).distances
    assert row.fad is row.kad is row.fad_infinity is None
    assert any("1 vectors of real clips; at least 2" in note for note in row.notes)
    real, made = pool("fan", "normal", 3, 0), pool("fan", "normal", 2, 1)
    (row,) = quality_table([real], [made], embeddings, context).distances
    assert row.fad is not None
    assert row.fad_floor is None
    assert any("too few for a noise floor" in note for note in row.notes)


def test_mistakes_are_named(context: Context) -> None:
    fan, valve = pool("fan", "normal", 4, 0), pool("valve", "normal", 4, 0)
    with pytest.raises(MetricError, match=r"no machine and label has both.*only real clips of fan"):
        quality_table([fan], [valve], {"m": Moments(None)}, context)
    with pytest.raises(MetricError, match="two pools of generated clips"):
        quality_table([fan], [fan, fan], {"m": Moments(None)}, context)

    class Short(Moments):
        def embed(self, clips: ClipSet, context: Context) -> Embedded:
            found = super().embed(clips, context)
            return Embedded(found.rows[:-2], found.clip[:-2])

    class Mixed(Moments):
        def embed(self, clips: ClipSet, context: Context) -> Embedded:
            found = super().embed(clips, context)
            return Embedded(found.rows, found.clip[::-1])

    with pytest.raises(PluginError, match=r"'s' returned vectors .* do not fit 4 clips"):
        quality_table([fan], [fan], {"s": Short(None)}, context)
    with pytest.raises(PluginError, match="out of order"):
        quality_table([fan], [fan], {"s": Mixed(None)}, context)


def test_csv_has_a_column_for_each_embedding_and_quantity(context: Context) -> None:
    real, made, train = with_copies()
    embeddings: dict[str, Embedding] = {"m": Moments(None), "l": LogMelStats(None)}
    table = quality_table([real], [made], embeddings, context, [train])
    head, values = (line.split(",") for line in to_csv(table).splitlines())
    cells = dict(zip(head, values, strict=True))
    assert len(cells) == len(head)
    assert cells["machine"] == "fan"
    assert float(cells["m@dddddddddddd fad"]) == table.distances[0].fad
    digest = LogMelStats(None).digest()[:12]
    assert float(cells[f"l@{digest} fad"]) == table.distances[1].fad
    assert float(cells["m@dddddddddddd kl_m"]) == table.classifiers[0].kl
    assert float(cells["m@dddddddddddd is_m_real"]) == table.classifiers[0].is_real
    assert float(cells["copies log-mel share"]) == table.memorization[0].share
    assert cells["m@dddddddddddd fad_infinity"] == ""
    assert not any("notes" in name or "suspects" in name for name in head)


def test_json_is_json(context: Context) -> None:
    real, made, train = with_copies()
    table = quality_table([real], [made], {"m": Moments(None)}, context, [train])
    assert isinstance(table, QualityTable)
    told = json.loads(json.dumps(table.to_json(), allow_nan=False))
    assert told["distances"][0]["fad"] == table.distances[0].fad
    assert told["memorization"][0]["suspects"][0]["clip"] == "fan-normal-2-5"
