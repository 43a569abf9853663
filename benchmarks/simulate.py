"""Time the simulation of one clip, machine by machine, on one core.

Run: python benchmarks/simulate.py [--clips 60]
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

from asdbench.datasets.simulated.mix import render, section_power
from asdbench.datasets.simulated.plan import MACHINES, SAMPLE_RATE
from asdbench.datasets.simulated.spec import ClipSpec, section_specs
from asdbench.datasets.simulated.write import write_clip


def sample(machine: str, clips: int) -> list[ClipSpec]:
    """Return clips of all sections, domains and labels."""
    per_kind = max(1, clips // 18)
    return [
        spec
        for section in ("00", "01", "02")
        for spec in section_specs(machine, section, per_kind, per_kind, seed=1)
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=int, default=60, help="clips a machine, about")
    clips = parser.parse_args().clips
    print("machine    set-up [ms a section]   render [ms a clip]   render + write [ms, wall]")
    total = []
    for machine in MACHINES:
        start = time.process_time()
        for section in ("00", "01", "02"):
            section_power(machine, section, 10 * SAMPLE_RATE)
        ready = time.process_time()
        specs = sample(machine, clips)
        for spec in specs:
            render(spec)
        rendered = time.process_time()
        with tempfile.TemporaryDirectory() as folder:
            wall = time.perf_counter()
            for spec in specs:
                write_clip(spec, Path(folder))
            wall = time.perf_counter() - wall
        each = 1e3 * (rendered - ready) / len(specs)
        total.append(each)
        setup = 1e3 * (ready - start) / 3
        print(f"{machine:10s} {setup:12.0f} {each:22.1f} {1e3 * wall / len(specs):22.1f}")
    print(f"mean {sum(total) / len(total):36.1f} ms of processor time a clip of 10 s")


if __name__ == "__main__":
    main()
