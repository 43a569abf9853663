"""AUC of gamma-vae beside the DCASE autoencoder, on simulated clips of section 00.

Prints one Markdown row for each machine, detector and score: AUC in the source and in the target
domain (a domain's normals, both domains' anomalies), mean and half the range over the seeds, and
the mean squared error of normal test clips (dB^2).

    python benchmarks/gamma_vae_auc.py [--machines fan slider] [--train 297] [--epochs 30]
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
from asdbench.detectors.gamma_vae import GammaVAE, GammaVAEParams

DETECTORS = {
    "dcase-ae": (DCASEAutoencoder, DCASEAutoencoderParams, {}),
    "gamma-vae": (GammaVAE, GammaVAEParams, {}),
    "gamma-vae, paper": (GammaVAE, GammaVAEParams, {"paper": True}),
}


def pool(specs: list[ClipSpec]) -> ClipPool:
    """Return the clips, made on demand."""
    conditions = [
        Condition(spec.machine, spec.section, spec.domain, tuple(sorted(spec.setting)))
        for spec in specs
    ]
    return ClipPool(conditions, SAMPLE_RATE, lambda i: render(specs[i]))


def scores(
    name: str, train: ClipPool, test: ClipPool, epochs: int, seed: int
) -> dict[str, np.ndarray]:
    """Fit once and return both scores of the test clips."""
    detector, model, params = DETECTORS[name]
    found = {}
    with tempfile.TemporaryDirectory() as scratch:
        context = Context(seed=seed, scratch=Path(scratch))
        fitted = detector(model(epochs=epochs, **params))
        fitted.fit(train, context)
        fitted.save(Path(scratch))
        for score in ("mse", "mahalanobis"):
            chosen = model(epochs=epochs, score=score, **params)
            found[score] = detector.load(Path(scratch), chosen, context).score(test, context)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--machines", nargs="+", default=["fan", "slider"], choices=MACHINES)
    parser.add_argument("--train", type=int, default=297)
    parser.add_argument("--test", type=int, default=40)
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--seeds", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(1)
    print("| machine | detector | score | AUC source | AUC target | MSE of normals |")
    print("|---|---|---|---|---|---|")
    for machine in options.machines:
        specs = section_specs(machine, "00", options.train, options.test, 0)
        train = pool([spec for spec in specs if spec.split == "train"])
        tested = [spec for spec in specs if spec.split == "test"]
        test = pool(tested)
        anomalous = np.array([spec.label == "anomaly" for spec in tested])
        domain = np.array([spec.domain for spec in tested])
        for name in DETECTORS:
            runs = [
                scores(name, train, test, options.epochs, seed) for seed in range(options.seeds)
            ]
            error = np.mean([run["mse"][~anomalous].mean() for run in runs])
            for score in ("mse", "mahalanobis"):
                cells = []
                for where in ("source", "target"):
                    chosen = anomalous | (domain == where)
                    values = [roc_auc_score(anomalous[chosen], run[score][chosen]) for run in runs]
                    cells.append(f"{np.mean(values):.3f} ± {np.ptp(values) / 2:.3f}")
                row = " | ".join([machine, name, score, *cells, f"{error:.2f}"])
                print(f"| {row} |", flush=True)


if __name__ == "__main__":
    main()
