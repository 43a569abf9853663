"""Time and memory of the DCASE autoencoder beside the same thing written plainly.

Prints one table: seconds of CPU time on one thread, peak memory, and their ratios. Each side runs
in a process of its own. Needs the ``dev`` extra (librosa).

    python benchmarks/dcase_ae.py [--clips 1000] [--batch-size 256]
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

SECONDS, RATE, TEST_CLIPS = 10, 16000, 200


def reader() -> Callable[[int], NDArray[np.float32]]:
    """Return a source of 10 s clips that costs no time: pieces of one long noise."""
    length = SECONDS * RATE
    noise = 0.1 * np.random.default_rng(0).standard_normal(length * 3).astype(np.float32)
    return lambda index: noise[index * 137 : index * 137 + length]


def ours(clips: int, batch_size: int) -> dict[str, float]:
    from asdbench.api import Condition, Context
    from asdbench.clips import ClipPool
    from asdbench.detectors.dcase_ae import DCASEAutoencoder, DCASEAutoencoderParams

    conditions = [
        Condition("fan", "00", "target" if i % 100 == 99 else "source") for i in range(clips)
    ]
    pool = ClipPool(conditions, RATE, reader())
    params = DCASEAutoencoderParams(epochs=2, batch_size=batch_size, score="mahalanobis")
    marks = [time.process_time()]
    pool.features(params.log_mel())
    marks.append(time.process_time())
    detector = DCASEAutoencoder(params)
    with tempfile.TemporaryDirectory() as scratch:
        context = Context(0, Path(scratch), progress=lambda *_: marks.append(time.process_time()))
        detector.fit(pool, context)
        marks.append(time.process_time())
        test = pool.subset(range(TEST_CLIPS))
        test.features(params.log_mel())
        marks.append(time.process_time())
        detector.score(test, context)
        marks.append(time.process_time())
    steps = np.diff(marks)  # features, epoch 1, epoch 2, covariances, subset, score
    return {"features": steps[0], "epoch": steps[2], "covariances": steps[3], "score": steps[5]}


def plain(clips: int, batch_size: int) -> dict[str, float]:
    from dcase_ae_plain import Plain

    baseline = Plain(batch_size)
    phases: dict[str, Callable[[], None]] = {
        "features": lambda: baseline.features(reader(), clips),
        "epoch": baseline.epoch,
        "covariances": baseline.covariances,
        "score": lambda: baseline.score(TEST_CLIPS),
    }
    seconds = {}
    for name, phase in phases.items():
        start = time.process_time()
        phase()
        seconds[name] = time.process_time() - start
    return seconds


def measure(side: str, clips: int, batch_size: int) -> dict[str, float]:
    """Run one side in a process of its own and return what it printed."""
    one_thread = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    command = [sys.executable, __file__, "--side", side]
    command += ["--clips", str(clips), "--batch-size", str(batch_size)]
    done = subprocess.run(
        command, check=True, stdout=subprocess.PIPE, text=True, env=os.environ | one_thread
    )
    return dict(json.loads(done.stdout))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=int, default=1000)
    parser.add_argument("--batch-size", type=int, default=256)
    parser.add_argument("--side", choices=["ours", "plain"], help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.side:
        import torch

        torch.set_num_threads(1)
        run = ours if args.side == "ours" else plain
        result = run(args.clips, args.batch_size)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024  # MiB on Linux
        print(json.dumps(result | {"peak": peak}))
        return

    sides = ["ours", "plain"]
    found = {side: measure(side, args.clips, args.batch_size) for side in sides}
    labels = {
        "features": f"features of {args.clips} clips, s",
        "epoch": f"one epoch, batch {args.batch_size}, s",
        "covariances": "covariances and thresholds, s",
        "score": f"mahalanobis score of {TEST_CLIPS} clips, s",
        "peak": "peak memory, MiB",
    }
    print(f"| {'':36} | {' | '.join(f'{side:>8}' for side in sides)} | ratio |")
    print(f"|{'-' * 38}|{'|'.join('-' * 9 + ':' for _ in sides)}|------:|")
    for name, label in labels.items():
        values = [found[side][name] for side in sides]
        cells = " | ".join(f"{value:8.2f}" for value in values)
        print(f"| {label:36} | {cells} | {values[1] / values[0]:5.1f} |")


if __name__ == "__main__":
    main()
