"""Numbers, names and tables as text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Protocol

from tabulate import tabulate

from asdbench.report.schema import Report


class Made(Protocol):
    """A row about a generator's clips."""

    @property
    def generator(self) -> str | None:
        """`id` in the suite."""

    @property
    def grid(self) -> str | None:
        """Name of the grid."""


def number(value: float | None, signed: bool = False) -> str:
    """Return a metric with three decimals; ``-`` where there is none."""
    if value is None:
        return "-"
    rounded = round(value, 3) + 0.0  # no -0.000
    return f"{rounded:+.3f}" if signed else f"{rounded:.3f}"


def with_interval(
    value: float | None, low: float | None, high: float | None, signed: bool = False
) -> str:
    """Return e.g. ``+0.031 [-0.020, +0.081]``."""
    text = number(value, signed)
    return (
        text
        if low is None or high is None
        else f"{text} [{number(low, signed)}, {number(high, signed)}]"
    )


def first_line(text: str) -> str:
    """Return the first line of a message that may be empty."""
    return (text.splitlines() or [""])[0]


def title(report: Report) -> str:
    """Return the title; it says *simulated* where the "real" clips are simulated."""
    kind = " (simulated data)" if report.data.simulated else ""
    return f"{report.suite.name} {report.suite.version}{kind}"


def escaped(text: str) -> str:
    """Return text from files or plug-ins so that Markdown shows it as it is."""
    special = r"([\\`*{}\[\]<>|~]|(?<!\w)_|_(?!\w))"  # an underscore within a word is harmless
    return re.sub(special, r"\\\1", " ".join(text.split()))


def made_by(row: Made, report: Report) -> str:
    """Return the generator's name, with the grid's where it has several.

    A grid over axes counts for its own rows alone.
    """
    if row.generator is None:
        return "-"
    wanted = (row.generator, "anomaly", "generate")
    own = [
        name
        for name, g in report.grids.items()
        if (g.generator, g.label, g.make) == wanted and (not g.sweeps or name == row.grid)
    ]
    return row.generator if len(own) <= 1 else f"{row.generator} ({row.grid})"


def table(rows: Iterable[Sequence[str]], headers: Sequence[str], text: int) -> str:
    """Return a table whose first ``text`` columns are words and whose others are numbers."""
    align = ["left"] * text + ["right"] * (len(headers) - text)
    return tabulate(list(rows), headers, tablefmt="github", colalign=align, disable_numparse=True)


def without_empty(
    rows: Sequence[Sequence[str]], headers: Sequence[str]
) -> tuple[list[list[str]], list[str]]:
    """Return the table without the columns that say nothing."""
    keep = [i for i in range(len(headers)) if {row[i] for row in rows} - {"-", ""}]
    return [[row[i] for i in keep] for row in rows], [headers[i] for i in keep]


def notes(found: Iterable[tuple[str | None, str]], file: str) -> list[str]:
    """Return a block of remarks with the values that each is about.

    Parameters
    ----------
    found
        (remark or None, value) pairs.
    file
        Where all of them are, for values that the block leaves out.
    """
    values_of: dict[str, list[str]] = {}
    for remark, value in found:
        if remark is not None:
            values_of.setdefault(remark, []).append(value)
    shown = 6
    lines = [
        f"- {escaped(remark)}: {escaped(', '.join(values[:shown]))}"
        + (f" and {len(values) - shown} more ({file})" if len(values) > shown else "")
        for remark, values in values_of.items()
    ]
    return ["### Notes", "\n".join(lines)] if lines else []
