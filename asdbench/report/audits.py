"""What a run brings to the audits of its generators, and whether their clips are copies."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from asdbench.audit.conditions import SeenConditions
from asdbench.audit.memorization import LEVEL
from asdbench.report.audit_schema import FidelityRow, LeakageRow, MemorizationRow
from asdbench.report.quality_schema import QualityRow
from asdbench.stats.multiplicity import holm


@dataclass(frozen=True)
class AuditFacts:
    """What the audits of generators need beside the scores."""

    leakage: tuple[LeakageRow, ...] = ()
    fidelity: tuple[FidelityRow, ...] = ()
    seen: Mapping[str, SeenConditions] = field(default_factory=dict)
    """What each generator learned from, by its id."""


def memorization_rows(
    quality: Sequence[QualityRow], made_by: Mapping[str, str]
) -> Iterator[MemorizationRow]:
    """Yield a finding for each grid and machine whose clips may be copies.

    A grid's machines are tested together: where nothing is copied, at most one of a hundred grids
    has a machine that is called copied, however many machines there are. Where not even a machine
    of nothing but copies could be called so, it is not measured.

    Parameters
    ----------
    quality
        What was measured; rows of round trips are left out.
    made_by
        The generator of each grid of generated clips.
    """
    for grid, generator in made_by.items():
        rows = [row for row in quality if row.grid == grid]
        found = {row.machine: row.copied_p for row in rows if row.copied_p is not None}
        adjusted = _adjusted(found)
        for row in rows:
            least = None
            if row.machine in found and row.copied_p_least is not None:
                least = _adjusted(found | {row.machine: row.copied_p_least})[row.machine]
            yield _finding(row, generator, adjusted.get(row.machine), least)


def _adjusted(found: Mapping[str, float]) -> dict[str, float]:
    return dict(zip(found, holm(list(found.values())), strict=True))


def _finding(
    row: QualityRow, generator: str, adjusted: float | None, least: float | None
) -> MemorizationRow:
    """Return what p, adjusted for the grid's machines, shows; ``least`` is what it could be."""
    values = {"generator": generator, "grid": row.grid, "machine": row.machine}
    if adjusted is None or row.copied_p is None or row.copied_share is None:
        why = row.notes[0] if row.notes else "the generator was given no clips of the machine"
        return MemorizationRow(
            **values,
            finding="not measured",
            share=None,
            n=row.generated_clips,
            sentence=f"{row.machine}: copies were not looked for: {why}.",
        )
    copied = adjusted < LEVEL
    powerless = least is not None and least >= LEVEL
    count = round(row.copied_share * row.generated_clips)
    are = "is" if count == 1 else "are"
    end = "which chance explains"
    if copied:
        end = "more than chance explains: the generator repeats what it learned from"
    elif powerless:
        end = (
            f"and with so few clips p is never below {least:.2g}, whatever they are (the level is "
            f"{LEVEL:g}): they cannot tell"
        )
    expected = row.copied_share_expected or 0.0
    sentence = (
        f"{row.machine}: {count} of {row.generated_clips} generated clips {are} nearer to a "
        f"training clip than 99 % of the {row.real_clips} held-out real clips are; "
        f"{expected * row.generated_clips:.1f} are expected where nothing is copied "
        f"(p = {row.copied_p:.2g}), {end}."
    )
    return MemorizationRow(
        **values,
        finding="copied" if copied else "not measured" if powerless else "not copied",
        share=row.copied_share,
        expected=row.copied_share_expected,
        p=row.copied_p,
        n=row.generated_clips,
        sentence=sentence,
    )
