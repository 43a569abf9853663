"""What to expect of a gate on the map of conditions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from asdbench.audit.conditions import LEAST
from asdbench.engine.forecast.outlook import Outlook, Prospect, outlook
from asdbench.engine.forecast.power import TYPICAL
from asdbench.engine.forecast.sizes import SectionSizes
from asdbench.stats.power import Sizes, certifiable_margin, gap_se
from asdbench.suite.gate_models import CoverageGateModel
from asdbench.suite.model import Suite


@dataclass(frozen=True)
class _Condition:
    """A condition that a generator's clips have or ought to have."""

    real: int
    """Real anomalies."""
    made: int
    """Generated anomalies, of the grid that makes the most."""
    margin: float | None
    """What can be certified; None where there is no interval."""


@dataclass(frozen=True)
class _Map:
    """What the map will hold of one generator and machine."""

    generator: str
    machine: str
    conditions: tuple[_Condition, ...]

    @property
    def supported(self) -> list[_Condition]:
        """Conditions that have real clips."""
        return [one for one in self.conditions if one.real]

    @property
    def beyond(self) -> bool:
        """Whether a condition has none."""
        return len(self.supported) < len(self.conditions)

    def possible(self, margin: float) -> int:
        """Return how many conditions can be validated."""
        return sum(one.margin is not None and one.margin <= margin for one in self.supported)


def coverage_outlook(gate: CoverageGateModel, about: Prospect) -> Outlook:
    """Return whether enough conditions can be validated, and whether any lies beyond the data."""
    suite = about.loaded.suite
    maps = list(_maps(gate, about))
    if not maps:
        reason = "no grid generates anomalies"
        return outlook(gate, "cannot pass", reason, "Add a grid, or leave the gate out.")
    margin = suite.statistics.margin
    if gate.max_distance is not None:
        inside = [one for one in maps if not one.beyond]
        if len(inside) == len(maps):
            reason = "no grid goes beyond the conditions of the data"
            advice = "Add a grid with axes, or drop max_distance."
            return outlook(gate, "cannot pass", reason, advice)
        if inside:
            reason = f"{_places(inside)}: no grid goes beyond the conditions of the data"
            advice = (
                "Add axes, name under `generators` those that have them on every machine, or "
                "drop max_distance."
            )
            return outlook(gate, "cannot pass", reason, advice)
        if none := [one for one in maps if not one.possible(margin)]:
            reason, advice = _limits(none, suite)
            reason += ": no validated condition to measure the distance from"
            return outlook(gate, "cannot pass", reason, f"{advice}, or drop max_distance.")
    wanted = gate.min_validated
    short = [one for one in maps if one.possible(margin) < wanted * len(one.supported)]
    if wanted > 0.0 and (empty := [one for one in maps if not one.supported]):
        reason = f"{_places(empty)}: no condition has real clips"
        return outlook(gate, "cannot pass", reason, "Drop min_validated.")
    if short:
        reason, advice = _limits(short, suite)
        return outlook(gate, "cannot pass", reason, f"{advice}, or drop min_validated.")
    if gate.max_distance is not None:
        return outlook(gate, "unknown", "distances are known once conditions are validated")
    most = max(condition.real for one in maps for condition in one.conditions)
    return outlook(gate, "can pass", f"up to {most} real anomalies a condition")


def _limits(short: Sequence[_Map], suite: Suite) -> tuple[str, str]:
    """Return why too few conditions can be validated, and what to change."""
    margin = suite.statistics.margin
    off = [
        condition
        for one in short
        for condition in one.supported
        if condition.margin is None or condition.margin > margin
    ]
    where = _places(short)
    real, made = (max(getattr(one, name) for one in off) for name in ("real", "made"))
    if not any(one.real >= LEAST for one in off):
        reason = f"{where}: a condition has at most {real} real anomalies, and {LEAST} are needed"
        advice = "Have more real anomalies of each condition"
        if suite.split.folds is None and suite.split.generator_train > 0.0:
            advice += " (split: {folds: 5} in place of generator_train evaluates every one)"
    elif not any(min(one.real, one.made) >= LEAST for one in off):
        reason = (
            f"{where}: a condition has at most {made} generated anomalies where real ones "
            f"suffice, and {LEAST} are needed"
        )
        advice = "Raise the multiplier, or clips_per_cell"
    else:
        least = min(one.margin for one in off if one.margin is not None)
        reason = (
            f"{where}: a condition has at most {real} real anomalies, too few to show a gap within "
            f"{margin:g}; at best {least:.3f} can be certified"
        )
        advice = "Set statistics.margin higher"
    return reason, advice


def _places(maps: Sequence[_Map]) -> str:
    found: dict[str, list[str]] = {}
    for one in maps:
        found.setdefault(one.generator, []).append(one.machine)
    return "; ".join(f"{name} ({', '.join(machines)})" for name, machines in found.items())


def _maps(gate: CoverageGateModel, about: Prospect) -> Iterator[_Map]:
    suite = about.loaded.suite
    for generator in (plugin.id for plugin in suite.generators):
        if gate.generators is not None and generator not in gate.generators:
            continue
        for machine in about.expected.machines:
            sections = [s for s in about.expected.sections if s.machine == machine]
            found = tuple(c for s in sections for c in _conditions(suite, generator, s))
            if found:
                yield _Map(generator, machine, found)


def _conditions(suite: Suite, generator: str, section: SectionSizes) -> Iterator[_Condition]:
    """Yield the conditions of one section of which the map will have rows."""
    made: dict[str, int] = {}
    normals: int | None = None
    followed = False
    for name, grid in suite.grids.items():
        if grid.generator != generator or grid.make != "generate":
            continue
        if grid.label == "normal":
            normals = sum(section.made.get(name, {}).values()) or None
            continue
        followed |= not grid.sweeps
        for condition, count in section.cells.get(name, {}).items():
            made[condition] = max(made.get(condition, 0), count)
    kept = section.conditions.keys() | made.keys() if followed else made.keys()
    beside = sum(section.normals.values())
    for condition in kept:
        real, count = section.conditions.get(condition, 0), made.get(condition, 0)
        margin = None
        if min(real, count) >= LEAST and beside:
            sizes = Sizes(beside, real, count, normals)
            margin = certifiable_margin(gap_se(TYPICAL, sizes), suite.statistics.confidence)
        yield _Condition(real, count, margin)
