"""Sheets of log-mel spectrograms, so that generated clips can be looked at beside real ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from asdbench.api import Audio
from asdbench.features import LogMelSpec, log_mel

_WIDTH, _HEIGHT, _GAP, _HEAD = 300, 128, 8, 18
_RANGE_DB = 60.0


@dataclass(frozen=True)
class Panel:
    """One clip under its title."""

    title: str
    audio: Audio


def write_sheet(rows: Sequence[Sequence[Panel]], sample_rate: int, path: Path) -> None:
    """Write ``rows`` of panels as a PNG; the panels of a row share one dB scale.

    Time runs to the right over the whole clip, mel bands upwards from 0 Hz to half the sample
    rate. White is the loudest, black 60 dB below.
    """
    columns = max(len(row) for row in rows)
    size = (columns * (_WIDTH + _GAP) + _GAP, len(rows) * (_HEIGHT + _HEAD + _GAP) + _GAP)
    image = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(image)
    for index, row in enumerate(rows):
        top = _GAP + index * (_HEIGHT + _HEAD + _GAP)
        levels = [_levels(panel.audio, sample_rate) for panel in row]
        loudest = float(max(np.percentile(level, 99.9) for level in levels))
        for column, (panel, level) in enumerate(zip(row, levels, strict=True)):
            left = _GAP + column * (_WIDTH + _GAP)
            draw.text((left, top), panel.title, fill="black")
            image.paste(_shaded(level, loudest), (left, top + _HEAD))
    image.quantize(64, method=Image.Quantize.MEDIANCUT).save(path, optimize=True)


def _levels(audio: Audio, sample_rate: int) -> NDArray[np.float32]:
    frames = log_mel([audio], sample_rate, LogMelSpec(n_fft=1024, hop_length=256))
    return frames.values.T[::-1]


def _shaded(level: NDArray[np.float32], loudest: float) -> Image.Image:
    shade = np.clip((level - loudest) / _RANGE_DB + 1, 0, 1)
    red = np.clip(2.2 * shade, 0, 1)
    green = np.clip(2.2 * shade - 1.0, 0, 1)
    blue = np.clip(0.55 * np.sin(np.pi * np.clip(1.6 * shade, 0, 1)) + 3 * (shade - 0.75), 0, 1)
    pixels = (np.stack([red, green, blue], axis=-1) * 255).astype(np.uint8)
    return Image.fromarray(pixels).resize((_WIDTH, _HEIGHT), Image.Resampling.BOX)
