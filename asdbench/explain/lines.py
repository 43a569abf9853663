"""Headings, tables and paragraphs of at most 100 columns."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Sequence

from tabulate import tabulate

WIDTH = 100


def heading(text: str) -> str:
    """Return the first line of a block."""
    return f"== {text} "


def wrapped(lines: Iterable[str]) -> Iterator[str]:
    """Yield lines of at most 100 columns; tables are narrower by themselves."""
    for line in lines:
        if len(line) <= WIDTH:
            yield line.rstrip()
            continue
        indent = "  " if line.startswith(("- ", "  ")) else ""
        yield from textwrap.wrap(line, WIDTH, subsequent_indent=indent, break_on_hyphens=False)


def table(rows: Sequence[Sequence[str]], headers: Sequence[str], words: int = 1) -> list[str]:
    """Return a table whose first ``words`` columns are words and whose others are numbers."""
    align = ["left"] * words + ["right"] * (len(headers) - words)
    text = tabulate(
        list(rows),
        headers,
        tablefmt="simple",
        colalign=align[: len(headers)],
        disable_numparse=True,
    )
    return text.splitlines()


def page(blocks: Iterable[Sequence[str]]) -> str:
    """Return blocks of lines with an empty line between them; empty blocks are left out."""
    return "\n\n".join("\n".join(wrapped(block)) for block in blocks if block) + "\n"
