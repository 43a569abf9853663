"""Time of a training step of SerialOE's extractor beside the same thing written plainly.

Both sides train in one process, a step of one after a step of the other, on one thread; the table
has seconds of CPU time and the median of the paired ratios. An epoch of 1,000 positive clips is
extrapolated from the steps that such an epoch has. Needs the ``dev`` extra (librosa).

    python benchmarks/serial_oe.py [--steps 6] [--batch-size 128] [--seconds 2] [--width 1]
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator

import numpy as np
import torch
from numpy.typing import NDArray

RATE, SECTIONS, POSITIVES = 16000, 3, 1000


def reader() -> Callable[[int], NDArray[np.float32]]:
    """Return a source of 10 s clips that costs no time: pieces of one long noise."""
    noise = 0.1 * np.random.default_rng(0).standard_normal(RATE * 30).astype(np.float32)
    return lambda index: noise[index * 137 : index * 137 + RATE * 10]


def ours(clips: int, args: argparse.Namespace) -> Iterator[torch.Tensor]:
    """Return the steps of the detector's training."""
    from asdbench.api import Condition
    from asdbench.clips import ClipPool
    from asdbench.detectors._serial_oe_crops import Crops, band_gain
    from asdbench.detectors._serial_oe_material import Material
    from asdbench.detectors._serial_oe_network import Extractor
    from asdbench.detectors._serial_oe_params import SerialOEParams
    from asdbench.detectors._serial_oe_training import Plan, training_steps

    spec = SerialOEParams().log_mel()
    pool = ClipPool([Condition("fan", "00")] * 2 * clips, RATE, reader())
    length = spec.frames(int(args.seconds * RATE))
    crops = Crops(pool.features(spec), length, band_gain(RATE, spec), np.full(2 * clips, 10.0))
    extractor = Extractor(SECTIONS, width=args.width)
    extractor.initialize(torch.Generator().manual_seed(0))
    material = Material(np.arange(clips), np.arange(clips) % SECTIONS, np.arange(clips) + clips)
    plan = Plan(args.steps, args.batch_size, 1e-3, 10.0, 0.2, None)
    rng = np.random.default_rng(0)
    return training_steps(extractor, crops, material, plan, rng, torch.device("cpu"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=6)
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--width", type=float, default=1.0)
    args = parser.parse_args()
    from serial_oe_plain import Plain

    torch.set_num_threads(1)
    clips = args.batch_size // 2  # one step an epoch
    plain = Plain(reader(), clips, args.batch_size, args.seconds, args.width, SECTIONS, args.steps)
    sides = {"ours": ours(clips, args), "plain": plain.steps()}
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(args.steps):
        for name, steps in sides.items():
            start = time.process_time()
            next(steps)
            seconds[name].append(time.process_time() - start)

    warm = {name: np.array(values[1:]) for name, values in seconds.items()}
    epoch = -(-POSITIVES // clips)
    ratio = float(np.median(warm["plain"] / warm["ours"]))
    print(f"| batch {args.batch_size}, {args.seconds:g} s, width {args.width:g} | ours | plain |")
    print("|---|--:|--:|")
    for label, factor in (
        ("one step, s", 1),
        (f"one epoch of {epoch} steps (extrapolated), s", epoch),
    ):
        cells = " | ".join(f"{factor * np.median(values):.2f}" for values in warm.values())
        print(f"| {label} | {cells} |")
    print(f"\nplain / ours, median of {args.steps - 1} pairs: {ratio:.2f}")


if __name__ == "__main__":
    main()
