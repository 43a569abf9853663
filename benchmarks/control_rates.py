"""Count how often a perfect generator is called different, and one with a tone.

Many small data sets of one simulated section, each with clips that `perfect` and `hum` made for it;
one detector, fitted once. Every data set gives one gap and one verdict for each generator and arm.

Run: python benchmarks/control_rates.py [--sets 100] [--clips 12] [--machine valve]
"""

from __future__ import annotations

import argparse
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tabulate import tabulate

from asdbench.api import Condition, Context, Generator, Label, Params, Request
from asdbench.clips import ClipPool
from asdbench.datasets.simulated.mix import render
from asdbench.datasets.simulated.plan import SAMPLE_RATE
from asdbench.datasets.simulated.spec import ClipSpec, section_specs
from asdbench.detectors.gmm import GMM
from asdbench.stats.combination import combination
from asdbench.stats.curves import Curve, Pool
from asdbench.stats.equivalence import verdict
from asdbench.suites.controls import Hum, HumParams, Perfect

SECONDS = 1.0
VERDICTS = ("equivalent", "negligible", "different", "inconclusive")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sets", type=int, default=100, help="data sets")
    parser.add_argument("--clips", type=int, default=12, help="test clips a domain and label")
    parser.add_argument("--machine", default="valve")
    parser.add_argument("--margin", type=float, default=0.05)
    given = parser.parse_args()
    context = Context(0, Path(tempfile.mkdtemp()))
    train = [s for s in section_specs(given.machine, "00", 150, 1, 0) if s.split == "train"]
    detector = GMM(GMM.info.params())
    detector.fit(pool_of(train), context)
    generators: dict[str, Generator] = {
        "perfect": Perfect(Params()),
        "hum, -20 dB": Hum(HumParams(level_db=-20.0)),
    }
    found = {(name, arm): Counter() for name in generators for arm in ("matched", "paper")}
    gaps: dict[tuple[str, str], list[float]] = {key: [] for key in found}
    for seed in range(1, given.sets + 1):
        real, asked = {}, {}
        for label in ("normal", "anomaly"):
            clips = pool_of(specs_of(given.machine, given.clips, seed, label))
            real[label] = detector.score(clips, context)
            asked[label] = requests(clips, label, 10_000 * seed)
        for name, generator in generators.items():
            made = {
                label: detector.score(made_by(generator, asked[label], clips, context), context)
                for label in asked
            }
            for arm in ("matched", "paper"):
                beside = made["normal"] if arm == "matched" else real["normal"]
                pool = Pool("made normals" if arm == "matched" else "real normals", beside)
                normals = Pool("real normals", real["normal"])
                terms = [
                    (1.0, Curve(pool, Pool("made anomalies", made["anomaly"]))),
                    (-1.0, Curve(normals, Pool("real", real["anomaly"]))),
                ]
                gap = combination(terms, 0.95, 1000, np.random.default_rng(seed))
                found[name, arm][verdict(gap, given.margin)] += 1
                gaps[name, arm].append(gap.estimate)
    rows = [
        [*key, *(counts[word] for word in VERDICTS), f"{np.mean(gaps[key]):+.3f}"]
        for key, counts in found.items()
    ]
    print(tabulate(rows, ["generator", "gap", *VERDICTS, "mean gap"], tablefmt="github"))


def specs_of(machine: str, clips: int, seed: int, label: str) -> list[ClipSpec]:
    specs = section_specs(machine, "00", 1, clips, seed)
    return [spec for spec in specs if (spec.split, spec.label) == ("test", label)]


def pool_of(specs: Sequence[ClipSpec]) -> ClipPool:
    conditions = [
        Condition(s.machine, s.section, s.domain, tuple(sorted(s.setting))) for s in specs
    ]
    return ClipPool.from_arrays([render(s, SECONDS) for s in specs], SAMPLE_RATE, conditions)


def requests(clips: ClipPool, label: Label, seed: int) -> list[Request]:
    samples = round(SECONDS * SAMPLE_RATE)
    return [Request(c, label, seed + i, samples) for i, c in enumerate(clips.conditions)]


def made_by(
    generator: Generator, asked: Sequence[Request], clips: ClipPool, context: Context
) -> ClipPool:
    batches = generator.generate(asked, clips, context)
    audio: list[NDArray[np.float32]] = [clip for batch in batches for clip in batch.audio]
    return ClipPool.from_arrays(audio, SAMPLE_RATE, [request.condition for request in asked])


if __name__ == "__main__":
    main()
