"""Latents: the view as an image, normalization, padding."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from asdbench.api import Condition
from asdbench.generators.mimii_gen.latents import (
    Layout,
    Statistics,
    channels,
    from_image,
    pad,
    padded_frames,
    to_image,
)

HERE = Condition("fan", "00", "source", (("vel", "6"),))
THERE = Condition("fan", "01", "target", (("vel", "8"),))


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def encodec_like(clips: int, frames: int = 200) -> torch.Tensor:
    """Rows with means of deviation 5 and deviations around 1.2, as EnCodec's latents have."""
    means = 5.0 * noise(128, 1, seed=1)
    deviations = 1.2 + 0.3 * (2 * torch.rand(128, 1, generator=torch.Generator().manual_seed(2)))
    return means + (deviations - 0.3) * noise(clips, 128, frames, seed=3)


def test_channel_c_holds_dimensions_8c_to_8c_plus_7() -> None:
    latents = noise(2, 128, 5)
    image = to_image(latents, "16x8")
    assert image.shape == (2, 16, 8, 5)
    for channel in range(16):
        assert torch.equal(image[:, channel], latents[:, 8 * channel : 8 * channel + 8])
    assert torch.equal(to_image(latents, "1x128")[:, 0], latents)


@pytest.mark.parametrize("layout", ["16x8", "1x128"])
def test_the_view_can_be_undone(layout: Layout) -> None:
    latents = noise(2, 128, 5)
    image = to_image(latents, layout)
    assert image.shape[1] == channels(layout)
    assert torch.equal(from_image(image), latents)


def test_normalized_rows_have_mean_0_and_deviation_1() -> None:
    clips = encodec_like(6)
    conditions = [HERE] * 6
    statistics = Statistics.measure(clips, conditions, "dimension")
    rows = statistics.normalize(clips, conditions).transpose(0, 1).flatten(1)
    assert rows.mean(1).abs().max() < 1e-4
    assert (rows.std(1, correction=0) - 1).abs().max() < 1e-4
    back = statistics.denormalize(statistics.normalize(clips, conditions), conditions)
    assert torch.allclose(back, clips, atol=1e-4)


def test_clips_of_unequal_length_count_by_their_frames() -> None:
    clips = [encodec_like(1, frames)[0] for frames in (50, 120)]
    statistics = Statistics.measure(clips, [HERE, HERE], "dimension")
    frames = torch.cat(clips, dim=-1)
    assert torch.allclose(statistics.mean[0], frames.mean(-1), atol=1e-5)
    assert torch.allclose(statistics.std[0], frames.std(-1, correction=0), atol=1e-5)


def test_sixteen_statistics_bury_the_sound_under_the_offsets_of_the_rows() -> None:
    """What the paper's text says, taken literally; the reason for 128 statistics."""
    clips = encodec_like(6)
    conditions = [HERE] * 6
    statistics = Statistics.measure(clips, conditions, "channel")
    assert statistics.mean[0].reshape(16, 8).unique(dim=1).shape == (16, 1)
    image = to_image(statistics.normalize(clips, conditions), "16x8")
    channel = image.transpose(0, 1).flatten(1)  # of a channel, everything
    assert channel.mean(1).abs().max() < 1e-4
    assert (channel.std(1, correction=0) - 1).abs().max() < 1e-3
    rows = image.permute(1, 2, 0, 3).flatten(2).std(-1)  # (16, 8): what varies in time
    assert 0.2 < rows.median() < 0.35
    constant = image.mean((0, 3)).var(1, correction=0)  # of the 8 offsets of a channel
    assert constant.mean() > 0.8


def test_one_mean_and_one_deviation_for_all() -> None:
    clips = encodec_like(6)
    statistics = Statistics.measure(clips, [HERE] * 6, "global")
    assert statistics.mean.unique().numel() == statistics.std.unique().numel() == 1
    normal = statistics.normalize(clips, [HERE] * 6)
    assert abs(float(normal.mean())) < 1e-4
    assert float(normal.std()) == pytest.approx(1.0, abs=1e-3)


def test_every_section_has_statistics_of_its_own() -> None:
    clips = torch.cat([noise(3, 128, 50), 4 + 2 * noise(3, 128, 50, seed=1)])
    conditions = [HERE, HERE, HERE, THERE, THERE, THERE]
    statistics = Statistics.measure(clips, conditions, "section")
    assert statistics.groups == ("fan/00", "fan/01")
    normal = statistics.normalize(clips, conditions)
    for group in (normal[:3], normal[3:]):
        rows = group.transpose(0, 1).flatten(1)
        assert rows.mean(1).abs().max() < 1e-4
        within = (group - group.mean(-1, keepdim=True)).transpose(0, 1).flatten(1)
        assert (within.std(1, correction=0) - 1).abs().max() < 1e-4
    assert torch.allclose(statistics.denormalize(normal, conditions), clips, atol=1e-4)


def test_clips_of_other_levels_leave_a_section_its_deviations() -> None:
    clips = noise(4, 128, 50)
    shifted = clips + torch.tensor([-20.0, -5.0, 5.0, 20.0])[:, None, None]
    conditions = [HERE] * 4
    plain, moved = (Statistics.measure(c, conditions, "section") for c in (clips, shifted))
    assert torch.allclose(plain.std, moved.std, atol=1e-4)
    assert float(Statistics.measure(shifted, conditions, "dimension").std.min()) > 10


def test_a_section_that_was_not_measured_is_known_as_such() -> None:
    by_section = Statistics.measure(noise(1, 128, 50), [HERE], "section")
    assert by_section.knows(replace(HERE, attributes=(), domain=None))
    assert not by_section.knows(THERE)
    for kind in ("dimension", "channel", "global"):
        assert Statistics.measure(noise(1, 128, 50), [HERE], kind).knows(THERE)  # type: ignore[arg-type]


def test_a_constant_row_is_not_divided_by_zero() -> None:
    clips = noise(2, 128, 50)
    clips[:, 7] = -100.0
    statistics = Statistics.measure(clips, [HERE, HERE], "dimension")
    normal = statistics.normalize(clips, [HERE, HERE])
    assert normal.isfinite().all()
    assert normal[:, 7].abs().max() < 1.0


@pytest.mark.parametrize(
    ("frames", "padded"), [(1, 16), (16, 16), (17, 32), (313, 320), (750, 752)]
)
def test_frames_are_padded_to_multiples_of_16(frames: int, padded: int) -> None:
    assert padded_frames(frames) == padded
    latents = noise(2, 128, frames)
    longer, mask = pad(latents, padded)
    assert longer.shape == (2, 128, padded)
    assert torch.equal(longer[:, :, :frames], latents)
    assert (longer[:, :, frames:] == latents[:, :, -1:]).all()
    assert mask.shape == (2, 1, padded)
    assert torch.equal(mask[0, 0], (torch.arange(padded) < frames).float())
