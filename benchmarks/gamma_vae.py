"""Training time of gamma-vae beside a plain PyTorch loop of the same network.

Prints CPU seconds of one epoch on one thread. Both sides run in turn in one process, on the same
frames; the ratio is the median of the turns' ratios.

    python benchmarks/gamma_vae.py [--clips 1000] [--batch-size 256] [--turns 3]
"""

from __future__ import annotations

import argparse
import time

import numpy as np
import torch
from gamma_vae_plain import Plain

from asdbench.api import no_progress
from asdbench.detectors._ae_batches import WindowBatches, WindowGather
from asdbench.detectors._ae_split import split_windows
from asdbench.detectors._ae_training import train_network
from asdbench.detectors._gamma_vae_gradient import GammaBackpropagation
from asdbench.detectors._gamma_vae_latent import kl_divergence
from asdbench.detectors._gamma_vae_network import GammaVAENetwork
from asdbench.detectors.gamma_vae import GammaVAEParams
from asdbench.features import Frames

FRAMES, BANDS = 313, 128


class Ours:
    """Trains on nine tenths of the windows, with the parts that gamma-vae is made of."""

    def __init__(self, frames: Frames, batch_size: int) -> None:
        self.settings = GammaVAEParams(epochs=1, batch_size=batch_size).settings()
        self.generator = torch.Generator().manual_seed(0)
        windows = frames.windows(5)
        clips = np.zeros(len(frames), dtype=np.bool_)
        kept, _ = split_windows("vectors", windows, clips, self.generator)
        self.starts = torch.from_numpy(windows.starts)
        self.batches = WindowBatches(kept, batch_size)
        self.gather = WindowGather(frames.values, 5, torch.device("cpu"))
        network = GammaVAENetwork(self.gather.width, paper=False)
        network.initialize("torch", self.generator)
        self.gradient = GammaBackpropagation(network, kl_divergence, self.generator)

    def epoch(self) -> None:
        """Train on every window once."""
        how = (self.settings, self.generator, no_progress, "gamma-vae")
        train_network(self.gradient, self.gather, self.starts, self.batches, *how)


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
    mine = Ours(frames, args.batch_size)
    turns = []
    for _ in range(args.turns):
        marks = [time.process_time()]
        for side in (mine, other):
            side.epoch()
            marks.append(time.process_time())
        turns.append(np.diff(marks))
        print(f"ours {turns[-1][0]:.2f} s, plain {turns[-1][1]:.2f} s", flush=True)
    ratio = float(np.median([plain / ours for ours, plain in turns]))
    print(f"one epoch of {args.clips} clips, batch {args.batch_size}: ratio {ratio:.2f}")


if __name__ == "__main__":
    main()
