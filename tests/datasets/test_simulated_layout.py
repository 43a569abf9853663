"""Names, counts and conditions of the simulated data set."""

from __future__ import annotations

from collections import Counter

from asdbench.datasets.simulated import Simulated, SimulatedParams
from asdbench.datasets.simulated.plan import MACHINES


def test_counts_of_table_2() -> None:
    clips = Simulated(SimulatedParams()).clips()
    counts = Counter((c.machine, c.section, c.split, c.domain, c.label) for c in clips)
    assert len(clips) == 5 * 3 * 1200
    for machine in MACHINES:
        for section in ("00", "01", "02"):
            assert counts[machine, section, "train", "source", "normal"] == 990
            assert counts[machine, section, "train", "target", "normal"] == 10
            for domain in ("source", "target"):
                for label in ("normal", "anomaly"):
                    assert counts[machine, section, "test", domain, label] == 50
    assert len(counts) == 15 * 6
