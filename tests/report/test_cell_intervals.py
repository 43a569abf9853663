"""The intervals of cells are those of the measured gaps, for every domain and both metrics."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from known_truth import (
    RULES,
    Arms,
    clips,
    joined,
    make_section,
    make_suite,
    sections_of,
    trust_of,
)

from asdbench.report.cell_intervals import with_intervals
from asdbench.report.cells import Place, Subset, section_cells
from asdbench.report.measured_gaps import measure_gap
from asdbench.report.placed_gaps import domains_of, placed_gaps
from asdbench.report.schema import Cell

HERE = ("ae", "fan", "00")
PLACE = Place("fan", "00", "ae", "gen", "made")


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(31)


def cells_of(arms: Arms) -> dict[Subset, Cell]:
    together = arms.get(("made in real+made", *HERE))
    cells = list(
        section_cells(
            PLACE,
            arms["real", *HERE],
            together or arms["made", *HERE],
            RULES,
            arms.get(("real in real+made", *HERE)),
        )
    )
    assert all(cell.auc.gap_low is None and cell.pauc.gap_low is None for cell in cells)
    sections, _ = sections_of(arms, make_suite(["made"]))
    return {c.domain: c for c in with_intervals(cells, placed_gaps(sections, domains_of(cells)))}


def test_recordings_widen_the_pauc_interval_of_every_domain(rng):
    number = np.arange(120) // 8 * 2 + np.arange(120) % 2  # clips are of both domains in turn
    normal, anomaly = (rng.standard_normal(30)[number] + s for s in (0.0, 1.5))
    arms = make_section(rng, n=120, shift=1.5)
    real = joined(clips(normal, "normal", "n"), clips(anomaly, "anomaly", "a"))
    cut = np.concatenate([number, number + 30]).astype(str)
    widths = []
    for recording in (None, cut):
        arms["real", *HERE] = [replace(real, recording=recording)]
        cells = cells_of(arms)
        widths.append({d: c.pauc.gap_high - c.pauc.gap_low for d, c in cells.items()})
    for domain in ("source", "target", "all"):
        assert widths[1][domain] > 1.2 * widths[0][domain], domain


@pytest.mark.parametrize("metric", ["auc", "pauc"])
def test_every_cell_has_the_interval_of_the_measured_gap(rng, metric):
    arms = make_section(rng)
    sections, _ = sections_of(arms, make_suite(["made"]))
    for domain, cell in cells_of(arms).items():
        shown, measured = getattr(cell, metric), measure_gap(sections[0], "paper", [domain], metric)
        expected = measured.interval
        assert shown.gap == pytest.approx(expected.estimate, abs=1e-12)
        assert (shown.gap_low, shown.gap_high) == (expected.low, expected.high)
        assert (shown.method, shown.reason) == (measured.how, None)


def test_verdicts_on_pauc_are_about_all_clips_of_a_section(rng):
    rows = [r for r in trust_of(make_section(rng)).verdicts if r.over == "section"]
    assert {r.domain for r in rows if r.metric == "pauc"} == {"all"}
    assert {r.domain for r in rows if r.metric == "auc"} == {"source", "target", "all"}


def test_the_pauc_of_a_transductive_detector_has_an_interval(rng):
    arms = make_section(rng)
    real = arms["real", *HERE][0]
    arms["real in real+made", *HERE] = [real.take(~real.anomaly)]
    arms["made in real+made", *HERE] = arms.pop(("made", *HERE))
    for cell in cells_of(arms).values():
        assert cell.pauc.gap_low < cell.pauc.gap < cell.pauc.gap_high
        assert cell.pauc.reason is None


def test_a_gap_without_an_interval_has_a_reason(rng):
    arms = make_section(rng)
    arms["made", *HERE] = [arms["made", *HERE][0].take(np.array([0]))]  # one clip, of the source
    cells = cells_of(arms)
    for compared in (cells["all"].auc, cells["all"].pauc, cells["source"].pauc):
        assert compared.gap is not None
        assert (compared.gap_low, compared.gap_high, compared.method) == (None, None, None)
        assert compared.reason == (
            "only one clip in: generated anomalies; an interval needs two of each"
        )
