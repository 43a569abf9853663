"""Rendering: clips of the wanted length and rate, each from its own seed, never clipped."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny_diffusion
import torch
from tiny_diffusion import CONDITIONS, RATE, SAMPLES, clip_pool, where

from asdbench.api import Audio, Condition, Label, Request
from asdbench.clips import ClipPool
from asdbench.generators.mimii_gen.by_condition import ByCondition
from asdbench.generators.mimii_gen.calibration import Calibration
from asdbench.generators.mimii_gen.latents import Statistics
from asdbench.generators.mimii_gen.model import LatentDiffusion
from asdbench.generators.mimii_gen.rendering import BATCH, Renderer
from asdbench.generators.mimii_gen.sampling import Sampling

HOW = Sampling("unipc", 2)


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> LatentDiffusion:
    tiny_diffusion.use_tiny(monkeypatch)
    return tiny_diffusion.tiny_model(tiny_diffusion.latent_set(tmp_path / "latents"))


def ask(
    count: int, label: Label = "anomaly", samples: int = SAMPLES, at: Condition = CONDITIONS[0]
) -> list[Request]:
    return [Request(at, label, 2**63 + 7 * i, samples) for i in range(count)]


def render(
    model: LatentDiffusion,
    requests: Sequence[Request],
    pool: ClipPool | None = None,
    rate: int = RATE,
    how: Sampling = HOW,
    from_normals: bool = False,
    calibrate: bool = True,
) -> tuple[list[Audio], list[dict[str, str]]]:
    renderer = Renderer(model, how, from_normals, calibrate, "cpu")
    batches = list(renderer.render(requests, pool or clip_pool(), rate))
    assert {batch.sample_rate for batch in batches} == {rate}
    assert max(len(batch.audio) for batch in batches) <= BATCH["cpu"]
    audio = [clip for batch in batches for clip in batch.audio]
    return audio, [dict(note) for batch in batches for note in batch.notes]


def test_every_request_gets_its_clip(model: LatentDiffusion) -> None:
    audio, notes = render(model, ask(11))
    assert len(audio) == len(notes) == 11
    for clip in audio:
        assert clip.shape == (SAMPLES,)
        assert clip.dtype == np.float32
        assert np.isfinite(clip).all()
        assert clip.std() > 1e-4
    assert len({clip.tobytes() for clip in audio}) == 11


@pytest.mark.parametrize("rate", [8000, 16_000, 22_050])
def test_lengths_and_rates_of_all_kinds(model: LatentDiffusion, rate: int) -> None:
    lengths = [SAMPLES, SAMPLES, 700, SAMPLES + 511, SAMPLES]
    requests = [replace(r, samples=n) for r, n in zip(ask(5), lengths, strict=True)]
    audio, _ = render(model, requests, rate=rate)
    assert [len(clip) for clip in audio] == lengths
    assert max(np.abs(clip).max() for clip in audio) < 1.0


def test_a_clip_does_not_depend_on_the_others(model: LatentDiffusion) -> None:
    requests = [*ask(6), *ask(5, "normal", at=CONDITIONS[2])]
    together, _ = render(model, requests)
    again, _ = render(model, requests)
    for one, other in zip(together, again, strict=True):
        np.testing.assert_array_equal(one, other)
    backwards, _ = render(model, requests[::-1])
    for index, clip in enumerate(together):
        alone, _ = render(model, requests[index : index + 1])
        # Rounding in the network grows in the inversion of the spectrogram.
        np.testing.assert_allclose(alone[0], clip, atol=2e-3 * np.abs(clip).max())
        np.testing.assert_allclose(backwards[10 - index], clip, atol=2e-3 * np.abs(clip).max())


def test_captions_are_noted_and_what_was_never_seen_is_left_out(model: LatentDiffusion) -> None:
    unseen = where(vel="8", loc="X", color="red")
    _, [known, left, other] = render(
        model, [*ask(1), *ask(1, at=unseen), *ask(1, at=replace(unseen, domain="target"))]
    )
    assert known["caption"].startswith("A fan operating on velocity of 6")
    assert "left_out" not in known
    assert left["left_out"] == "color=red,loc=X"
    assert "red" not in left["caption"]
    assert "velocity of 8" in left["caption"]  # a number may lie between those of training
    assert left == other


def test_numbers_between_those_of_training_lie_between_in_sound(model: LatentDiffusion) -> None:
    def caption(vel: str) -> torch.Tensor:
        return model.embed([model.prompt(where(vel=vel, loc="A"), "normal")]).flatten()

    far = float((caption("10") - caption("6")).norm())
    assert 0 < float((caption("8") - caption("6")).norm()) < far
    assert float((caption("6.01") - caption("6")).norm()) < 0.05 * far


def test_nothing_clips(model: LatentDiffusion) -> None:
    loud = replace(model.statistics, mean=model.statistics.mean + 60)  # dB
    audio, _ = render(replace(model, statistics=loud), ask(3))
    for clip in audio:
        assert 0.9 < np.abs(clip).max() <= 1.0
        assert np.isfinite(clip).all()


def test_the_calibration_is_applied_where_it_fits(model: LatentDiffusion) -> None:
    rows = torch.zeros(1, 128)
    measured = torch.stack([rows[0], rows[0] + 6.0, rows[0] + 1, rows[0] + 1])  # shifted by 6 dB
    louder = Calibration(
        {"sampler": "unipc", "steps": 2, "spacing": 2.0, "guidance": 1.0},
        4,
        {
            "anomaly": ByCondition(
                (replace(tiny_diffusion.CONDITIONS[0], domain=None),), measured[None]
            )
        },
        ("fan/00/anomaly",),
        torch.eye(8, 128)[None],
        torch.ones(1, 8),
    )
    unit = Statistics("dimension", ("*",), rows - 40, rows + 1)
    model = replace(model, statistics=unit)
    calibrated = replace(model, calibration=louder)
    plain, _ = render(model, ask(3))

    def gains(**options: Any) -> list[float]:
        audio, _ = render(calibrated, ask(3), **options)
        pairs = zip(audio, plain, strict=True)
        return [20 * float(np.log10(one.std() / other.std())) for one, other in pairs]

    assert gains() == pytest.approx([6.0] * 3, abs=0.2)
    assert gains(calibrate=False) == pytest.approx([0.0] * 3, abs=0.01)
    normals = render(calibrated, ask(2, "normal"))[0], render(model, ask(2, "normal"))[0]
    for one, other in zip(*normals, strict=True):
        np.testing.assert_array_equal(one, other)
    ddim = Sampling("ddim", 2)
    for one, other in zip(
        render(calibrated, ask(2), how=ddim)[0], render(model, ask(2), how=ddim)[0], strict=True
    ):
        np.testing.assert_array_equal(one, other)


def envelope(clip: Audio) -> Any:
    return np.log(np.square(clip).reshape(-1, 1000).mean(axis=1))


def test_from_a_normal_clip_it_stays_near_that_clip(model: LatentDiffusion) -> None:
    """Clips whose level rises and falls: what is left of that shows how much of them is left."""
    samples = 4 * SAMPLES  # the shift of a tenth of a second matters little
    tide = np.repeat(10.0 ** np.array([0, -1, 0, -1]), SAMPLES)
    waves = [(tide * tiny_diffusion.sound(i, samples)).astype(np.float32) for i in range(4)]
    labels: list[Label] = ["normal", "anomaly", "normal", "normal"]
    conditions = [CONDITIONS[0], CONDITIONS[0], CONDITIONS[0], CONDITIONS[2]]
    pool = ClipPool.from_arrays(waves, RATE, conditions, labels)

    def likeness(strength: float) -> float:
        how = Sampling("unipc", 20, strength=strength)
        audio, notes = render(model, ask(6, samples=samples), pool, how=how, from_normals=True)
        # Only normals, and only those of the condition.
        assert {note["source"].split()[0] for note in notes} <= {"0", "2"}
        assert all(note["source"].endswith("same condition") for note in notes)
        goal = envelope(waves[0])
        return float(np.mean([np.corrcoef(envelope(clip), goal)[0, 1] for clip in audio]))

    assert likeness(0.05) > 0.75
    assert abs(likeness(1.0)) < 0.4
    full, _ = render(model, ask(2), pool, how=Sampling("unipc", 4), from_normals=True)
    noise, _ = render(model, ask(2), pool, how=Sampling("unipc", 4))
    for one, other in zip(full, noise, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("rate", [8000, 16_000, 22_050])
def test_a_round_trip_changes_neither_length_nor_level(model: LatentDiffusion, rate: int) -> None:
    pool = replace(clip_pool(4, (SAMPLES, 6000, 8191)), sample_rate=rate)
    renderer = Renderer(model, HOW, False, True, "cpu")
    seeds = [1, 2**64 - 1, 3, 4]
    coded = [clip for batch in renderer.roundtrip(pool, seeds) for clip in batch.audio]
    assert [len(clip) for clip in coded] == [len(pool.audio(i)) for i in range(4)]
    for index, clip in enumerate(coded):
        original = pool.audio(index)
        if rate <= RATE:  # at higher rates the codec, of 16 kHz, cuts what is above 8 kHz
            assert 20 * np.log10(clip.std() / original.std()) == pytest.approx(0.0, abs=0.5)
        assert not np.array_equal(clip, original)
    [alone] = [clip for batch in renderer.roundtrip(pool.subset([2]), [3]) for clip in batch.audio]
    np.testing.assert_array_equal(alone, coded[2])
