"""Rankings, sources of uncertainty and distances between scores as Markdown."""

from __future__ import annotations

from asdbench.report.schema import Report
from asdbench.report.text import (
    escaped,
    made_by,
    notes,
    number,
    table,
    with_interval,
    without_empty,
)


def uncertainty_blocks(report: Report) -> list[str]:
    """Return the sections on rankings and on where uncertainty comes from."""
    return [*_rankings(report), *_components(report)]


def _rankings(report: Report) -> list[str]:
    if not report.agreement:
        return []
    rows = [
        [
            "**all**" if r.machine is None else escaped(r.machine),
            made_by(r, report),
            r.gap,
            str(r.n_detectors),
            r.best_real or "-",
            r.best_generated or "-",
            with_interval(r.tau, r.tau_low, r.tau_high),
            number(r.tau_ceiling),
            number(r.top1),
            number(r.top1_ceiling),
            number(r.regret),
            number(r.regret_ceiling),
        ]
        for r in report.agreement
    ]
    headers = ["machine", "generator", "arm", "detectors", "best by real", "best by generated"]
    headers += ["tau", "ceiling", "same best", "ceiling", "regret", "ceiling"]
    caption = (
        "Whether generated anomalies rank the detectors as real ones do. tau: Kendall's tau-b of "
        f"both rankings with its {report.confidence:.0%} bootstrap interval. same best: share of "
        "bootstrap draws in which both name the same best detector. regret: real AUC lost by "
        "choosing the detector that is best on generated anomalies. Each beside its ceiling: what "
        "a second set of real clips of this size would give, which is what a perfect generator "
        "reaches."
    )
    found = [
        (r.reason, f"{r.machine or 'all machines'}/{made_by(r, report)}") for r in report.agreement
    ]
    shown = table(*without_empty(rows, headers), 6)
    return ["## Rankings", caption, shown, *notes(found, "tables/agreement.csv")]


def _components(report: Report) -> list[str]:
    known = [row for row in report.components if row.buy != "unknown"]
    if not known:
        return []
    rows = [
        [
            "**all**" if r.machine is None else escaped(r.machine),
            r.detector,
            made_by(r, report),
            number(r.sd_clips),
            number(r.sd_detector),
            number(r.sd_generator),
            f"{r.detector_repeats}/{r.generator_repeats}",
            r.buy,
        ]
        for r in known
    ]
    headers = ["machine", "detector", "generator", "clips", "detector fits", "generator fits"]
    headers += ["n fits", "more of"]
    caption = (
        "Standard deviation of the headline gap that the choice of clips causes, and that between "
        "fits of the detector and of the generator (n fits: of each). *more of*: what would narrow "
        "the interval most."
    )
    return ["## Where the uncertainty comes from", caption, table(rows, headers, 3)]


def distance_blocks(report: Report) -> list[str]:
    """Return the section on scores of generated and of real anomalies."""
    if not report.score_distances:
        return []
    rows = [
        [
            escaped(r.machine),
            escaped(r.section),
            r.detector,
            made_by(r, report),
            f"{r.n_real}/{r.n_generated}",
            number(r.ks),
            number(r.ks_p),
            number(r.wasserstein),
            number(r.shift, signed=True),
        ]
        for r in sorted(report.score_distances, key=lambda r: (r.machine, r.section))
    ]
    headers = ["machine", "section", "detector", "generator", "n"]
    headers += ["KS", "p", "Wasserstein", "shift"]
    caption = (
        "Scores of generated against scores of real anomalies (n: real/generated). KS: largest "
        "difference of their distribution functions; p: of at least that much between two samples "
        "of one distribution. Wasserstein distance and shift of the median (generated - real) in "
        "standard deviations of the real normals' scores."
    )
    found = [
        (r.reason, "/".join([r.machine, r.section, r.detector, made_by(r, report)]))
        for r in report.score_distances
    ]
    return [
        "## Scores of anomalies",
        caption,
        table(rows, headers, 4),
        *notes(found, "tables/score_distances.csv"),
    ]
