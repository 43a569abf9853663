"""The U-Net: sizes, where it attends, which images it takes."""

from __future__ import annotations

import pytest
import tiny_diffusion
import torch
from diffusers.models.attention import BasicTransformerBlock
from torch import nn

from asdbench.generators.mimii_gen.latents import Layout
from asdbench.generators.mimii_gen.unet import PRESETS, PresetName, build_unet, denoise


@pytest.mark.parametrize(
    ("preset", "text_dim", "millions"),
    [("mini", 128, 5.37), ("small", 128, 16.77), ("base", 768, 145.3)],
)
def test_presets_have_their_sizes(preset: PresetName, text_dim: int, millions: float) -> None:
    with torch.device("meta"):
        unet = build_unet(preset, "16x8", text_dim)
    count = sum(weight.numel() for weight in unet.parameters())
    assert count / 1e6 == pytest.approx(millions, rel=0.01)
    if preset == "mini":
        assert count < 10e6


@pytest.mark.parametrize("preset", ["mini", "small", "base"])
def test_the_first_level_has_no_attention_and_the_deepest_has(preset: PresetName) -> None:
    with torch.device("meta"):
        unet = build_unet(preset, "16x8", 128)

    def attends(name: str) -> bool:
        block = unet.get_submodule(name)
        return any(isinstance(part, BasicTransformerBlock) for part in block.modules())

    deepest = len(PRESETS[preset].widths) - 1
    assert not attends("down_blocks.0")
    assert not attends(f"up_blocks.{deepest}")
    assert attends(f"down_blocks.{deepest}")
    assert attends("up_blocks.0")
    assert attends("mid_block")


def test_the_base_preset_has_heads_of_64() -> None:
    preset = PRESETS["base"]
    assert [w // h for w, h in zip(preset.widths, preset.heads, strict=True)] == [64] * 4


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    tiny_diffusion.use_tiny(monkeypatch)


def made(layout: Layout) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return build_unet("mini", layout, 24).eval()


@pytest.mark.parametrize("frames", [16, 21, 48])
@pytest.mark.parametrize(("layout", "shape"), [("16x8", (16, 8)), ("1x128", (1, 128))])
@pytest.mark.usefixtures("tiny")
def test_any_number_of_frames_fits_both_layouts(
    layout: Layout, shape: tuple[int, int], frames: int
) -> None:
    generator = torch.Generator().manual_seed(1)
    image = torch.randn(2, *shape, frames, generator=generator)
    text = torch.randn(2, 5, 24, generator=generator)
    with torch.no_grad():
        said = denoise(made(layout), image, torch.tensor([3, 900]), text)
    assert said.shape == image.shape
    assert said.isfinite().all()


@pytest.mark.usefixtures("tiny")
def test_text_and_timestep_are_heard() -> None:
    generator = torch.Generator().manual_seed(1)
    image = torch.randn(1, 16, 8, 16, generator=generator)
    text = torch.randn(3, 5, 24, generator=generator)
    text[2] = text[0].flip(0)  # the same mean: heard through attention alone
    unet = made("16x8")
    with torch.no_grad():
        first, other, mixed, later = (
            denoise(unet, image, torch.tensor([step]), text[row : row + 1])
            for row, step in ((0, 500), (1, 500), (2, 500), (0, 501))
        )
        again = denoise(unet, image, torch.tensor([500]), text[:1])
    assert torch.equal(first, again)
    assert (first - other).abs().max() > 1e-3
    assert (first - later).abs().max() > 1e-5
    assert torch.allclose(first, mixed, atol=1e-5)  # a set of tokens has no order


@pytest.mark.usefixtures("tiny")
def test_weights_come_from_the_seed() -> None:
    one, other = made("16x8").state_dict(), made("16x8").state_dict()
    assert all(torch.equal(one[name], other[name]) for name in one)
