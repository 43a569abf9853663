"""AUC of the DCASE autoencoder on the simulated data, as a Markdown table (docs/simulated.md).

Run: python benchmarks/simulated_auc.py [--train 990 --test 50 --epochs 100] [--machines fan ...]
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
import torch
from sklearn.metrics import roc_auc_score

from asdbench.api import Condition, Context
from asdbench.clips import ClipPool
from asdbench.datasets.simulated.mix import render
from asdbench.datasets.simulated.plan import MACHINES, SAMPLE_RATE
from asdbench.datasets.simulated.spec import ClipSpec, section_specs
from asdbench.detectors.dcase_ae import DCASEAutoencoder, DCASEAutoencoderParams

SECTIONS = ("00", "01", "02")
DOMAINS = ("source", "target")


def read(spec: ClipSpec) -> np.ndarray:
    """Return the clip as a reader of its 16-bit file would get it."""
    audio: np.ndarray = np.round(render(spec) * 32768).astype(np.int16).astype(np.float32) / 32768
    return audio


def scores(specs: list[ClipSpec], epochs: int, device: str) -> dict[str, np.ndarray]:
    """Fit one autoencoder on the training clips of all sections; score the test clips."""
    conditions = [
        Condition(spec.machine, spec.section, spec.domain, tuple(sorted(spec.setting)))
        for spec in specs
    ]
    pool = ClipPool(conditions, SAMPLE_RATE, lambda i: read(specs[i]))
    train = pool.subset([i for i, spec in enumerate(specs) if spec.split == "train"])
    test = pool.subset([i for i, spec in enumerate(specs) if spec.split == "test"])
    with tempfile.TemporaryDirectory() as scratch:
        context = Context(seed=1, scratch=Path(scratch), device=device)
        fitted = DCASEAutoencoder(DCASEAutoencoderParams(epochs=epochs))
        fitted.fit(train, context)
        fitted.save(Path(scratch))
        found = {}
        for score in ("mse", "mahalanobis"):
            params = DCASEAutoencoderParams(epochs=epochs, score=score)
            found[score] = DCASEAutoencoder.load(Path(scratch), params, context).score(
                test, context
            )
    return found


def aucs(specs: list[ClipSpec], found: np.ndarray) -> list[float]:
    """Return AUCs by section and domain: a domain's normals, both domains' anomalies."""
    test = [spec for spec in specs if spec.split == "test"]
    anomalous = np.array([spec.label == "anomaly" for spec in test])
    section = np.array([spec.section for spec in test])
    domain = np.array([spec.domain for spec in test])
    values = []
    for name in SECTIONS:
        for where in DOMAINS:
            chosen = (section == name) & (anomalous | (domain == where))
            values.append(float(roc_auc_score(anomalous[chosen], found[chosen])))
    return values


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--machines", nargs="+", default=list(MACHINES), choices=MACHINES)
    parser.add_argument("--train", type=int, default=990)
    parser.add_argument("--test", type=int, default=50)
    parser.add_argument("--epochs", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0, help="of the audio")
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args()
    torch.set_num_threads(1)
    heads = [f"{section} {domain}" for section in SECTIONS for domain in DOMAINS]
    print("| machine | score |", " | ".join(heads), "|")
    print("|---|---|" + "---|" * len(heads))
    rows: dict[str, list[list[float]]] = {}
    for machine in options.machines:
        specs = [
            spec
            for section in SECTIONS
            for spec in section_specs(machine, section, options.train, options.test, options.seed)
        ]
        for score, found in scores(specs, options.epochs, options.device).items():
            row = aucs(specs, found)
            rows.setdefault(score, []).append(row)
            cells = " | ".join(f"{value:.2f}" for value in row)
            print(f"| {machine} | {score} | {cells} |", flush=True)
    for score, table in rows.items():
        means = np.mean(table, axis=0)
        source, target = means[::2].mean(), means[1::2].mean()
        print(f"\n{score}: mean {source:.3f} in the source, {target:.3f} in the target domain")


if __name__ == "__main__":
    main()
