"""Sentences that several formats share."""

from __future__ import annotations

from asdbench.comparison.outcome import Change, Comparison
from asdbench.report.text import number, with_interval
from asdbench.report.trust_words import plural


def shown(value: float | str | None) -> str:
    """Return a number or a finding as text; ``-`` where there is none."""
    return value if isinstance(value, str) else number(value)


def change_text(row: Change) -> str:
    """Return e.g. ``-0.041 [-0.080, -0.002]``; ``-`` where nothing is to be subtracted."""
    return with_interval(row.difference, row.low, row.high, signed=True)


def sentence(row: Change) -> str:
    """Return what became of a row, in one line."""
    text = f"{row.key} {row.value}: {row.status}, {shown(row.base)} -> {shown(row.new)}"
    if row.difference is not None:
        text += f" ({change_text(row)})"
    if row.tolerance is not None and row.difference is not None:
        text += f", tolerance {row.tolerance:g}"
    return f"{text}; {row.reason}" if row.reason else text


def conclusion(outcome: Comparison) -> str:
    """Return the verdict with the counts behind it, in one line."""
    if outcome.obstacles:
        return f"not comparable: {plural(len(outcome.obstacles), 'reason')}"
    counts = ", ".join(f"{count} {status}" for status, count in sorted(outcome.counts.items()))
    return (
        f"{outcome.verdict}: {outcome.n_rows} rows in both, {len(outcome.lost)} lost, "
        f"{len(outcome.added)} new; {len(outcome.rows)} values: {counts or 'none'}; "
        f"{len(outcome.changes)} fail ({tolerance_text(outcome)})"
    )


def tolerance_text(outcome: Comparison) -> str:
    """Return the tolerances as text."""
    if set(outcome.tolerances) == {"default"}:
        return f"tolerance {outcome.tolerances['default']:g}"
    return "gates " + ", ".join(
        name if name == "verdict" else f"{name}:{value:g}"
        for name, value in outcome.tolerances.items()
    )
