"""The worst clips and the conditions of a cell, as lines of text."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from asdbench.audit.conditions import LEAST
from asdbench.explain.lines import heading, table
from asdbench.explain.model import ClipLine, Explanation
from asdbench.report.text import number, with_interval

_NAME = 50  # columns of a clip's name


def clip_blocks(found: Explanation) -> Iterator[list[str]]:
    """Yield a table for each kind of clips."""
    if found.clips is None:
        return
    for title, standing, lines in (
        (
            "Missed: real anomalies scored lowest (above: normals that score higher)",
            "above",
            found.clips.missed,
        ),
        (
            "False alarms: real normals scored highest (below: anomalies that score lower)",
            "below",
            found.clips.false_alarms,
        ),
        (
            "Generated clips least like real ones of their label (sd: distance from their mean)",
            "sd",
            found.clips.far,
        ),
    ):
        if lines:
            percent = standing != "sd"
            rows = [_clip_row(line, percent) for line in lines]
            headers = ["clip", "condition", "domain", "score", standing]
            heard = [f"  {line.clip}: {line.audio}" for line in lines if line.audio]
            yield [heading(title), *table(rows, headers, 3), *heard]


def _clip_row(line: ClipLine, percent: bool) -> list[str]:
    name = line.clip.rpartition("/")[2] if line.clip.endswith(".wav") else line.clip
    name = name if len(name) <= _NAME else f"...{name[3 - _NAME :]}"
    standing = f"{line.standing:.0%}" if percent else f"{line.standing:+.1f}"
    condition = textwrap.shorten(line.condition, 18, placeholder="...")
    return [name, condition, line.domain or "-", f"{line.score:.4g}", standing]


def condition_blocks(found: Explanation) -> Iterator[list[str]]:
    """Yield the table of conditions, if there is one."""
    if not found.conditions:
        return
    protocol = found.headline.gap if found.headline is not None else "real"
    rows = [
        [
            textwrap.shorten(line.condition, 30, placeholder="..."),
            line.domain or "-",
            f"{line.n_real}/{line.n_generated}",
            number(line.auc_real),
            number(line.auc_generated),
            with_interval(line.gap, line.low, line.high, signed=True),
            line.status or "-",
        ]
        for line in found.conditions
    ]
    headers = ["anomalies of", "domain", "n", "AUC real", f"AUC {protocol}", "gap", "map"]
    intervals = [
        (line.low, line.high)
        for line in found.conditions
        if line.low is not None and line.high is not None
    ]
    apart = sum(not low <= 0.0 <= high for low, high in intervals)
    count = f" {apart} of {len(intervals)} intervals exclude 0 (by chance "
    yield [
        heading("Conditions, the largest gap first"),
        *table(rows, headers, 2),
        "The cell's normals against the anomalies of one condition (n: real/generated)."
        + (f"{count}{1.0 - found.confidence:.0%} would)." if intervals else "")
        + (
            f" Fewer than {LEAST} real or generated anomalies have no interval."
            if any(min(line.n_real, line.n_generated) < LEAST for line in found.conditions)
            else ""
        ),
    ]
