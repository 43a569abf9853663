"""Histograms and quantiles as text."""

from __future__ import annotations

from asdbench.explain.distributions import LEVELS
from asdbench.explain.model import Distributions

_EIGHTHS = " ▏▎▍▌▋▊▉█"
_LABEL = 20  # columns of a bin's bounds


def histogram_lines(spread: Distributions, width: int, plain: bool) -> list[str]:
    """Return one line a bin, the lowest first, with a bar for every pool.

    Parameters
    ----------
    spread
        What to draw; every bar has the same scale.
    width
        Of the lines, columns.
    plain
        Whether bars are made of ``#`` instead of block elements.
    """
    column = (width - _LABEL) // max(len(spread.pools), 1)
    bar = column - 6  # a space, and the share
    most = max(share for pool in spread.pools for share in pool.shares)
    short = [
        p.name.replace("generated", "gen.").replace("anomalies", "anom.") for p in spread.pools
    ]
    heads = [f"{name} ({pool.n})" for name, pool in zip(short, spread.pools, strict=True)]
    lines = [" " * _LABEL + "".join(head[: column - 1].ljust(column) for head in heads)]
    bins = len(spread.edges) - 1
    for index in range(bins):
        low, high = spread.edges[index], spread.edges[index + 1]
        bounds = f"{low:.4g} to {high:.4g}"
        if index == 0:
            bounds = f"below {high:.4g}"
        elif index == bins - 1:
            bounds = f"from {low:.4g}"
        line = bounds.ljust(_LABEL)
        for pool in spread.pools:
            share = pool.shares[index]
            drawn = _bar(share / most * bar, plain).ljust(bar)
            line += f"{drawn}{f'{share:.0%}' if share else '':>4}  "
        lines.append(line)
    return lines


def _bar(length: float, plain: bool) -> str:
    """Return a bar of ``length`` columns, never empty where there is something to show."""
    if plain:
        return "#" * max(round(length), 1 if length > 0 else 0)
    eighths = max(round(length * 8), 1 if length > 0 else 0)
    return "█" * (eighths // 8) + _EIGHTHS[eighths % 8].strip()


def quantile_rows(spread: Distributions) -> tuple[list[list[str]], list[str]]:
    """Return the rows and the headers of the table of quantiles."""
    names = {0.0: "lowest", 0.5: "median", 1.0: "highest"}
    headers = ["scores of", "n", *(names.get(level, f"{level:.0%}") for level in LEVELS)]
    rows = [
        [pool.name, str(pool.n), *(f"{value:.4g}" for value in pool.quantiles)]
        for pool in spread.pools
    ]
    return rows, headers
