"""What each piece does, on data where its paper says that it should.

Two simulated machines with two sections each. The faults are known: *other section* is a normal
clip of the machine's other section in the place of this one's, *foreign section* mixes a normal
clip with such a one, *foreign machine* with one of the other machine, *own* are the simulated
twin's faults, which sound like neither. A classifier of sections
should hear the first, outlier exposure the second, an autoencoder all of them a little; smoothing
should help where the embedding it looks for neighbors in separates, and do no harm elsewhere.

Run: python benchmarks/detector_ablations.py [--seeds 0 1 2] [--by-section]
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sklearn.metrics import roc_auc_score
from tabulate import tabulate

from asdbench.api import Condition, Context, Detector, SupportsEmbedding
from asdbench.clips import ClipPool
from asdbench.datasets.simulated.mix import render
from asdbench.datasets.simulated.plan import SAMPLE_RATE
from asdbench.datasets.simulated.spec import ClipSpec, section_specs
from asdbench.detectors._neighborhoods import smooth
from asdbench.registry import load

MACHINES, SECTIONS = ("fan", "slider"), ("00", "01")
FAULTS = ("other section", "foreign section", "foreign machine", "own")
SERIAL = {
    "batch_size": 32, "log": True, "n_mels": 64, "hop_length": 512, "width": 0.25, "depth": 0.25,
    "segments": 8, "inliers": "all", "clusters": 2, "epochs": 100, "learning_rate": 3e-3,
    "lambda_section": 1.0,
}  # fmt: skip
DETECTORS: Mapping[str, tuple[str, dict[str, Any]]] = {
    "dcase-ae, mse": ("dcase-ae", {"epochs": 20}),
    "gamma-vae, mse": ("gamma-vae", {"epochs": 20}),
    "mobilenet-v2": ("mobilenet-v2", {"epochs": 20, "batch_size": 32, "learning_rate": 1e-3}),
    "serial-oe": ("serial-oe", SERIAL),
    "serial-oe without mixup": ("serial-oe", {**SERIAL, "mixup": 0.0}),
    "knn": ("knn", {}),
}
BASE = "dcase-ae, mse"
SPACES = ("serial-oe", "mobilenet-v2", "knn")
NEIGHBORS = (1, 4, 16, 64)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--train", type=int, default=60, help="normals a section")
    parser.add_argument(
        "--test", type=int, default=30, help="normals, and clips a fault, a section"
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument(
        "--by-section", action="store_true", help="a row for each fault, machine and section"
    )
    parser.add_argument("--detectors", nargs="+", default=list(DETECTORS), choices=DETECTORS)
    given = parser.parse_args()
    torch.set_num_threads(1)
    clips = Clips(given.train, given.test)
    found: dict[tuple[str, str], list[float]] = {}
    for seed in given.seeds:
        for key, value in aucs(clips, given.detectors, seed, given.by_section).items():
            found.setdefault(key, []).append(value)
    columns = list(dict.fromkeys(column for _, column in found))
    rows = [
        [row, *(shown(found[row, column]) for column in columns)]
        for row in dict.fromkeys(row for row, _ in found)
    ]
    print(tabulate(rows, ["", *columns], tablefmt="github"))


def shown(values: Sequence[float]) -> str:
    spread = f" ± {np.std(values, ddof=1):.2f}" if len(values) > 1 else ""
    return f"{np.mean(values):.2f}{spread}"


class Clips:
    """Training normals, and for each machine and section test normals and clips of each fault."""

    def __init__(self, train: int, test: int) -> None:
        audio: list[np.ndarray] = []
        conditions: list[Condition] = []
        self.test: dict[str, tuple[list[np.ndarray], list[Condition]]] = {}
        normals: dict[tuple[str, str], list[np.ndarray]] = {}
        bases: dict[tuple[str, str], list[np.ndarray]] = {}
        own: dict[tuple[str, str], list[np.ndarray]] = {}
        for machine in MACHINES:
            for section in SECTIONS:
                specs = section_specs(machine, section, train + 2 * test, test, seed=0)
                here = [s for s in specs if s.domain == "source"]
                learned = [s for s in here if s.split == "train"]
                audio += [read(s) for s in learned[:train]]
                conditions += [condition(s) for s in learned[:train]]
                normals[machine, section] = [read(s) for s in learned[train : train + test]]
                # A fault made of a normal clip of the pool would be that clip's neighbor.
                bases[machine, section] = [read(s) for s in learned[train + test :]]
                wrong = [s for s in here if s.label == "anomaly"][:test]
                own[machine, section] = [read(s) for s in wrong]
        self.train = ClipPool.from_arrays(audio, SAMPLE_RATE, conditions)
        other = {"00": "01", "01": "00", "fan": "slider", "slider": "fan"}
        for kind in ("normal", *FAULTS):
            made, where = [], []
            for (machine, section), clean in normals.items():
                foreign = {
                    "foreign section": bases[machine, other[section]],
                    "foreign machine": bases[other[machine], section],
                }.get(kind)
                if kind == "own":
                    heard = own[machine, section]
                elif kind == "other section":
                    heard = bases[machine, other[section]]
                elif foreign is None:
                    heard = clean
                else:
                    own_clips = bases[machine, section]
                    heard = [mixed(a, b) for a, b in zip(own_clips, foreign, strict=True)]
                made += heard
                where += [Condition(machine, section)] * len(heard)
            self.test[kind] = made, where


def read(spec: ClipSpec) -> np.ndarray:
    return render(spec).astype(np.float32)


def condition(spec: ClipSpec) -> Condition:
    return Condition(spec.machine, spec.section, "source", tuple(sorted(spec.setting)))


def mixed(clip: np.ndarray, foreign: np.ndarray) -> np.ndarray:
    """Return the mean of two clips at the first one's level."""
    level = float(np.std(clip))
    both = clip / level + foreign / float(np.std(foreign))
    return (both * (level / float(np.std(both)))).astype(np.float32)


