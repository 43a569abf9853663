"""How long a report takes to build: python benchmarks/report.py [--quick].

The score table is made up, of the size of MIMII DG: 5 machines, 3 sections, 2 domains, 50 test
clips for each domain and label, half of the anomalies kept for evaluation, 6 detectors, 2
generators with as many normals and anomalies as there are real ones, 2,000 draws. ``--quick``: the
size of the quickstart suite. Prints seconds of one core.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
import pandas as pd

from asdbench.report.build import Facts, build_report
from asdbench.report.markdown import render_markdown
from asdbench.report.schema import DataFacts, PluginUse, SuiteFacts
from asdbench.report.write import report_json
from asdbench.suite.model import Suite

FULL = (("bearing", "fan", "gearbox", "slider", "valve"), 3, 6, 2)
QUICK = (("bearing", "fan", "gearbox", "slider", "valve"), 1, 2, 2)


def make_suite(detectors: int, generators: int) -> Suite:
    grids = {}
    for g in range(generators):
        grids[f"made{g}"] = {"generator": f"g{g}"}
        grids[f"controls{g}"] = {"generator": f"g{g}", "label": "normal"}
    return Suite.model_validate(
        {
            "schema": "asdbench/suite@1",
            "name": "speed",
            "dataset": {"use": "manifest"},
            "generators": [{"id": f"g{g}", "use": "g"} for g in range(generators)],
            "grids": grids,
            "detectors": [{"id": f"d{d}", "use": "d"} for d in range(detectors)],
        }
    )


def make_scores(
    machines: tuple[str, ...], sections: int, detectors: int, generators: int, seed: int = 0
) -> pd.DataFrame:
    """Return the score table; anomalies score higher, the more so the later the detector."""
    rng = np.random.default_rng(seed)
    origins = [("real", None, "normal", 100), ("real", None, "anomaly", 50)]
    for g in range(generators):
        origins += [(f"made{g}", f"g{g}", "anomaly", 50), (f"controls{g}", f"g{g}", "normal", 100)]
    parts = []
    for machine in machines:
        for section in range(sections):
            for origin, generator, label, n in origins:
                domain = np.resize(["source", "target"], n)
                place = f"{machine}/0{section}"
                for d in range(detectors):
                    score = rng.standard_normal(n) + (label == "anomaly") * (0.3 + 0.3 * d)
                    values = {
                        "clip": [f"{origin}/{place}/{label}/{i}" for i in range(n)],
                        "copy_of": None,
                        "origin": origin,
                        "generator": generator,
                        "detector": f"d{d}",
                        "repeat": 0,
                        "generation": 0,
                        "pool": origin,
                        "fold": 0,
                        "machine": machine,
                        "section": f"0{section}",
                        "domain": domain,
                        "label": label,
                        "condition": [f"{place}/{name}/-" for name in domain],
                        "recording": None,
                        "score": score,
                        "decision": None,
                    }
                    parts.append(pd.DataFrame(values))
    table = pd.concat(parts, ignore_index=True)
    texts = ("copy_of", "generator", "recording", "domain", "label", "condition")
    return table.astype(dict.fromkeys(texts, "string") | {"decision": "boolean"})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    machines, sections, detectors, generators = QUICK if parser.parse_args().quick else FULL
    suite = make_suite(detectors, generators)
    scores = make_scores(machines, sections, detectors, generators)
    plugin = PluginUse(id="g0", use="g", version="1", code="0" * 64, params={})
    data = DataFacts(
        dataset=plugin,
        simulated=True,
        digest="d" * 64,
        split_digest="s" * 64,
        n_detector_train=0,
        n_generator_train_normal=0,
        n_generator_train_anomaly=0,
        n_test_normal=0,
        n_test_anomaly=0,
        n_test_unlabelled=0,
        normals_shared=False,
        skipped={},
    )
    said = SuiteFacts(name="speed", version="1", description="", digest="e" * 64, overrides=())
    facts = Facts(said, data, (plugin,), (plugin,), ())
    places = {(m, f"0{s}"): True for m in machines for s in range(sections)}
    clock = time.process_time()
    report = build_report(suite, scores, places, facts)
    built = time.process_time() - clock
    text = report_json(report)
    page = render_markdown(report)
    written = time.process_time() - clock - built
    print(
        f"{len(report.cells)} cells, {len(report.verdicts)} verdicts: built in {built:.1f} s of "
        f"one core, written in {written:.1f} s ({len(text) / 1e6:.1f} MB of JSON, "
        f"{len(page) / 1e3:.0f} kB of Markdown)"
    )


if __name__ == "__main__":
    main()
