from __future__ import annotations

import math
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from asdbench.api import Condition, Context
from asdbench.clips import ClipPool
from asdbench.embeddings import vggish as module
from asdbench.embeddings.vggish import (
    VGGish,
    VGGishNetwork,
    VGGishParams,
    log_mel_examples,
    mel_matrix,
)
from asdbench.errors import DataError, WeightsError


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same network with few channels."""
    channels = (2, "pool", 3, "pool", 4, 4, "pool", 5, 5, "pool")
    monkeypatch.setattr(module, "CHANNELS", channels)
    monkeypatch.setattr(module, "HIDDEN", 6)


@pytest.fixture
def weights(small: None, tmp_path: Path) -> Path:
    torch.manual_seed(0)
    save_file(VGGishNetwork().state_dict(), tmp_path / "vggish.safetensors")
    return tmp_path / "vggish.safetensors"


def test_names_and_shapes_are_those_of_the_published_port() -> None:
    with torch.device("meta"):
        network = VGGishNetwork()
    shapes = {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}
    channels = {0: (64, 1), 3: (128, 64), 6: (256, 128), 8: (256, 256), 11: (512, 256),
                13: (512, 512)}  # fmt: skip
    wanted = {f"features.{i}.weight": (*pair, 3, 3) for i, pair in channels.items()}
    wanted |= {f"features.{i}.bias": pair[:1] for i, pair in channels.items()}
    widths = [12288, 4096, 4096, 128]
    for layer, (a, b) in zip((0, 2, 4), pairwise(widths), strict=True):
        wanted |= {f"embeddings.{layer}.weight": (b, a), f"embeddings.{layer}.bias": (b,)}
    assert shapes == wanted
    assert sum(math.prod(shape) for shape in shapes.values()) == 72_141_184


def test_first_layer_reads_time_band_channel(small: None) -> None:
    network = VGGishNetwork()
    maps = torch.randn(1, 5, 6, 4)
    network.features = torch.nn.Identity()
    network.embeddings = torch.nn.Identity()
    flat = network(maps)
    assert flat.shape == (1, 120)
    assert flat[0, (3 * 4 + 2) * 5 + 4] == maps[0, 4, 3, 2]


def test_front_end_of_a_tone() -> None:
    second = np.sin(2 * np.pi * 1000.0 * np.arange(16000) / 16000).astype(np.float32)
    examples = log_mel_examples(second)
    assert examples.shape == (1, 96, 64)
    mel = 1127.0 * np.log1p(1000.0 / 700.0)
    low, high = 1127.0 * np.log1p(np.array([125.0, 7500.0]) / 700.0)
    band = round((mel - low) / (high - low) * 65) - 1
    assert examples[0].mean(axis=0).argmax() == band
    # Silence is log(0.01); the tone's peak is half the window's sum in magnitude, 100.
    assert log_mel_examples(np.zeros(16000, np.float32)).max() == pytest.approx(math.log(0.01))
    assert math.log(50) < examples.max() < math.log(250)


def test_front_end_has_half_open_triangles_and_no_bin_at_zero() -> None:
    matrix = mel_matrix()
    assert matrix.shape == (257, 64)
    assert (matrix[0] == 0.0).all()
    assert (matrix >= 0.0).all()
    assert matrix.max() <= 1.0
    assert (matrix.sum(axis=0) > 0.0).all()


@pytest.mark.parametrize(("samples", "examples"), [(15599, 0), (15600, 1), (30959, 1), (30960, 2)])
def test_an_incomplete_rest_is_dropped(samples: int, examples: int) -> None:
    assert len(log_mel_examples(np.ones(samples, np.float32))) == examples


def test_rows_say_which_clip_they_are_of(weights: Path, context: Context) -> None:
    rng = np.random.default_rng(0)
    audio = [(0.1 * rng.standard_normal(n)).astype(np.float32) for n in (16000, 80000, 32000)]
    pool = ClipPool.from_arrays(audio, 16000, [Condition("fan", "00")] * 3)
    embedding = VGGish(VGGishParams(weights=str(weights)))
    found = embedding.embed(pool, context)
    assert found.clip.tolist() == [0, 1, 1, 1, 1, 1, 2, 2]
    assert found.rows.shape == (8, 128)
    alone = embedding.embed(pool.subset([1]), context)
    np.testing.assert_allclose(alone.rows, found.rows[1:6], atol=1e-6)
    assert (found.rows < 0).any()  # the last ReLU is left out
    assert embedding.refuses() is None
    same = VGGish(VGGishParams(weights=str(weights.parent)))
    assert same.digest() == embedding.digest()


def test_short_clips_and_absent_weights_are_clear_errors(
    weights: Path, context: Context, tmp_path: Path
) -> None:
    short = ClipPool.from_arrays([np.ones(8000, np.float32)], 16000, [Condition("fan", "00")])
    with pytest.raises(DataError, match=r"clip 0 has 8000 samples.*0\.975 s"):
        VGGish(VGGishParams(weights=str(weights))).embed(short, context)
    refusal = VGGish(VGGishParams()).refuses()
    assert refusal is not None
    assert "vggish-10086976.pth" in refusal
    assert "weights=FILE" in refusal
    with pytest.raises(WeightsError, match="no safetensors file; no other is read"):
        VGGish(VGGishParams(weights="vggish.pth")).digest()
    with pytest.raises(WeightsError, match="cannot be read"):
        VGGish(VGGishParams(weights=str(tmp_path / "absent.safetensors"))).digest()
    (tmp_path / "broken.safetensors").write_bytes(weights.read_bytes()[:300])
    with pytest.raises(WeightsError, match="cannot be read"):
        VGGish(VGGishParams(weights=str(tmp_path / "broken.safetensors"))).digest()
    with pytest.raises(WeightsError, match="holds 2 safetensors files"):
        VGGish(VGGishParams(weights=str(tmp_path))).digest()
    other = torch.nn.Linear(3, 2).state_dict()
    save_file(other, tmp_path / "other.safetensors")
    with pytest.raises(WeightsError, match="of another model"):
        VGGish(VGGishParams(weights=str(tmp_path / "other.safetensors"))).digest()
