"""PaSST through a stand-in for the hear21passt package, which is not installed."""

from __future__ import annotations

import sys
import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from asdbench.api import Context
from asdbench.clips import ClipPool
from asdbench.embeddings.passt import PaSST, PaSSTParams
from asdbench.errors import WeightsError


class Mel(torch.nn.Module):
    """Energies of 32 ms: as the package's spectrogram, (batch, samples) to (batch, f, t)."""

    def __init__(self, **settings: Any) -> None:
        super().__init__()
        assert settings["sr"] == 32000

    def forward(self, audio: torch.Tensor) -> torch.Tensor:
        assert audio.shape[1] == 320_000
        assert not self.training
        return audio.reshape(len(audio), 4, -1)


class Network(torch.nn.Module):
    """Logits and features, as the package's network returns them."""

    def __init__(self) -> None:
        super().__init__()
        self.head = torch.nn.Linear(4, 7)

    def forward(self, spectrogram: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        features = spectrogram.squeeze(1).square().mean(dim=2)
        return self.head(features), features


@pytest.fixture
def package(monkeypatch: pytest.MonkeyPatch) -> None:
    def get_model_passt(arch: str, pretrained: bool) -> Network:
        assert arch == "passt_s_swa_p16_128_ap476"
        assert not pretrained
        print("the whole network")
        return Network()

    base = types.ModuleType("hear21passt.base")
    base.AugmentMelSTFT, base.get_model_passt = Mel, get_model_passt  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "hear21passt", types.ModuleType("hear21passt"))
    monkeypatch.setitem(sys.modules, "hear21passt.base", base)


def test_vectors_and_posteriors(
    package: None,
    clips: ClipPool,
    context: Context,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    save_file(Network().state_dict(), tmp_path / "passt.safetensors")
    embedding = PaSST(PaSSTParams(weights=str(tmp_path), batch_size=2))
    assert embedding.refuses() is None
    found, beliefs = embedding.embed(clips, context), embedding.posteriors(clips, context)
    assert found.rows.shape == (3, 4)
    # 2 s of 10 s: nothing but zeros after the first quarter
    assert (found.rows[:, 0] > 0).all()
    assert (found.rows[:, 1:] == 0.0).all()
    assert beliefs.shape == (3, 7)
    assert beliefs.sum(axis=1) == pytest.approx(np.ones(3))
    assert len(embedding.digest()) == 64
    assert capsys.readouterr().out == ""


def test_without_the_package_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, clips: ClipPool, context: Context
) -> None:
    monkeypatch.setitem(sys.modules, "hear21passt", None)
    monkeypatch.delitem(sys.modules, "hear21passt.base", raising=False)
    with pytest.raises(WeightsError, match="needs the package hear21passt") as caught:
        PaSST(PaSSTParams()).embed(clips, context)
    assert "pip install hear21passt" in (caught.value.hint or "")


def test_without_weights_it_says_where_to_get_them(package: None) -> None:
    refusal = PaSST(PaSSTParams()).refuses()
    assert refusal is not None
    assert "github.com/kkoutini/PaSST" in refusal