def aucs(
    clips: Clips, names: Sequence[str], seed: int, by_section: bool
) -> dict[tuple[str, str], float]:
    """Return the AUC of each detector on each fault: the mean over machines and sections, or each.

    Smoothing draws the AUC of a section away from 0.5 on whichever side it lies, so its mean over
    sections on both sides says little.
    """
    scores, features = {}, {}
    for name in names:
        scores[name], features[name] = scored(clips, *DETECTORS[name], seed)
    found: dict[tuple[str, str], float] = {}

    def note(row: str, fault: str, values: Mapping[str, float]) -> None:
        if by_section:
            found.update({(f"{fault}, {place}", row): v for place, v in values.items()})
        else:
            found[row, fault] = float(np.mean(list(values.values())))

    for name in names:
        for fault in FAULTS:
            note(name, fault, section_aucs(clips, fault, scores[name]))
    for space in (name for name in SPACES if name in names and BASE in names):
        for neighbors in NEIGHBORS[1:]:
            for fault in FAULTS:
                values = section_aucs(clips, fault, scores[BASE], features[space], neighbors)
                note(
                    f"K = {neighbors} in {space}"
                    if by_section
                    else f"{BASE}, K = {neighbors} in {space}",
                    fault,
                    values,
                )
    return found


Scores = dict[str, np.ndarray]


def scored(
    clips: Clips, use: str, params: Mapping[str, Any], seed: int
) -> tuple[Scores, Scores | None]:
    """Fit on the training normals; return scores and embeddings of each kind of test clips."""
    cls: type[Detector] = load("detectors", use)
    chosen = cls.info.params(**params)
    scores: Scores = {kind: np.zeros(len(c)) for kind, (_, c) in clips.test.items()}
    features: Scores = {}
    with tempfile.TemporaryDirectory() as scratch:
        context = Context(seed, Path(scratch))
        scopes: dict[str, list[tuple[str, ...]]] = {
            "suite": [()],
            "machine": [(m,) for m in MACHINES],
            "section": [(m, s) for m in MACHINES for s in SECTIONS],
        }
        units = scopes[cls.scope(chosen)]
        for unit in units:
            detector = cls(chosen)
            detector.fit(clips.train.subset(inside(unit, clips.train.conditions)), context)
            for kind, (audio, conditions) in clips.test.items():
                chosen_clips = inside(unit, conditions)
                pool = ClipPool.from_arrays(
                    [audio[i] for i in chosen_clips],
                    SAMPLE_RATE,
                    [replace(conditions[i], domain=None) for i in chosen_clips],
                )
                scores[kind][chosen_clips] = detector.score(pool, context)
                if use in SPACES:
                    assert isinstance(detector, SupportsEmbedding)
                    means = detector.embed(pool, context).clip_means()
                    whole = features.setdefault(kind, np.zeros((len(conditions), means.shape[1])))
                    whole[chosen_clips] = means
    return scores, features or None


def inside(unit: tuple[str, ...], conditions: Sequence[Condition]) -> list[int]:
    return [i for i, c in enumerate(conditions) if (c.machine, c.section)[: len(unit)] == unit]


def section_aucs(
    clips: Clips, fault: str, scores: Scores, features: Scores | None = None, neighbors: int = 1
) -> dict[str, float]:
    """Return the AUC of each machine and section, ``machine/section``."""
    values = {}
    for machine in MACHINES:
        for section in SECTIONS:
            chosen = {k: inside((machine, section), clips.test[k][1]) for k in ("normal", fault)}
            found = np.concatenate([scores[k][i] for k, i in chosen.items()])
            if features is not None:
                space = np.concatenate([features[k][i] for k, i in chosen.items()])
                found = smooth(found, space, neighbors)
            truth = np.repeat([0, 1], [len(i) for i in chosen.values()])
            values[f"{machine}/{section}"] = float(roc_auc_score(truth, found))
    return values


if __name__ == "__main__":
    main()
