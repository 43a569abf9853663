"""Draw the spectrograms of docs/simulated.md: each machine, healthy and with each fault.

Run: python benchmarks/simulated_pictures.py docs/images
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw
from scipy.signal import stft

from asdbench.datasets.simulated.mix import machine_sound, render_parts
from asdbench.datasets.simulated.noise import factory_noise
from asdbench.datasets.simulated.plan import FAULTS, SAMPLE_RATE, Fault
from asdbench.datasets.simulated.spec import ClipSpec

WIDTH, HEIGHT, GAP, LEFT = 280, 150, 8, 34
SEVERITY = 0.8


@dataclass(frozen=True)
class View:
    """Which clip of a machine is shown, and how closely."""

    section: str
    index: int
    seconds: float
    top_hertz: float
    window: int
    range_db: float = 60.0


VIEWS = {
    "fan": View("02", 0, 5.0, 450.0, 8192, 40.0),
    "gearbox": View("00", 0, 4.0, 8000.0, 512),
    "bearing": View("00", 4, 5.0, 700.0, 4096, 40.0),
    "slider": View("01", 0, 6.0, 8000.0, 1024),
    "valve": View("00", 0, 6.0, 8000.0, 512),
}


def levels(audio: np.ndarray, view: View) -> np.ndarray:
    """Return a spectrogram in dB, highest frequency first."""
    audio = audio[: int(view.seconds * SAMPLE_RATE) + view.window]
    overlap = view.window * 7 // 8
    hertz, _, bins = stft(
        audio, SAMPLE_RATE, nperseg=view.window, noverlap=overlap, boundary=None, padded=False
    )
    level: np.ndarray = 20 * np.log10(np.abs(bins[hertz <= view.top_hertz]) + 1e-9)[::-1]
    return level


def panel(level: np.ndarray, top: float, view: View) -> Image.Image:
    """Return a spectrogram, from black at the view's range below ``top`` to pale yellow."""
    shade = np.clip((level - top) / view.range_db + 1, 0, 1)
    red = np.clip(2.2 * shade, 0, 1)
    green = np.clip(2.2 * shade - 1.0, 0, 1)
    blue = np.clip(0.55 * np.sin(np.pi * np.clip(1.6 * shade, 0, 1)) + 3 * (shade - 0.75), 0, 1)
    pixels = (np.stack([red, green, blue], axis=-1) * 255).astype(np.uint8)
    return Image.fromarray(pixels).resize((WIDTH, HEIGHT), Image.Resampling.BOX)


def sheet(rows: list[list[tuple[str, np.ndarray]]], view: View, path: Path) -> None:
    """Write panels in rows, each under its title."""
    columns = max(len(row) for row in rows)
    size = (LEFT + columns * (WIDTH + GAP), len(rows) * (HEIGHT + 34))
    image = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(image)
    for i, row in enumerate(rows):
        top = i * (HEIGHT + 34) + 16
        head = f"{view.top_hertz:g}" if view.top_hertz < 1000 else f"{view.top_hertz / 1000:g}k"
        draw.text((2, top), head, fill="black")
        draw.text((2, top + HEIGHT - 12), "0 Hz", fill="black")
        shown = [levels(audio, view) for _, audio in row]
        loudest = float(np.percentile(shown[0], 99.9)) + 3  # one scale for the row
        for j, (title, _) in enumerate(row):
            left = LEFT + j * (WIDTH + GAP)
            draw.text((left, top - 14), title, fill="black")
            image.paste(panel(shown[j], loudest, view), (left, top))
            draw.text((left + WIDTH - 30, top + HEIGHT + 2), f"{view.seconds:g} s", fill="black")
    image.quantize(48, method=Image.Quantize.MEDIANCUT).save(path, optimize=True)
    print(path, f"{path.stat().st_size / 1024:.0f} KB")


def draw_machine(machine: str, folder: Path) -> None:
    """Write the sheet of one machine: alone above, with factory noise below."""
    view = VIEWS[machine]
    spec = ClipSpec(machine, view.section, "source", "test", "normal", view.index, 0)
    background = render_parts(spec).background
    faults = [None, *(Fault(kind, SEVERITY) for kind in FAULTS[machine])]
    sounds = [machine_sound(spec, 10 * SAMPLE_RATE, fault) for fault in faults]
    named = " ".join(f"{name} {value}" for name, value in spec.setting)
    titles = [f"normal ({named})", *(fault.kind for fault in faults if fault is not None)]
    alone = list(zip(titles, sounds, strict=True))
    noisy = [(f"{title}, in noise", sound + background) for title, sound in alone]
    sheet([alone, noisy], view, folder / f"simulated_{machine}.png")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    for machine in VIEWS:
        draw_machine(machine, folder)
    halls = [
        (f"factory noise {name}", factory_noise(name, np.random.default_rng(5), 10 * SAMPLE_RATE))
        for name in "ABCD"
    ]
    sheet([halls], View("", 0, 6.0, 8000.0, 1024), folder / "simulated_noise.png")


if __name__ == "__main__":
    main()
