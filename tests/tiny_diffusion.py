"""A latent diffusion model small enough for tests: a U-Net of two levels, half-second clips."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from asdbench.api import Audio, Condition, Context, Label, no_progress
from asdbench.clips import ClipPool
from asdbench.generators.mimii_gen.latent_cache import LatentSet, encode_clips
from asdbench.generators.mimii_gen.latents import Statistics
from asdbench.generators.mimii_gen.mel_codec import MelCodec
from asdbench.generators.mimii_gen.model import LatentDiffusion, ModelSettings, write_prompt
from asdbench.generators.mimii_gen.text_factory import make_text_encoder
from asdbench.generators.mimii_gen.training import seen_conditions
from asdbench.generators.mimii_gen.unet import PRESETS, UNetPreset, build_unet

RATE = 16_000
SAMPLES = 8000  # 16 frames of the mel codec
TINY = UNetPreset((16, 32), 1, (False, True), (1, 2), True)
PARAMS: dict[str, Any] = {
    "checkpoint": None,
    "steps": 2,
    "architecture": {
        "text_dim": 16,
        "calibration_clips": 2,
        "training": {
            "steps": 3,
            "batch_size": 2,
            "warmup": 2,
            "cooldown": 0,
            "precision": "fp32",
            "validate_every": 2,
        },
    },
}
"""Of the plug-in: trains for three steps inside of fit()."""


def use_tiny(monkeypatch: Any) -> None:
    """Make ``mini`` the tiny U-Net."""
    monkeypatch.setitem(PRESETS, "mini", TINY)


def where(machine: str = "fan", section: str = "00", **attributes: str) -> Condition:
    return Condition(machine, section, None, tuple(sorted(attributes.items())))


CONDITIONS = (where(vel="6", loc="A"), where(vel="10", loc="B"), where("pump", pat="00"))


def sound(seed: int, samples: int = SAMPLES, level: float = 0.05) -> Audio:
    """A hum in noise."""
    rng = np.random.default_rng(seed)
    hum = np.sin(2 * np.pi * 240 / RATE * np.arange(samples) + rng.uniform(0, 6))
    return (level * (hum + rng.standard_normal(samples))).astype(np.float32)


def clip_pool(count: int = 12, lengths: Sequence[int] = (SAMPLES,)) -> ClipPool:
    """Return clips of all conditions, every second run of three anomalous."""
    conditions = [CONDITIONS[i % 3] for i in range(count)]
    labels: list[Label] = ["normal" if i // 3 % 2 == 0 else "anomaly" for i in range(count)]
    audio = [
        sound(i, lengths[i % len(lengths)], 0.1 if labels[i] == "anomaly" else 0.05)
        for i in range(count)
    ]
    return ClipPool.from_arrays(audio, RATE, conditions, labels)


def latent_set(folder: Path, count: int = 12, lengths: Sequence[int] = (SAMPLES,)) -> LatentSet:
    """Return the mel latents of :func:`clip_pool`."""
    return encode_clips(clip_pool(count, lengths), MelCodec(RATE), folder, no_progress, "training")


def tiny_model(latents: LatentSet, text: str = "attributes", **chosen: Any) -> LatentDiffusion:
    """Return an untrained model for ``latents``, the same every time."""
    settings: dict[str, Any] = {
        "preset": "mini",
        "layout": "16x8",
        "normalization": "section",
        "prediction": "v",
        "detail": "full",
    }
    source = chosen.pop("source", None)
    told = ModelSettings(**(settings | chosen))
    pairs = zip(latents.conditions, latents.labels, strict=True)
    prompts = [write_prompt(condition, label, told.detail) for condition, label in pairs]
    encoder = make_text_encoder(text, prompts, dim=16, source=source)  # type: ignore[arg-type]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        unet = build_unet(told.preset, told.layout, encoder.dim)
    clips = (latents.clip(i) for i in range(len(latents)))
    return LatentDiffusion(
        settings=told,
        codec=MelCodec(RATE),
        codec_source=None,
        text=encoder.eval(),
        unet=unet.eval(),
        statistics=Statistics.measure(clips, latents.conditions, told.normalization),
        conditions=seen_conditions(latents),
        sample_rate=RATE,
    )


def context(folder: Path, seed: int = 0) -> Context:
    folder.mkdir(parents=True, exist_ok=True)
    return Context(seed=seed, scratch=folder)
