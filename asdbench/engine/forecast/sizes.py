"""How many clips every section will have in each arm, before any is read or made."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from asdbench.api import Clip
from asdbench.audio import AudioFormat
from asdbench.audit.memorization import Search
from asdbench.conditions import format_attributes
from asdbench.engine.generating import GeneratorLayout
from asdbench.engine.inventory import FileRecord
from asdbench.engine.layout import Layout
from asdbench.engine.pools import Generated
from asdbench.engine.split import Split, split_clips
from asdbench.engine.store import Store
from asdbench.suite import LoadedSuite

Counts = Mapping[str, int]
"""Clips by domain; ``all`` where a section has no domains."""


@dataclass(frozen=True)
class SectionSizes:
    """The clips of one section that evaluation will compare."""

    machine: str
    section: str
    normals: Counts
    """Real normals."""
    anomalies: Counts
    """Real anomalies that are evaluated."""
    made: Mapping[str, Counts]
    """Clips of each grid that follows real ones, by its name."""
    swept: Mapping[str, int]
    """Clips of each grid over axes, by its name."""
    conditions: Mapping[str, int]
    """Real anomalies of each condition, by its attributes."""
    cells: Mapping[str, Counts] = field(default_factory=dict)
    """Clips of each grid by its name, by the attributes of their condition."""


@dataclass(frozen=True)
class Expected:
    """What a suite will evaluate."""

    sections: tuple[SectionSizes, ...]
    split: Split
    searches: Mapping[tuple[str, str], Sequence[Search]] = field(default_factory=dict)
    """The searches for copies by (grid, machine), one a fold, as if all clips were copies."""

    @property
    def machines(self) -> tuple[str, ...]:
        """Machine types."""
        return tuple(dict.fromkeys(s.machine for s in self.sections))


def expect(loaded: LoadedSuite, clips: Sequence[Clip]) -> Expected:
    """Count what the suite will evaluate of ``clips``, and what it will have made.

    Nothing is read and nothing is written: grids are laid out as for a run, with the names of the
    clips in the place of what identifies their audio.
    """
    suite = loaded.suite
    split = split_clips(clips, suite.split, generators=bool(suite.generators))
    records = {clip.id: FileRecord(clip.digest or clip.id, None) for clip in clips}
    nowhere = Store(Path("nowhere"))
    layout = Layout(loaded, nowhere, AudioFormat(**suite.audio.model_dump()), records)
    for task in layout.sources.tasks(clips):
        layout.add(task)
    made: dict[tuple[str, str], dict[str, Counter[str]]] = {}
    cells: dict[tuple[str, str], dict[str, Counter[str]]] = {}
    generated = GeneratorLayout(layout, clips, split).build()
    for (grid, machine, section), found in generated.items():
        domains = Counter[str](member.row.condition.domain or "all" for member in found.members())
        made.setdefault((machine, section), {})[grid] = domains
        asked = (format_attributes(m.row.condition.attributes) for m in found.members())
        cells.setdefault((machine, section), {})[grid] = Counter(asked)
    places = dict.fromkeys((clip.machine, clip.section) for clip in split.evaluation)
    return Expected(
        tuple(
            _section(
                place,
                [c for c in split.evaluation if (c.machine, c.section) == place],
                made.get(place, {}),
                cells.get(place, {}),
                loaded,
            )
            for place in sorted(places)
        ),
        split,
        _searches(loaded, split, generated),
    )


def _searches(
    loaded: LoadedSuite, split: Split, generated: Mapping[tuple[str, str, str], Generated]
) -> dict[tuple[str, str], list[Search]]:
    """Return the searches for copies, as :mod:`asdbench.engine.layout` sets them up."""
    made: dict[tuple[str, str], Counter[int]] = {}
    for (name, machine, _), found in generated.items():
        grid = loaded.suite.grids[name]
        if grid.make == "generate" and not grid.sweeps:
            folds = {fold: len(members) for fold, members in found.by_fold().items()}
            made.setdefault((name, machine), Counter()).update(folds)
    return {
        (name, machine): [
            Search(
                count,
                count,
                sum(
                    (clip.machine, clip.label) == (machine, loaded.suite.grids[name].label)
                    for clip in split.folds[fold].evaluation
                ),
            )
            for fold, count in sorted(folds.items())
        ]
        for (name, machine), folds in made.items()
    }


def _section(
    place: tuple[str, str],
    clips: Sequence[Clip],
    made: Mapping[str, Counter[str]],
    cells: Mapping[str, Counter[str]],
    loaded: LoadedSuite,
) -> SectionSizes:
    divided = all(clip.domain is not None for clip in clips)

    def count(label: str) -> Counter[str]:
        return Counter(clip.domain or "all" for clip in clips if clip.label == label)

    def whole(counts: Counter[str]) -> Counts:
        return dict(counts) if divided else {"all": counts.total()}

    grids = loaded.suite.grids
    return SectionSizes(
        *place,
        whole(count("normal")),
        whole(count("anomaly")),
        {name: whole(counts) for name, counts in made.items() if not grids[name].sweeps},
        {name: counts.total() for name, counts in made.items() if grids[name].sweeps},
        Counter(format_attributes(c.condition.attributes) for c in clips if c.label == "anomaly"),
        cells,
    )
