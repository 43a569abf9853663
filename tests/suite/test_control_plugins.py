"""The controls have the defects that they claim, and no others."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from asdbench.api import Audio, Condition, Context, Generator, Label, Params, Request, audio_digest
from asdbench.audio import AudioFormat, read_audio
from asdbench.clips import ClipPool
from asdbench.datasets.simulated.plan import SECTIONS
from asdbench.datasets.simulated.spec import ClipSpec, section_specs
from asdbench.datasets.simulated.write import write_clip
from asdbench.errors import PluginError
from asdbench.suites.controls import Deaf, Hum, HumParams, Perfect
from asdbench.suites.copies import Leaker, LeakerParams, Memorizer, MemorizerParams

SECONDS = 1.0
SPECS = section_specs("fan", "00", 4, 4, 0)


def condition(spec: ClipSpec) -> Condition:
    return Condition(spec.machine, spec.section, spec.domain, tuple(sorted(spec.setting)))


@pytest.fixture(scope="module")
def pool(tmp_path_factory: pytest.TempPathFactory) -> ClipPool:
    """All clips of a small section, as read from its files."""
    folder = tmp_path_factory.mktemp("fan")
    for spec in SPECS:
        write_clip(spec, folder, SECONDS)
    audio = [read_audio(folder / spec.file, AudioFormat()) for spec in SPECS]
    return ClipPool.from_arrays(audio, 16_000, list(map(condition, SPECS)), [*labels()])


def labels() -> list[Label]:
    return [spec.label for spec in SPECS]


def requests(count: int, label: Label = "anomaly", seed: int = 0) -> list[Request]:
    wanted = [condition(spec) for spec in SPECS if spec.label == label]
    return [Request(wanted[i % len(wanted)], label, seed + i, 16_000) for i in range(count)]


def made(
    generator: Generator, asked: Sequence[Request], pool: ClipPool, folder: Path
) -> tuple[list[Audio], list[Any]]:
    context = Context(0, folder)
    generator.fit(pool, context)
    generator.save(folder)
    loaded = type(generator).load(folder, generator.params, context)
    batches = list(loaded.generate(asked, pool, context))
    clips = [clip for batch in batches for clip in batch.audio]
    return clips, [note for batch in batches for note in batch.notes]


def test_perfect_draws_a_clip_from_its_request_alone(pool: ClipPool, tmp_path: Path) -> None:
    asked = requests(6)
    clips, _ = made(Perfect(Params()), asked, pool, tmp_path)
    backwards, _ = made(Perfect(Params()), asked[::-1], pool, tmp_path)
    assert all(np.array_equal(a, b) for a, b in zip(clips, backwards[::-1], strict=True))
    assert all(clip.dtype == np.float32 and len(clip) == 16_000 for clip in clips)
    known = {audio_digest(pool.audio(i)) for i in range(len(pool))}
    assert not known & {audio_digest(clip) for clip in clips}
    assert len({audio_digest(clip) for clip in clips}) == 6


def test_perfect_knows_every_condition_of_the_twin_and_no_other() -> None:
    generator = Perfect(Params())
    for (machine, section), row in SECTIONS.items():
        for domain in ("source", "target"):
            for setting in row.settings(domain):
                place = Condition(machine, section, domain, tuple(sorted(setting)))
                assert generator.refuses(Request(place, "normal", 0, 16_000)) is None
    unknown = Condition("fan", "00", "source", (("m-n", "Q"),))
    assert generator.refuses(Request(unknown, "normal", 0, 16_000)) is not None


def test_perfect_refuses_another_sample_rate(tmp_path: Path) -> None:
    other = ClipPool.from_arrays([np.zeros(8000, np.float32)], 8000, [condition(SPECS[0])])
    with pytest.raises(PluginError, match="not 8000 Hz"):
        made(Perfect(Params()), requests(1), other, tmp_path)


def test_hum_is_perfect_with_a_tone(pool: ClipPool, tmp_path: Path) -> None:
    params = HumParams(frequency=2000.0, level_db=-30.0)
    for label in ("normal", "anomaly"):
        asked = requests(2, label)
        clean, _ = made(Perfect(Params()), asked, pool, tmp_path)
        humming, _ = made(Hum(params), asked, pool, tmp_path)
        for one, other in zip(clean, humming, strict=True):
            tone = other.astype(np.float64) - one
            ratio = 10 * np.log10(np.mean(tone**2) / np.mean(one.astype(np.float64) ** 2))
            assert ratio == pytest.approx(-30.0, abs=0.1)
            assert np.abs(np.fft.rfft(tone)).argmax() == 2000  # 1 s: bins of 1 Hz


def test_deaf_hears_no_condition(pool: ClipPool, tmp_path: Path) -> None:
    wanted = condition(SPECS[0])
    asked = [Request(wanted, "normal", seed, 1600) for seed in range(40)]
    _, notes = made(Deaf(Params()), asked, pool, tmp_path)
    counts = [[note["condition"] for note in notes].count(name) for name in names("fan", "00")]
    assert len(counts) == 4
    assert min(counts) >= 3


def names(machine: str, section: str) -> list[str]:
    row = SECTIONS[machine, section]
    return [
        str(Condition(machine, section, domain, tuple(sorted(setting))))
        for domain in ("source", "target")
        for setting in row.settings(domain)
    ]


def test_the_memorizer_gives_training_clips_of_the_condition_back(
    pool: ClipPool, tmp_path: Path
) -> None:
    asked = requests(8)
    clips, notes = made(Memorizer(MemorizerParams()), asked, pool, tmp_path)
    for request, clip, note in zip(asked, clips, notes, strict=True):
        source = int(note["source"])
        assert pool.conditions[source] == request.condition
        assert pool.labels[source] == request.label
        assert np.corrcoef(pool.audio(source), clip)[0, 1] > 0.999
        assert not np.array_equal(pool.audio(source), clip)
    elsewhere = Condition("valve", "00", "source", (("pat", "00"),))
    with pytest.raises(PluginError, match="no anomaly clip of valve"):
        made(Memorizer(MemorizerParams()), [Request(elsewhere, "anomaly", 0, 9)], pool, tmp_path)


def test_the_leaker_lists_the_evaluation_clips_that_it_gives_back(
    pool: ClipPool, tmp_path: Path
) -> None:
    generator = Leaker(LeakerParams(clips=3))
    clips, notes = made(generator, requests(8), pool, tmp_path)
    manifest = generator.training_manifest()
    assert manifest is not None
    listed = {clip.digest for clip in manifest.clips}
    test = {
        audio_digest(pool.audio(i)): spec for i, spec in enumerate(SPECS) if spec.split == "test"
    }
    assert len(listed) == 12
    assert listed == {digest for digest, spec in test.items() if spec.index < 3}
    for clip, note in zip(clips, notes, strict=True):
        assert test[audio_digest(clip)].file == note["copy_of"]
    for honest in (Perfect(Params()), Memorizer(MemorizerParams())):
        said = honest.training_manifest()
        assert said is not None
        assert said.clips == ()
