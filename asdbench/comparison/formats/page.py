"""A comparison as Markdown, short enough for a comment on a pull request."""

from __future__ import annotations

from collections.abc import Sequence

from asdbench.comparison.formats.words import change_text, conclusion, shown
from asdbench.comparison.outcome import Change, Comparison
from asdbench.comparison.quantity import Key
from asdbench.report.text import escaped, table

LIMIT = 30
"""Rows of a table; the rest is counted."""
_HEADERS = ("row", "value", "status", "base", "new", "change", "tolerance")


def as_markdown(outcome: Comparison, limit: int = LIMIT) -> str:
    """Return a page: the verdict, what it rests on, the worst rows first.

    Parameters
    ----------
    outcome
        The comparison.
    limit
        Rows of a table at most; the rest is counted.
    """
    blocks = [
        f"### asdbench compare: {escaped(outcome.suite)}: {outcome.verdict}",
        escaped(conclusion(outcome)),
    ]
    for name, lines in (("Not comparable", outcome.obstacles), ("Notes", outcome.notes)):
        if lines:
            blocks += [f"**{name}**", "\n".join(f"- {escaped(line)}" for line in lines)]
    blocks += _keys("Lost rows", outcome.lost, limit)
    blocks += _table(outcome.shown, outcome.confidence, limit)
    blocks += _reasons(outcome.shown[:limit])
    blocks += _keys("New rows", outcome.added, limit)
    return "\n\n".join(blocks) + "\n"


def _keys(name: str, keys: Sequence[Key], limit: int) -> list[str]:
    if not keys:
        return []
    lines = [f"- {escaped(str(key))}" for key in keys[:limit]]
    if len(keys) > limit:
        lines.append(f"- and {len(keys) - limit} more")
    return [f"**{name}**", "\n".join(lines)]


def _table(rows: Sequence[Change], confidence: float, limit: int) -> list[str]:
    if not rows:
        return []
    lines = [
        (
            escaped(str(row.key)),
            f"`{row.value}`",
            f"**{row.status}**" if row.fails else row.status,
            escaped(shown(row.base)),
            escaped(shown(row.new)),
            change_text(row),
            "-" if row.tolerance is None else f"{row.tolerance:g}",
        )
        for row in rows[:limit]
    ]
    blocks = [table(lines, _HEADERS, text=3)]
    if len(rows) > limit:
        rest = rows[limit:]
        failing = sum(row.fails for row in rest)
        blocks.append(f"and {len(rest)} more rows, {failing} of them fail.")
    if any(row.low is not None for row in rows):
        blocks.append(
            f"In brackets: the {confidence:.0%} interval of the change, paired over the clips "
            "that both runs scored. **Bold**: the comparison fails on it."
        )
    return blocks


def _reasons(rows: Sequence[Change]) -> list[str]:
    """Return why rows without numbers to compare stand in the table, each reason once."""
    texts = [row.reason for row in rows if row.reason is not None and row.low is None]
    found = list(dict.fromkeys(texts))
    return ["\n".join(f"- {escaped(reason)}" for reason in found[:8])] if found else []
