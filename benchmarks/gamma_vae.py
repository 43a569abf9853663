"""Training time of gamma-vae beside a plain PyTorch loop of the same network.

Prints CPU seconds of one epoch on one thread. Both sides run in turn in one process, on the same
frames; the ratio is the median of the turns' ratios.

    python benchmarks/gamma_vae.py [--clips 1000] [--batch-size 256] [--turns 3]
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from gamma_vae_plain import Plain

from asdbench.api import Condition, Context
from asdbench.clips import ClipPool
from asdbench.detectors.gamma_vae import GammaVAE, GammaVAEParams
from asdbench.features import Frames

FRAMES, BANDS = 313, 128


def ours(frames: Frames, batch_size: int) -> float:
    """Return the CPU time of the second of two epochs."""
    conditions = [
        Condition("fan", "00", "target" if i % 100 == 99 else "source") for i in range(len(frames))
    ]
    pool = ClipPool(conditions, 16000, lambda i: np.zeros(0), cached_features=lambda _: frames)
    marks: list[float] = []
    with tempfile.TemporaryDirectory() as scratch:
        context = Context(0, Path(scratch), progress=lambda *_: marks.append(time.process_time()))
        GammaVAE(GammaVAEParams(epochs=2, batch_size=batch_size)).fit(pool, context)
    return marks[1] - marks[0]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=int, default=1000)
    parser.add_argument("--batch-size", type=int, default=256)
    parser.add_argument("--turns", type=int, default=3)
    args = parser.parse_args()
    torch.set_num_threads(1)
    rng = np.random.default_rng(0)
    values = (5 * rng.standard_normal((args.clips * FRAMES, BANDS)) - 40).astype(np.float32)
    frames = Frames(values, np.arange(args.clips + 1) * FRAMES)
    other = Plain([frames.clip(i) for i in range(args.clips)], args.batch_size)
    turns = []
    for _ in range(args.turns):
        mine = ours(frames, args.batch_size)
        start = time.process_time()
        other.epoch()
        turns.append((mine, time.process_time() - start))
        print(f"ours {turns[-1][0]:.2f} s, plain {turns[-1][1]:.2f} s", flush=True)
    ratio = float(np.median([plain / mine for mine, plain in turns]))
    print(f"one epoch of {args.clips} clips, batch {args.batch_size}: ratio {ratio:.2f}")


if __name__ == "__main__":
    main()
