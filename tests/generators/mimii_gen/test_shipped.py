"""The checkpoint that comes with the package."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from asdbench.api import Condition, Context, Label, Request, audio_digest
from asdbench.audio import AudioFormat, read_audio
from asdbench.clips import ClipPool
from asdbench.datasets.simulated.plan import SECTIONS
from asdbench.datasets.simulated.spec import section_specs
from asdbench.datasets.simulated.write import write_clip
from asdbench.errors import WeightsError
from asdbench.generators.mimii_gen import MIMIIGen
from asdbench.generators.mimii_gen import shipped as module
from asdbench.generators.mimii_gen.checkpoint import CARD, WEIGHTS
from asdbench.generators.mimii_gen.params import MIMIIGenParams
from asdbench.generators.mimii_gen.shipped import DIGESTS, FOLDER, shipped

MINI = FOLDER / "mini"
SECONDS = 3
NO_CLIPS = ClipPool.from_arrays([], 16_000, [])


@pytest.fixture(scope="module")
def generator(tmp_path_factory: pytest.TempPathFactory) -> MIMIIGen:
    made = MIMIIGen(MIMIIGenParams())
    made.fit(NO_CLIPS, Context(0, tmp_path_factory.mktemp("scratch")))
    return made


def test_it_is_small() -> None:
    assert sum(path.stat().st_size for path in MINI.iterdir()) < 20e6
    assert (MINI / WEIGHTS).stat().st_size < 15e6


def test_it_is_what_was_shipped(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert set(DIGESTS) == {path.name for path in FOLDER.iterdir() if path.is_dir()}
    assert shipped("mini") == MINI
    shutil.copytree(MINI, tmp_path / "mini")
    monkeypatch.setattr(module, "FOLDER", tmp_path)
    assert shipped("mini") == tmp_path / "mini"
    whole = (tmp_path / "mini" / WEIGHTS).read_bytes()
    (tmp_path / "mini" / WEIGHTS).write_bytes(whole[:-1])
    with pytest.raises(WeightsError, match="incomplete, or was changed"):
        shipped("mini")
    (tmp_path / "mini" / WEIGHTS).unlink()
    with pytest.raises(WeightsError, match="incomplete, or was changed"):
        shipped("mini")
    with pytest.raises(WeightsError, match="comes without the checkpoint 'maxi'"):
        shipped("maxi")


def test_its_card_says_what_it_learned_from() -> None:
    card = json.loads((MINI / CARD).read_text())
    assert card["training"]["steps"] == card["training"]["settings"]["steps"]
    assert all(row["held_out"] > 0 for row in card["training"]["losses"])
    assert card["trained_on"]["clips"] > 5000


def test_its_manifest_names_the_audio_it_learned_from(generator: MIMIIGen, tmp_path: Path) -> None:
    """Clips simulated with its training seed are in it, those of any other seed are not."""
    manifest = generator.training_manifest()
    assert manifest is not None
    assert (len(manifest.clips), manifest.sample_rate) == (8290, 16_000)
    conditions = {clip.condition for clip in manifest.clips}
    assert conditions == set(generator._require().conditions)
    listed = {clip.digest for clip in manifest.clips}
    for seed, known in ((101, True), (0, False)):
        specs = section_specs("fan", "00", 99, 150, seed)
        spec = next(s for s in specs if s.label == "anomaly" and s.setting == (("m-n", "W"),))
        write_clip(spec, tmp_path / str(seed))
        clip = read_audio(tmp_path / str(seed) / spec.file, AudioFormat())
        assert (audio_digest(clip) in listed) == known


def test_it_saw_four_fifths_of_the_conditions(generator: MIMIIGen) -> None:
    every = {
        Condition(machine, section, None, tuple(sorted(setting)))
        for (machine, section), row in SECTIONS.items()
        for domain in ("source", "target")
        for setting in row.settings(domain)
    }
    seen = {replace(condition, domain=None) for condition in generator._require().conditions}
    assert seen < every
    assert 0.7 < len(seen) / len(every) < 0.85


@pytest.mark.parametrize("machine", ["bearing", "fan", "gearbox", "slider", "valve"])
def test_its_clips_are_no_silence_no_click_and_differ(
    generator: MIMIIGen, machine: str, tmp_path: Path
) -> None:
    seen = [c for c in generator._require().conditions if c.machine == machine]
    labels: tuple[Label, ...] = ("normal", "anomaly")
    length = SECONDS * 16_000
    requests = [Request(seen[0], labels[seed // 2], seed, length) for seed in range(4)]
    assert all(generator.refuses(request) is None for request in requests)
    batches = generator.generate(requests, NO_CLIPS, Context(0, tmp_path))
    clips = [clip for batch in batches for clip in batch.audio]
    assert len(clips) == 4
    for clip in clips:
        blocks = np.square(clip.reshape(-1, 1600)).mean(axis=1)
        level = 10 * np.log10(blocks.mean())
        assert -55 < level < -15  # dB of full scale; the twin's clips are at -46 to -33
        assert 10 * np.log10(blocks.min() / blocks.mean()) > -25
    for i in range(4):
        for j in range(i):
            assert abs(np.corrcoef(clips[i], clips[j])[0, 1]) < 0.2


def test_what_it_does_not_know_it_refuses(generator: MIMIIGen) -> None:
    where = Condition("pump", "00", "source", ())
    assert "bearing, fan, gearbox, slider, valve" in str(
        generator.refuses(Request(where, "normal", 0, 16_000))
    )


@pytest.mark.parametrize(
    ("machine", "attributes", "said"),
    [
        ("fan", {"m-n": "QQ"}, "m-n=QQ was never heard and is left out; heard: "),
        ("fan", {"foo": "W"}, "foo is no attribute that training knew"),
        ("slider", {"vel": "99999"}, "vel=99999 lies outside of what was heard, 100 to 1300"),
        ("slider", {"vel": "abc"}, "vel=abc was never heard"),
        ("slider", {"vel": "450"}, None),
        ("slider", {"vel": "500"}, None),
        ("fan", {}, None),
    ],
)
def test_it_warns_of_what_it_never_heard(
    generator: MIMIIGen, machine: str, attributes: dict[str, str], said: str | None, tmp_path: Path
) -> None:
    where = Condition(machine, "00", None, tuple(sorted(attributes.items())))
    request = Request(where, "normal", 0, 8000)
    notes = next(iter(generator.generate([request], NO_CLIPS, Context(0, tmp_path)))).notes[0]
    if said is None:
        assert "warning" not in notes
    else:
        assert said in notes["warning"]
