"""How often the audits find what is not there, and what is: the figures of docs/audits.md.

python benchmarks/audits.py
"""

from __future__ import annotations

import numpy as np
from scipy.stats import binom

from asdbench.audit.classifiers import fit_classifiers
from asdbench.audit.fidelity import Judged, fidelity
from asdbench.audit.memorization import LEVEL, Search, copies_p
from asdbench.metrics.memorization import QUANTILE

RUNS = 4000
VALUES = 4
DIMENSIONS = 12


def copies() -> None:
    print("| held out | generated | false alarms | binomial test | clips needed | 20 % copied |")
    print("|---:|---:|---:|---:|---:|---:|")
    for held_out, generated in ((40, 30), (80, 30), (150, 150), (400, 400), (40, 400)):
        rng = np.random.default_rng([held_out, generated])
        p = np.array([copies_p([Search(k, generated, held_out)]) for k in range(generated + 1)])
        naive = binom.sf(np.arange(generated + 1) - 1, generated, QUANTILE)
        counts, found = [], []
        for _ in range(RUNS):
            limit = np.quantile(rng.normal(size=held_out), 1.0 - QUANTILE)
            made = rng.normal(size=generated)
            counts.append(int(np.sum(made > limit)))
            made[: generated // 5] = np.inf
            found.append(int(np.sum(made > limit)))
        rates = [np.mean(q[counts] < LEVEL) for q in (p, naive)]
        needed = int(np.argmax(p < LEVEL))
        cells = [
            *(f"{rate:.3f}" for rate in rates),
            str(needed),
            f"{np.mean(p[found] < LEVEL):.2f}",
        ]
        print(f"| {held_out} | {generated} | {' | '.join(cells)} |")


def attributes() -> None:
    print("| generator | clips | kept | weak | ignored | not measured |")
    print("|---|---:|---:|---:|---:|---:|")
    rng = np.random.default_rng(0)
    means = 0.7 * rng.normal(size=(VALUES, DIMENSIONS))

    def clips(classes: np.ndarray) -> np.ndarray:
        return means[classes] + rng.normal(size=(len(classes), DIMENSIONS))

    real = np.arange(160) % VALUES
    names = [str(i) for i in range(len(real))]
    found = fit_classifiers(clips(real), [str(v) for v in real], names, 1)
    assert found is not None
    for share, name in ((1.0, "faithful"), (0.5, "half of the clips right"), (0.0, "ignores it")):
        for count in (12, 40, 160):
            findings = []
            for _ in range(200):
                asked = np.arange(count) % VALUES
                heard = rng.random(count) < share
                made = np.where(heard, asked, rng.integers(VALUES, size=count))
                judged = Judged(asked, found.decide(clips(made)))
                findings.append(fidelity(Judged(real, found.decided), judged, rng).finding)
            rates = [findings.count(f) / 200 for f in ("kept", "weak", "ignored", "not measured")]
            print(f"| {name} | {count} | {' | '.join(f'{rate:.2f}' for rate in rates)} |")


if __name__ == "__main__":
    copies()
    print()
    attributes()
