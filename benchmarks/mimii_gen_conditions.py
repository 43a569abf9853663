"""Split a run's artifact and paper arms by whether the generator's training knew the condition.

Run: python benchmarks/mimii_gen_conditions.py RUN [--grid diffused --normals diffused-normals]

RUN is a run of `asdbench run` with a grid of anomalies and one of normals made by mimii-gen. For
each machine and detector: AUC of real normals against generated normals (ideal 0.5), and of real
normals against generated anomalies beside real ones, for conditions seen and unseen in training.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score
from tabulate import tabulate

from asdbench.conditions import parse_condition
from asdbench.generators.mimii_gen.checkpoint import CARD
from asdbench.generators.mimii_gen.shipped import FOLDER


def auc(negative: pd.Series, positive: pd.Series) -> float:
    """Return the AUC, NaN where a side is empty."""
    if not len(negative) or not len(positive):
        return float("nan")
    truth = np.r_[np.zeros(len(negative)), np.ones(len(positive))]
    return float(roc_auc_score(truth, np.r_[negative, positive]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("--checkpoint", type=Path, default=FOLDER / "mini")
    parser.add_argument("--grid", default="diffused")
    parser.add_argument("--normals", default="diffused-normals")
    options = parser.parse_args()
    card = json.loads((options.checkpoint / CARD).read_text())
    seen = {(c.machine, c.section, c.attributes) for c in map(parse_condition, card["conditions"])}
    scores = pd.read_parquet(options.run / "scores.parquet")
    known = [parse_condition(text) for text in scores["condition"]]
    scores["seen"] = [(c.machine, c.section, c.attributes) in seen for c in known]
    rows = []
    for (machine, detector), part in scores.groupby(["machine", "detector"]):
        for name, here in (("seen", part[part["seen"]]), ("unseen", part[~part["seen"]])):
            real = here[here["origin"] == "real"]
            normal = real[real["label"] == "normal"]["score"]
            anomaly = real[real["label"] == "anomaly"]["score"]
            made = here[here["origin"] == options.grid]["score"]
            made_normal = here[here["origin"] == options.normals]["score"]
            rows.append(
                {
                    "machine": machine,
                    "detector": detector,
                    "conditions": name,
                    "artifact": auc(normal, made_normal),
                    "real": auc(normal, anomaly),
                    "paper": auc(normal, made),
                    "matched": auc(made_normal, made),
                    "n": f"{len(normal)}/{len(made_normal)}/{len(anomaly)}/{len(made)}",
                }
            )
    print(tabulate(rows, headers="keys", floatfmt=".3f", tablefmt="github"))


if __name__ == "__main__":
    main()
