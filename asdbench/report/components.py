"""Where the uncertainty of a gap comes from, and which repeats would reduce it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from asdbench.report.placed_gaps import PlacedGap
from asdbench.report.trust_schema import ComponentRow
from asdbench.stats.components import Buy

_SOURCES: Mapping[Buy, str] = {
    "clips": "most of the uncertainty comes from the choice of clips: more clips would help most",
    "detector repeats": "most of the uncertainty comes from fits of the detector: more of them "
    "would help most",
    "generator repeats": "most of the uncertainty comes from fits of the generator: more of them "
    "would help most",
    "unknown": "nothing was fitted twice",
}


def component_rows(gaps: Iterable[PlacedGap]) -> list[ComponentRow]:
    """Return one row for the headline AUC gap of each machine, and of the suite."""
    chosen = [g for g in gaps if g.headline and g.metric == "auc" and g.over != "section"]
    return [row for row in map(_row, chosen) if row is not None]


def _row(placed: PlacedGap) -> ComponentRow | None:
    measured = placed.measured
    if isinstance(measured, str):
        return None
    found = measured.components
    detectors, generators = measured.fits.shape
    return ComponentRow(
        machine=placed.machine,
        detector=placed.detector,
        generator=placed.pairing.generator,
        grid=placed.pairing.anomalies,
        gap=placed.gap,
        detector_repeats=detectors,
        generator_repeats=generators,
        sd_clips=found.sd_clips,
        sd_detector=found.sd_detector,
        sd_generator=found.sd_generator,
        buy=found.buy,
        sentence=_sentence(placed, found.buy, detectors, generators),
    )


def _sentence(placed: PlacedGap, buy: Buy, detectors: int, generators: int) -> str:
    fits = {"detector": detectors, "generator": generators}
    single = [what for what, count in fits.items() if count == 1]
    untold = f"how much fits of the {' or the '.join(single)} differ is not known" if single else ""
    start = f"{placed.machine or 'all machines'}, {placed.detector}, {placed.pairing.generator}"
    return "; ".join(part for part in (f"{start}: {_SOURCES[buy]}", untold) if part) + "."
