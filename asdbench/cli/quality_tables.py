"""The tables of ``asdbench quality`` on stdout."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, TypeVar

from asdbench.cli.tables import compact_table, console
from asdbench.metrics.quality_csv import column
from asdbench.metrics.quality_rows import (
    CaptionRow,
    ClassifierRow,
    DistanceRow,
    MemorizationRow,
    QualityTable,
)

if TYPE_CHECKING:
    from rich.table import Table

_SHOWN = 5  # suspicious clips of a row
_Row = TypeVar("_Row", DistanceRow, ClassifierRow, CaptionRow, MemorizationRow)


def print_quality(table: QualityTable) -> None:
    """Print a table for each embedding, as its values are comparable with no other's."""
    out = console()
    for name, digest, distances in _by_model(table.distances, lambda row: row.embedding):
        out.print(_distances(f"Generated against real clips, by {column(name, digest)}", distances))
    for name, digest, scores in _by_model(table.classifiers, lambda row: row.classifier):
        out.print(_classifiers(f"Class posteriors, by {column(name, digest)}", name, scores))
    for name, digest, captions in _by_model(table.captions, lambda row: row.embedding):
        out.print(_captions(f"Cosine of caption and clip, by {column(name, digest)}", captions))
    for name, digest, copies in _by_model(table.memorization, lambda row: row.space):
        out.print(_copies(f"Nearness to training clips, by {column(name, digest)}", copies))
        for line in _suspects(copies):
            out.print(line)
    for note in _notes(table):
        out.print(f"Note: {note}")


def number(value: float | None) -> str:
    """Return a value with three significant digits, ``-`` where there is none."""
    if value is None:
        return "-"
    return str(value) if isinstance(value, int) else f"{value:.3g}"


def _by_model(
    rows: Iterable[_Row], name: Callable[[_Row], str]
) -> list[tuple[str, str | None, list[_Row]]]:
    """Return rows by the model they come from and its digest, in order of appearance."""
    order: dict[tuple[str, str | None], list[_Row]] = {}
    for row in rows:
        order.setdefault((name(row), row.digest), []).append(row)
    return [(model, digest, members) for (model, digest), members in order.items()]


def _table(title: str, caption: str | None, *heads: str) -> Table:
    shown = compact_table(title, caption)
    for name in ("machine", "label"):
        shown.add_column(name, overflow="fold")
    for head in heads:
        shown.add_column(head, justify="right", no_wrap=True)
    return shown


def _distances(title: str, rows: list[DistanceRow]) -> Table:
    shown = _table(
        title,
        "FAD at n: n generated clips against half of the real ones; floor: the other half "
        "against it. inf: extrapolated. KAD: unbiased, with 95 % interval; p: of equal "
        "distributions; floor: 95 % of halves of the real clips.",
        *("clips\nreal", "gen.", "FAD\nall", "n", "at n", "floor", "inf"),
        *("KAD\n ", "interval", "p", "floor"),
    )
    for row in rows:
        between = "-" if row.kad is None else f"{number(row.kad_low)}..{number(row.kad_high)}"
        shown.add_row(
            *(row.machine, row.label or "-", str(row.real_clips), str(row.generated_clips)),
            *map(number, (row.fad, row.floor_clips, row.fad_matched, row.fad_floor)),
            *(number(row.fad_infinity), number(row.kad), between),
            *("-" if row.kad_p is None else f"{row.kad_p:.3f}", number(row.kad_floor)),
        )
    return shown


def _classifiers(title: str, name: str, rows: list[ClassifierRow]) -> Table:
    shown = _table(title, None, "pairs", f"kl_{name}", f"is_{name}\nreal", "gen.")
    for row in rows:
        values = (row.pairs, row.kl, row.is_real, row.is_generated)
        shown.add_row(row.machine, row.label or "-", *map(number, values))
    return shown


def _captions(title: str, rows: list[CaptionRow]) -> Table:
    shown = _table(title, None, "real", "gen.")
    for row in rows:
        values = (row.clap_real, row.clap_generated)
        shown.add_row(row.machine, row.label or "-", *map(number, values))
    return shown


def _copies(title: str, rows: list[MemorizationRow]) -> Table:
    shown = _table(
        title,
        "near: share of generated clips nearer to a training clip than 99 % of the real clips "
        "(limit), which are held out; alone: share whose lead over the second nearest is wider "
        "than that of 99 %; chance: either share where nothing is copied.",
        *("clips\ngen.", "real", "train", "median\ngen.", "real", "limit"),
        *("share\nnear", "alone", "chance"),
    )
    for row in rows:
        counts = (row.generated_clips, row.baseline_clips, row.train_clips)
        values = (row.median, row.median_baseline, row.limit)
        shares = (row.share, row.margin_share, row.expected_share)
        shown.add_row(row.machine, row.label or "-", *map(number, (*counts, *values, *shares)))
    return shown


def _suspects(rows: list[MemorizationRow]) -> Iterator[str]:
    for row in rows:
        if row.suspects:
            yield f"{row.machine} {row.label or ''}: beyond a limit, widest lead first"
        for one in row.suspects[:_SHOWN]:
            values = f"{number(one.nearness)}, lead {number(one.margin)}"
            yield f"  {one.clip}\n    near {one.neighbor} ({values})"
        if len(row.suspects) > _SHOWN:
            yield f"  and {len(row.suspects) - _SHOWN} more, listed by --json"


def _notes(table: QualityTable) -> list[str]:
    """Return what is to be said once: a note of several rows names them."""
    said: dict[str, list[str]] = {}
    rows: list[DistanceRow | ClassifierRow | MemorizationRow]
    rows = [*table.distances, *table.classifiers, *table.memorization]
    for row in rows:
        for note in row.notes:
            said.setdefault(note, []).append(f"{row.machine} {row.label or ''}".strip())
    rest = [f"{note} ({', '.join(dict.fromkeys(there))})" for note, there in said.items()]
    return [*table.notes, *rest]
