"""Whether two reports can be compared, and what differs between them all the same."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from asdbench.comparison.demands import demand_notes
from asdbench.comparison.numbers import cell_rows
from asdbench.comparison.only import Part
from asdbench.report.schema import DataFacts, GridFacts, Report

_METRICS = ("auc", "auc_all", "pauc", "pauc_domain")
_COUNTS = {
    "n_detector_train": "training clips of detectors",
    "n_generator_train_normal": "training normals of generators",
    "n_generator_train_anomaly": "training anomalies of generators",
    "n_test_normal": "test normals",
    "n_test_anomaly": "test anomalies",
    "n_test_unlabelled": "test clips without a label",
}


def obstacles(base: Report, new: Report, part: Part) -> Iterator[str]:
    """Yield why the compared part of two reports cannot be compared."""
    if base.suite.name != new.suite.name:
        yield f"different suites: {base.suite.name} and {new.suite.name}"
    if base.definition != new.definition:
        yield f"different metric definitions: {base.definition} and {new.definition}"
    else:
        for name in _METRICS:
            texts = [report.definitions.get(name) for report in (base, new)]
            if None not in texts and texts[0] != texts[1]:
                yield f"different metric definitions: {name} was '{texts[0]}', is '{texts[1]}'"
    if base.data.simulated != new.data.simulated:
        yield "one report is on simulated data, the other is not"
    yield from _data(base, new, part)
    folds = [_folds(report.data) for report in (base, new)]
    if folds[0] != folds[1]:
        yield f"different splits: {folds[0]}, and {folds[1]}"
    for name, grid in base.grids.items():
        other = new.grids.get(name)
        if other is not None and _asked(other) != _asked(grid):
            yield f"grid '{name}' asks for other clips: {_asked(grid)}, and {_asked(other)}"
    for which, report in (("base", base), ("new", new)):
        twice = len(report.cells) - len(cell_rows(report))
        if twice:
            yield f"the {which} report has {twice} rows more than once"
    if not any(part.has(key) for key in cell_rows(base)):
        yield "the base report has no rows" + (" of this part" if part.narrows() else "")


def _data(base: Report, new: Report, part: Part) -> Iterator[str]:
    old, now = base.data, new.data
    if (old.digest, old.split_digest) == (now.digest, now.split_digest):
        return
    if old.sections and now.sections:
        wanted = {f"{k.machine}/{k.section}" for k in cell_rows(base) if part.has(k)}
        both = sorted(wanted & old.sections.keys() & now.sections.keys())
        other = [place for place in both if old.sections[place] != now.sections[place]]
        if both and not other:
            return  # the rest of the data is another; rows without a partner are lost or new
        where = f" in {', '.join(other)}" if other else ": no section is in both"
    else:
        where = ""
    if part.narrows() and not where:
        where = " (a part is comparable only where both reports identify their sections)"
    if old.digest != now.digest:
        digests = f"digests {old.digest[:16]} and {now.digest[:16]}"
        what = _what_differs(old, now) or "other clips, other audio, or other labels"
        yield f"different data{where}: {digests} ({what})"
    else:
        yield f"different splits{where}: other clips serve training or evaluation"


def _folds(data: DataFacts) -> str:
    """Return how generators were fitted; the digests of the split do not say it."""
    if not data.folds:
        return "generators fitted once"
    return f"generators cross-fitted in {len(data.folds)} folds by {data.folds_by}"


def _what_differs(old: DataFacts, now: DataFacts) -> str:
    """Return what the reports themselves say of the difference."""
    found = []
    if (old.dataset.use, old.dataset.version) != (now.dataset.use, now.dataset.version):
        names = [f"{d.dataset.use} {d.dataset.version}" for d in (old, now)]
        found.append(f"data set {names[0]} -> {names[1]}")
    for name in sorted({*old.dataset.params, *now.dataset.params}):
        values = [d.dataset.params.get(name) for d in (old, now)]
        if values[0] != values[1]:
            found.append(f"{name} {values[0]} -> {values[1]}")
    for name, words in _COUNTS.items():
        before, after = getattr(old, name), getattr(now, name)
        if before != after:
            found.append(f"{words} {before} -> {after}")
    return ", ".join(found)


def _asked(grid: GridFacts) -> str:
    made = " through its codec" if grid.make == "roundtrip" else ""
    return f"{grid.multiplier:g} x {grid.label} of {grid.generator}{made}, matching {grid.match}"


def _suite_differs(base: Report, new: Report) -> Iterator[str]:
    """Yield what the reports themselves say of it."""
    for what in ("detectors", "generators"):
        ids = [{plugin.id for plugin in getattr(report, what)} for report in (base, new)]
        yield from _members(what, *ids)
    yield from _members("grids", set(base.grids), set(new.grids))
    gates = [{gate.id for gate in report.gates} for report in (base, new)]
    yield from _members("gates", *gates)
    if base.suite.overrides != new.suite.overrides:
        both = [" ".join(report.suite.overrides) or "none" for report in (base, new)]
        yield f"overrides {both[0]} -> {both[1]}"


def _members(what: str, old: set[str], now: set[str]) -> Iterator[str]:
    if old - now:
        yield f"without {what} {', '.join(sorted(old - now))}"
    if now - old:
        yield f"with {what} {', '.join(sorted(now - old))}"


def notes(base: Report, new: Report) -> Iterator[str]:
    """Yield what differs between two reports without making them incomparable."""
    if base.suite.version != new.suite.version:
        yield f"suite version {base.suite.version} -> {new.suite.version}"
    if base.confidence != new.confidence:
        yield f"intervals at {base.confidence:.0%} -> {new.confidence:.0%}"
    if base.suite.digest != new.suite.digest:
        found = "; ".join(_suite_differs(base, new))
        yield "the suites' contents differ" + (f": {found}" if found else "")
    if base.asdbench != new.asdbench:
        yield f"asdbench {base.asdbench} -> {new.asdbench}"
    yield from demand_notes(base, new)
    both = (base, new)
    yield from _fits("detector", *([c.repeats for c in report.cells] for report in both))
    fits = ([c.generator_repeats for c in report.components] for report in both)
    yield from _fits("generator", *fits)
    for kind in ("detectors", "generators"):
        old = {plugin.id: plugin for plugin in getattr(base, kind)}
        for plugin in getattr(new, kind):
            known = old.get(plugin.id)
            if known is None:
                continue
            if known.params != plugin.params:
                yield f"parameters of {plugin.id} differ"
            if (known.version, known.code) != (plugin.version, plugin.code):
                same = known.version == plugin.version
                version = plugin.version if same else f"{known.version} -> {plugin.version}"
                yield f"code of {plugin.id} differs (version {version})"
    for name, grid in base.grids.items():
        other = new.grids.get(name)
        if other is not None and grid.clips and other.clips and grid.clips != other.clips:
            shared = grid.clips.keys() & other.clips.keys()
            if any(grid.clips[place] != other.clips[place] for place in shared):
                yield f"grid '{name}' made other clips: they are not paired"


def _fits(what: str, old: Iterable[int], now: Iterable[int]) -> Iterator[str]:
    usual = [Counter(fits).most_common(1) for fits in (old, now)]
    if all(usual) and usual[0][0][0] != usual[1][0][0]:
        yield f"fits of each {what} {usual[0][0][0]} -> {usual[1][0][0]}"
