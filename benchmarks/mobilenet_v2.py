"""Time and memory of the MobileNetV2 detector beside the same thing written plainly.

Prints one table: CPU time on one thread of training and of scoring, peak memory, and the plain
side's share. Each round runs both sides, each in a process of its own; a ratio is the median over
rounds of the ratio within a round. Numbers for 1,000 clips are scaled up from ``--clips``: the
time of a step does not depend on how many there are.

    python benchmarks/mobilenet_v2.py [--preset mimii-dg] [--clips 30] [--rounds 3]
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

SECONDS, RATE, SECTIONS, TEST_CLIPS = 10, 16000, 3, 6


def reader() -> Callable[[int], NDArray[np.float32]]:
    """Return a source of 10 s clips that costs no time: pieces of one long noise."""
    length = SECONDS * RATE
    noise = 0.1 * np.random.default_rng(0).standard_normal(length * 3).astype(np.float32)
    return lambda index: noise[index * 137 : index * 137 + length]


def ours(preset: str, clips: int) -> dict[str, float]:
    from asdbench.api import Condition, Context
    from asdbench.clips import ClipPool
    from asdbench.detectors.mobilenet_v2 import MobileNetV2, MobileNetV2Params

    conditions = [Condition("fan", f"0{i * SECTIONS // clips}") for i in range(clips)]
    pool = ClipPool(conditions, RATE, reader())
    params = MobileNetV2Params(preset=preset, epochs=2, validation="none")
    pool.features(params.log_mel())
    detector = MobileNetV2(params)
    marks: list[float] = []
    with tempfile.TemporaryDirectory() as scratch:
        context = Context(0, Path(scratch), progress=lambda *_: marks.append(time.process_time()))
        detector.fit(pool, context)
        test = pool.subset(range(TEST_CLIPS))
        test.features(params.log_mel())
        start = time.process_time()
        detector.score(test, context)
        scored = time.process_time() - start
    return {"epoch": marks[1] - marks[0], "score": scored}


def plain(preset: str, clips: int) -> dict[str, float]:
    from mobilenet_v2_plain import Plain

    from asdbench.detectors.mobilenet_v2 import MobileNetV2Params

    plan = MobileNetV2Params(preset=preset).settings()
    baseline = Plain(reader(), clips, SECTIONS, plan.train_hop, plan.test_hop, plan.batch_size)
    baseline.epoch()
    marks = [time.process_time()]
    baseline.epoch()
    marks.append(time.process_time())
    baseline.score(TEST_CLIPS)
    marks.append(time.process_time())
    return {"epoch": marks[1] - marks[0], "score": marks[2] - marks[1]}


def measure(side: str, preset: str, clips: int) -> dict[str, float]:
    """Run one side in a process of its own and return what it printed."""
    one_thread = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    command = [sys.executable, __file__, "--side", side]
    command += ["--preset", preset, "--clips", str(clips)]
    done = subprocess.run(
        command, check=True, stdout=subprocess.PIPE, text=True, env=os.environ | one_thread
    )
    return dict(json.loads(done.stdout))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--preset", choices=["mimii-dg", "dcase2022"], default="mimii-dg")
    parser.add_argument("--clips", type=int, default=30)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--side", choices=["ours", "plain"], help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.side:
        import torch

        torch.set_num_threads(1)
        run = ours if args.side == "ours" else plain
        result = run(args.preset, args.clips)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024  # MiB on Linux
        print(json.dumps(result | {"peak": peak}))
        return

    sides = ["ours", "plain"]
    found = [
        {side: measure(side, args.preset, args.clips) for side in sides} for _ in range(args.rounds)
    ]
    labels = {
        "epoch": ("one epoch of 1000 clips, s", 1000 / args.clips),
        "score": ("score of a clip, ms", 1000 / TEST_CLIPS),
        "peak": (f"peak memory, {args.clips} clips, MiB", 1),
    }
    print(f"| {args.preset:32} | {' | '.join(f'{side:>8}' for side in sides)} | ratio |")
    print(f"|{'-' * 34}|{'|'.join('-' * 9 + ':' for _ in sides)}|------:|")
    for name, (label, factor) in labels.items():
        values = [factor * np.median([one[side][name] for one in found]) for side in sides]
        ratio = np.median([one["plain"][name] / one["ours"][name] for one in found])
        cells = " | ".join(f"{value:8.1f}" for value in values)
        print(f"| {label:32} | {cells} | {ratio:5.1f} |")


if __name__ == "__main__":
    main()
