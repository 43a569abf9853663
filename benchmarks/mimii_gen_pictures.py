"""Draw the spectrograms of docs/generator.md: real clips beside generated ones of their condition.

Run: asdbench data simulate twin --seed 202
     python benchmarks/mimii_gen_pictures.py twin docs/images

A sheet for each machine: a condition that the checkpoint was trained on and one that it was not, a
normal and an anomalous clip of each, and the first clip that the generator makes for it.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from asdbench.api import Clip, Context, Request
from asdbench.audio import AudioFormat, read_audio
from asdbench.clips import ClipPool
from asdbench.conditions import parse_condition
from asdbench.datasets.dcase import DCASE
from asdbench.generators.mimii_gen import MIMIIGen
from asdbench.generators.mimii_gen.checkpoint import CARD
from asdbench.generators.mimii_gen.params import MIMIIGenParams
from asdbench.generators.mimii_gen.pictures import Panel, write_sheet
from asdbench.generators.mimii_gen.shipped import FOLDER

RATE = 16_000


def panels(generator: MIMIIGen, clip: Clip, note: str, context: Context) -> list[Panel]:
    """Return a real clip, and a generated one for its condition."""
    real = read_audio(clip.path, AudioFormat())
    seed = 1 if clip.label == "normal" else 2
    request = Request(clip.condition, clip.label, seed, len(real))
    nothing = ClipPool.from_arrays([], RATE, [])
    made = next(iter(generator.generate([request], nothing, context))).audio[0]
    shown = replace(clip.condition, domain=None)
    return [
        Panel(f"real {clip.label}, {note}: {shown}", real),
        Panel(f"generated {clip.label}", np.asarray(made)),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    options = parser.parse_args()
    clips = [
        clip
        for clip in DCASE(DCASE.info.params(root=options.data, year=2022)).clips()
        if clip.split == "test" and clip.section == "00"
    ]
    with TemporaryDirectory() as scratch:
        context = Context(0, Path(scratch))
        generator = MIMIIGen(MIMIIGenParams())
        generator.fit(ClipPool.from_arrays([], RATE, []), context)
        card = json.loads((FOLDER / "mini" / CARD).read_text())
        seen = {replace(parse_condition(text), domain=None) for text in card["conditions"]}
        for machine in sorted({clip.machine for clip in clips}):
            rows = []
            for known, note in ((True, "seen"), (False, "unseen")):
                row: list[Panel] = []
                for label in ("normal", "anomaly"):
                    fitting = [
                        clip
                        for clip in clips
                        if (clip.machine, clip.label) == (machine, label)
                        and (replace(clip.condition, domain=None) in seen) == known
                    ]
                    if fitting:
                        row += panels(generator, fitting[0], note, context)
                if row:
                    rows.append(row)
            write_sheet(rows, RATE, options.out / f"mimii_gen_{machine}.png")


if __name__ == "__main__":
    main()
